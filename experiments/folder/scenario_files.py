"""A scenario kept in a folder: complete, readable, with the network files that it names beside it."""

from pathlib import Path

from hashcredit.experiments.support.files import write_text, write_whole
from hashcredit.simulator.scenario.network_files import NETWORKS, beside, content_of, path_of
from hashcredit.simulator.scenario.scenario import Scenario

SCENARIO_FILE = "scenario.toml"


def write_scenario(folder: Path, scenario: Scenario) -> Scenario:
    """Write a commented scenario file and copies of its network files; return the scenario of that folder."""
    kept = copy_networks(folder, scenario)
    write_text(folder / SCENARIO_FILE, kept.to_toml(comments=True))
    return kept


def files_of(kept: Scenario) -> list[str]:
    """Names of the files in the folder of a scenario that `write_scenario` has returned."""
    references = (getattr(kept.networks, f"{network}_file") for network in NETWORKS)
    return [
        SCENARIO_FILE,
        *(Path(path_of(reference)).name for reference in references if reference is not None),
    ]


def copy_networks(folder: Path, scenario: Scenario) -> Scenario:
    """Copy the network files of a scenario into a folder; return it with their names in that folder."""
    copies = {}
    for network in NETWORKS:
        field = f"{network}_file"
        reference = getattr(scenario.networks, field)
        if reference is not None:
            copies[field] = beside(reference, f"{network}_network")
            _write_bytes(folder / path_of(copies[field]), content_of(f"networks.{field}", reference))
    networks = scenario.networks.model_copy(update=copies)
    return scenario.model_copy(update={"networks": networks})


def _write_bytes(path: Path, content: bytes) -> None:
    write_whole(path, lambda handle: handle.write(content))
