"""The simulator settles: markets, loans, resolution, time."""

from typing import TYPE_CHECKING

from hashcredit.simulator.public import public_names

if TYPE_CHECKING:
    from hashcredit.simulator.mesa_face.model import MarketModel as MarketModel
    from hashcredit.simulator.reports.seized import realised_split as realised_split
    from hashcredit.simulator.reports.seized import seized_lots as seized_lots
    from hashcredit.simulator.runs.counterfactual import paired_contagion as paired_contagion
    from hashcredit.simulator.runs.engine import simulate as simulate
    from hashcredit.simulator.runs.engine import simulate_many as simulate_many
    from hashcredit.simulator.runs.funding_alone import simulate_funding as simulate_funding
    from hashcredit.simulator.scenario.scenario import Scenario as Scenario
    from hashcredit.simulator.setup.network_export import write_networks as write_networks

__all__ = [
    "MarketModel",
    "Scenario",
    "paired_contagion",
    "realised_split",
    "seized_lots",
    "simulate",
    "simulate_funding",
    "simulate_many",
    "write_networks",
]

__getattr__, __dir__ = public_names(
    __name__,
    {
        "MarketModel": "mesa_face.model",
        "Scenario": "scenario.scenario",
        "paired_contagion": "runs.counterfactual",
        "realised_split": "reports.seized",
        "seized_lots": "reports.seized",
        "simulate": "runs.engine",
        "simulate_funding": "runs.funding_alone",
        "simulate_many": "runs.engine",
        "write_networks": "setup.network_export",
    },
)
