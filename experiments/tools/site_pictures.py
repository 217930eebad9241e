"""Draw the pictures of docs/answer.md and docs/concepts.md anew: docs/images/answer_*.png and concept_*.png.

`python -m hashcredit.experiments.tools.site_pictures` draws all in about ten minutes on two cores, `... KEY`
one. What the pages say about them has to be read again afterwards. It works in a clone only.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.figures import draw
from hashcredit.experiments.figures.style import house_style
from hashcredit.experiments.tools.circuit_picture import draw_circuit
from hashcredit.simulator.runs.engine import simulate, simulate_many
from hashcredit.simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hashcredit.experiments.figures.source import FigureSource

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
DOTS_AN_INCH = 150
SCENARIO = "dump_10k_h100"
SEED, SEEDS, REPLICATES = 1, 20, 20
"""Of the run in detail, and of the runs behind it."""

OF_RUNS = {
    "answer_prices": "prices",
    "answer_failures": "distribution",
    "concept_network": "network",
    "concept_recovery": "recovery",
    "concept_haircut": "haircut",
    "concept_pool": "bathtub",
}
"""Pictures that are figures of `hashcredit run`."""


def source() -> "FigureSource":
    """What the figures of runs are drawn from: one run, and 20 replicates of each of 20 networks."""
    from hashcredit.experiments.folder.output import figure_source

    scenario = Scenario.load(SCENARIO)
    many = simulate_many(scenario, seeds=range(SEED, SEED + SEEDS), replicates=REPLICATES, progress=False)
    return figure_source(scenario, many, simulate(scenario, seed=SEED, replicate=0))


def shares() -> "Figure":
    """Shares of the channels of contagion, as `hashcredit attribute` draws them."""
    from hashcredit.experiments.measures.attribution import attribute_contagion
    from hashcredit.experiments.measures.attribution_figure import draw as draw_shares

    found = attribute_contagion(
        SCENARIO, seeds=range(SEED, SEED + SEEDS), replicates=REPLICATES, progress=False
    )
    with house_style():
        return draw_shares(found)


def circuit() -> "Figure":
    """Who owes whom, and along which arrows trouble travels."""
    with house_style():
        return draw_circuit()


OTHERS: dict[str, Callable[[], "Figure"]] = {"answer_shares": shares, "concept_circuit": circuit}
"""Pictures that are not."""


def save(key: str, figure: "Figure") -> None:
    """Write a picture where the pages look for it."""
    with house_style():
        figure.savefig(IMAGES / f"{key}.png", dpi=DOTS_AN_INCH, metadata={"Software": None})
    print(f"docs/images/{key}.png", flush=True)


def main() -> None:
    """Draw the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("keys", nargs="*", metavar="KEY", choices=[*OF_RUNS, *OTHERS, []])
    keys = parser.parse_args().keys or [*OF_RUNS, *OTHERS]
    of_runs = [key for key in keys if key in OF_RUNS]
    if of_runs:
        drawn_from = source()
        for key in of_runs:
            save(key, draw(OF_RUNS[key], drawn_from))
    for key in keys:
        if key in OTHERS:
            save(key, OTHERS[key]())


if __name__ == "__main__":
    main()
