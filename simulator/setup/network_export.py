"""Writing a drawn network as files that a scenario can name."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.errors import OutputFolderError, ScenarioError
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, whole_number
from hashcredit.simulator.scenario.link_files import FORMATS, csv_text, graphml_text
from hashcredit.simulator.scenario.network_files import BORROWERS, BUYERS, LENDERS, NETWORKS, agent_names


def write_networks(
    scenario: GivenScenario, seed: int, folder: str | Path, format: str = "graphml"
) -> tuple[Path, Path, Path]:
    """Write the networks of a (scenario, seed) as files `credit`, `trade`, `interlender`; return the paths.

    Parameters
    ----------
    scenario : Scenario, name or path
        As in `simulate`; None is the baseline.
    folder : str or Path
        Made if it is not there; a file of the same name in it is not overwritten (OutputFolderError).
    format : str
        "graphml" (with the agents' kinds and those without a link) or "csv".

    A scenario whose `networks` name the first two runs on the same networks, bit by bit. The third has the
    links between lenders; the debts on them are fitted anew, so only their last bits can differ.
    """
    from hashcredit.simulator.setup.networks import build_networks

    if f".{format}" not in FORMATS:
        raise ScenarioError("format", format, "'graphml' or 'csv'")
    scenario = scenario_of(scenario)
    networks, people = build_networks(scenario, whole_number("seed", seed)), scenario.population
    sides: dict[str, tuple[dict[str, str], dict[str, str], NDArray[Any], NDArray[Any]]] = {
        "credit": (BORROWERS, LENDERS, networks.credit_start, networks.credit_lender),
        "trade": (BORROWERS | BUYERS, BORROWERS | LENDERS, networks.trade_start, networks.trade_seller),
        "interlender": (LENDERS, LENDERS, networks.claim_start, networks.claim_debtor),
    }
    paths = []
    for network in NETWORKS:
        row_kinds, kinds, start, neighbour = sides[network]
        rows, others = agent_names(people, row_kinds), agent_names(people, kinds)
        row = np.repeat(np.arange(len(rows)), np.diff(start)).tolist()
        ends = [(rows[i], others[j]) for i, j in zip(row, neighbour.tolist(), strict=True)]
        if network != "credit":  # the rows are bidders or creditors, and a link leads to them
            ends = [(other, row_agent) for row_agent, other in ends]
        nodes = ((name, name.rpartition("-")[0]) for name in agent_names(people, row_kinds | kinds))
        text = csv_text(ends) if format == "csv" else graphml_text(nodes, ends)
        paths.append(_write(Path(folder), f"{network}.{format}", text))
    return paths[0], paths[1], paths[2]


def _write(folder: Path, name: str, text: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / name, "x", encoding="utf-8", newline="") as handle:
            handle.write(text)
    except FileExistsError:
        raise OutputFolderError(str(folder), f"holds {name} already, or is a file") from None
    except OSError as error:
        raise OutputFolderError(str(folder), f"cannot be written ({error.strerror})") from None
    return folder / name
