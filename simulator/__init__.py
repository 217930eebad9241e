"""The simulator settles: markets, loans, resolution, time."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashcredit.simulator.counterfactual import paired_contagion as paired_contagion
    from hashcredit.simulator.engine import simulate as simulate
    from hashcredit.simulator.engine import simulate_many as simulate_many
    from hashcredit.simulator.funding_alone import simulate_funding as simulate_funding
    from hashcredit.simulator.model import MarketModel as MarketModel
    from hashcredit.simulator.network_files import write_networks as write_networks
    from hashcredit.simulator.scenario import Scenario as Scenario

__all__ = [
    "MarketModel",
    "Scenario",
    "paired_contagion",
    "simulate",
    "simulate_funding",
    "simulate_many",
    "write_networks",
]

# Imported on first use, so that a kernel module never pulls in pydantic or pandas through its package.
# Mesa costs half a second and changes how processes are started, so only MarketModel brings it in.
_HOMES = {
    "MarketModel": "hashcredit.simulator.model",
    "Scenario": "hashcredit.simulator.scenario",
    "paired_contagion": "hashcredit.simulator.counterfactual",
    "simulate": "hashcredit.simulator.engine",
    "simulate_funding": "hashcredit.simulator.funding_alone",
    "simulate_many": "hashcredit.simulator.engine",
    "write_networks": "hashcredit.simulator.network_files",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
