"""What figures of a study are drawn from, out of its folder."""

from typing import TYPE_CHECKING

from hashcredit.experiments.figures.study_source import StudySource
from hashcredit.experiments.results.indices import design_of
from hashcredit.experiments.results.kept import KeptRuns
from hashcredit.experiments.results.sensitivity import block_name

if TYPE_CHECKING:
    import pandas as pd


def words_of(results: KeptRuns) -> str:
    """The line of a caption that says which sample a figure shows."""
    study = results.manifest["study"]
    runs = "1 replicate" if results.replicates == 1 else f"{results.replicates:,} replicates"
    draws = "the same draws at every point" if study["common_random_numbers"] else "own draws at every point"
    kind, points = study["design"]["kind"], len(results.points)
    return f"{results.study_name}, seed {study['seed']}: {kind} design, {points:,} points of {runs}, {draws}."


def source_of_indices(results: KeptRuns, table: "pd.DataFrame") -> StudySource:
    """What the figure `indices` is drawn from: a table of `Results.indices`."""
    return StudySource(words_of(results), indices=table, blocks=block_name(design_of(results)))
