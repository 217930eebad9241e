"""Write the reference tables, figures and page tables of the named scenarios anew.

`python -m hashcredit.experiments.tools.scenario_pages` does it for all, with names for some. The text
around the tables is written by hand; what it says has to be read again afterwards. It works in a clone only.
"""

import argparse
from pathlib import Path

from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.experiments.scenarios.study import Outcome, run_study, study_of
from hashcredit.experiments.scenarios.tables import index, index_row, markdown, read_numbers, to_csv
from hashcredit.experiments.support.files import write_text
from hashcredit.experiments.support.markdown import filled
from hashcredit.experiments.support.progress import ProgressBar
from hashcredit.experiments.support.references import FOLDER, place_of, store

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "scenarios"
REFERENCES = ROOT / FOLDER
IMAGES = ROOT / "docs" / "images"
SEED = 1
DOTS_AN_INCH = 110


def page_of(name: str) -> Path:
    """The page of a scenario."""
    return PAGES / f"{name}.md"


def reference_of(name: str) -> Path:
    """The reference table of a scenario."""
    return place_of(f"scenarios/{name}", REFERENCES)


def image_of(name: str) -> Path:
    """The figure of a scenario in its page."""
    return IMAGES / f"scenario_{name}.png"


def written(name: str) -> str:
    """The page of a scenario as it follows from its reference table."""
    numbers = read_numbers(reference_of(name))
    return filled(page_of(name), markdown(study_of(name), numbers, SEED))


def written_index() -> str:
    """The index as it follows from all reference tables."""
    rows = [index_row(study_of(name), read_numbers(reference_of(name))) for name in NAMED]
    return filled(PAGES / "README.md", {"verdicts": index(rows)})


def draw(outcome: Outcome) -> None:
    """Write the figure of a page."""
    from hashcredit.experiments.figures.style import house_style
    from hashcredit.experiments.scenarios.figure import draw as draw_arms

    with house_style():
        figure = draw_arms(outcome)
        figure.savefig(image_of(outcome.study.scenario), dpi=DOTS_AN_INCH, metadata={"Software": None})


def main() -> None:
    """Run the studies and write what follows from them."""
    parser = argparse.ArgumentParser(description="Write the tables and figures of docs/scenarios anew.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios (default: all)")
    parser.add_argument(
        "--text", action="store_true", help="run nothing: fill pages from the reference tables"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMED):
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(NAMED)}")
    for name in arguments.names or NAMED:
        if not arguments.text:
            with ProgressBar(f"runs of {name}") as bar:
                outcome = run_study(study_of(name), SEED, progress=bar.update)
            store(f"scenarios/{name}", to_csv(outcome.estimates()), REFERENCES)
            draw(outcome)
        write_text(page_of(name), written(name))
    if all(reference_of(name).exists() for name in NAMED):
        write_text(PAGES / "README.md", written_index())


if __name__ == "__main__":
    main()
