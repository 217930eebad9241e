"""Write the reference tables, figures and page tables of the named scenarios anew.

`python -m hashcredit.experiments.tools.scenario_pages` does it for all, with names for some. The text
around the tables is written by hand; what it says has to be read again afterwards. It works in a clone only.
"""

import argparse
from pathlib import Path

from hashcredit.experiments.scenarios.named import NAMED, study_of
from hashcredit.experiments.scenarios.study import Outcome, run_study
from hashcredit.experiments.scenarios.tables import index, index_row, markdown, read_csv, to_csv
from hashcredit.experiments.support.files import write_text
from hashcredit.experiments.support.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "scenarios"
REFERENCE = ROOT / "results" / "reference" / "scenarios"
IMAGES = ROOT / "docs" / "images"
SEED = 1
DOTS_AN_INCH = 110


def fill(text: str, parts: dict[str, str], file: Path) -> str:
    """A page with what stands between its marks replaced; SystemExit where a mark is missing."""
    for name, content in parts.items():
        before, start, rest = text.partition(f"<!-- {name} -->")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        if not start or not end:
            raise SystemExit(f"{file}: the marks of {name!r} are missing")
        text = f"{before}{start}\n{content}\n{end}{after}"
    return text


def page_of(name: str) -> Path:
    """The page of a scenario."""
    return PAGES / f"{name}.md"


def reference_of(name: str) -> Path:
    """The reference table of a scenario."""
    return REFERENCE / f"{name}.csv"


def image_of(name: str) -> Path:
    """The figure of a scenario in its page."""
    return IMAGES / f"scenario_{name}.png"


def written(name: str) -> str:
    """The page of a scenario as it follows from its reference table."""
    numbers = read_csv(reference_of(name))
    page = page_of(name)
    return fill(page.read_text(encoding="utf-8"), markdown(study_of(name), numbers, SEED), page)


def written_index() -> str:
    """The index as it follows from all reference tables."""
    page = PAGES / "README.md"
    rows = [index_row(study_of(name), read_csv(reference_of(name))) for name in NAMED]
    return fill(page.read_text(encoding="utf-8"), {"verdicts": index(rows)}, page)


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
    unknown = set(arguments.names) - set(NAMED)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(NAMED)}")
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or NAMED:
        if not arguments.text:
            with Progress(f"runs of {name}") as bar:
                outcome = run_study(study_of(name), SEED, progress=bar.update)
            write_text(reference_of(name), to_csv(outcome.estimates()))
            draw(outcome)
        write_text(page_of(name), written(name))
    if all(reference_of(name).exists() for name in NAMED):
        write_text(PAGES / "README.md", written_index())


if __name__ == "__main__":
    main()
