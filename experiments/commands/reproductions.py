"""What `hashcredit reproduce` does for a key: a paper, the study of a named scenario, a summary of runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hashcredit.experiments.papers import EPISODES, PAPERS, folder_of, replicate
from hashcredit.experiments.papers import replication as papers
from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.experiments.scenarios.tables import FORM as STUDY_FORM
from hashcredit.experiments.support.progress import ProgressBar
from hashcredit.experiments.support.references import Form

RUNS: dict[str, str] = {
    "baseline_2026": "The baseline over a thousand runs: its summary",
    "dump_10k_h100": "A fire sale of 10,000 H100s over a thousand runs: its summary",
}
"""Scenarios whose summary, as `hashcredit run` gives it, is stored."""

EVERYTHING = {**PAPERS, **EPISODES, **NAMED, **RUNS}

SEED = 1
SEEDS, REPLICATES = range(SEED, SEED + 20), 50
"""Networks of a summary of runs, and runs of each."""
QUICK_SHARE = 10
"""With `--quick` scenarios have that many times fewer runs."""


@dataclass(frozen=True)
class Done:
    """What came out for a key; figures and further files are in its folder."""

    text: str
    table: str
    """As CSV."""
    missed: int = 0
    """Published numbers of a paper that are not obtained."""


@dataclass(frozen=True)
class Kind:
    """How keys of a kind are done, and how their tables are held against references."""

    do: Callable[[str, bool, Path], Done]
    """From key, whether to be quick, and the folder for figures and further files."""
    form: Form
    reference: str = "{key}"
    """Name of the reference of a key."""


def kind_of(key: str) -> Kind:
    """The kind of a key."""
    if key in RUNS:
        return Kind(_summary, SUMMARY_FORM)
    if key in NAMED:
        return Kind(_study, STUDY_FORM, "scenarios/{key}")
    return Kind(_paper, papers.FORM)


def _paper(key: str, quick: bool, place: Path) -> Done:
    """Do one replication; what a model misses of an episode is a finding."""
    from hashcredit.experiments.figures.style import house_style, save
    from hashcredit.experiments.support.files import write_text

    published = papers.read_published(folder_of(key) / "published.csv")
    done = replicate(key, quick)
    rows = papers.compare(done, published)
    for name, text in done.files.items():
        write_text(place / name, text)
    with house_style():
        save(done.draw(), place, key)
    missed = sum(not row.agrees for row in rows) if key in PAPERS else 0
    return Done(papers.format_rows(rows, done.interval), papers.table_csv(done, published), missed)


def _study(name: str, quick: bool, place: Path) -> Done:
    """Run the study of a scenario, draw its figure, and say what came out."""
    from hashcredit.experiments.figures.style import house_style, save
    from hashcredit.experiments.scenarios.figure import draw
    from hashcredit.experiments.scenarios.study import run_study, study_of
    from hashcredit.experiments.scenarios.tables import format_text, sample, to_csv

    study = study_of(name)
    runs = study.runs // QUICK_SHARE if quick else study.runs
    with ProgressBar("runs") as bar:
        outcome = run_study(study, SEED, runs, bar.update)
    numbers = outcome.estimates()
    with house_style():
        save(draw(outcome), place, name)
    return Done(f"{format_text(study, numbers)}\n{sample(study, numbers, SEED)}", to_csv(numbers))


SUMMARY_FORM = Form(
    keys=("quantity",), value="mean", error="standard_error", count="networks", fixed=("unit",), retaken=0.01
)
"""Of `summary.csv` of `hashcredit run`. About one run in a hundred takes another way elsewhere."""


def _summary(name: str, quick: bool, place: Path) -> Done:
    """Run a scenario many times and summarise it."""
    from hashcredit.experiments.folder.summary import format_statistics, statistics_csv, statistics_of
    from hashcredit.simulator import simulate_many

    replicates = REPLICATES // QUICK_SHARE if quick else REPLICATES
    with ProgressBar("runs") as bar:
        many = simulate_many(name, seeds=SEEDS, replicates=replicates, progress=bar.update)
    rows = statistics_of(many.scalars, many.together, len(many.seeds))
    return Done(format_statistics(rows), statistics_csv(rows))
