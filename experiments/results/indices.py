"""Sensitivity indices of a study: the sample drawn again, an outcome a point, whole blocks, a table.

The outcome of a point is the mean over those of its replicates that have a value. A point without one is
undefined, and the block that it belongs to is left out whole, since analysers need complete ones.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.results import sensitivity
from hashcredit.experiments.results.averages import Quantities, values_of
from hashcredit.experiments.results.cells import Cells
from hashcredit.experiments.results.kept import KeptRuns, ResultsError, TooFewPointsError
from hashcredit.experiments.results.response import of_seeds
from hashcredit.experiments.study.designs import Sampled, read_design

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

COLUMNS = ("outcome", "index", "factor", "other", "value", "low", "high", "unit", "blocks", "dropped",
           "undefined", "failed", "missing", "noise")  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """What a study drew."""

    design: Sampled
    names: tuple[str, ...]
    units: Floats
    """Shape (points, factors), in [0, 1]."""
    row: NDArray[np.int64]
    """For each point its row in `Cells`: identical points have the same."""


@dataclass(frozen=True)
class Means:
    """Means of an outcome over the replicates of each point."""

    value: Floats
    """One a point; NaN where no run has a value."""
    undefined: int
    """Runs that are ok and have no value."""
    noise: float
    """See `_noise`."""


def indices(
    results: KeptRuns,
    of: Quantities = ("defaults",),
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 1,
) -> "pd.DataFrame":
    """Sensitivity indices of outcomes, one row an index.

    Parameters
    ----------
    results : KeptRuns
        Of a design of kind morris, saltelli, sobol, latin-hypercube or random; finished or not.
    of : names of scalars, or functions by name
        The outcomes, as `averages.statistics` has them; of a boolean the share of runs.
    level, resamples, seed
        Of the bootstrap intervals; see `sensitivity.analyse`.

    Returns
    -------
    DataFrame
        outcome, index (mu, mu_star, sigma; S1, ST, S2), factor, other (the second one of S2), value, low and
        high (NaN where there is no interval, or no variance), unit (of the value; empty for shares), blocks
        (complete ones, of points, trajectories or Saltelli's blocks) and dropped ones, runs without a value:
        undefined, failed and missing ones; noise, about the share of the variance between points that
        chance in so few replicates makes (NaN with a single one).

    Raises ResultsError where the design has no indices, or too few blocks are complete.
    """
    import pandas as pd

    _check(level, resamples, seed)
    sample = drawn_again(results)
    cells = Cells(results)
    index = results.reader.index
    failed, missing = int(index.failed.sum()), int((~index.found).sum())
    common = bool(results.manifest["study"]["common_random_numbers"])
    rows = []
    for name, unit, _, values in values_of(results, of):
        means = _means(cells.fill(values), cells, sample, common, results.seeds)
        whole = _whole_blocks(sample, means.value)
        kept = means.value[whole]
        size = sensitivity.block_size(sample.design, len(sample.names))
        blocks, dropped = len(kept) // size, (len(whole) - len(kept)) // size
        _check_enough(results, sample, name, blocks, dropped)
        found = sensitivity.analyse(
            sample.design,
            sample.names,
            sample.units[whole],
            kept,
            level=level,
            resamples=resamples,
            seed=seed,
        )
        about = (blocks, dropped, means.undefined, failed, missing, means.noise)
        for one in found:
            own = unit if one.name in ("mu", "mu_star", "sigma") else ""
            rows.append((name, one.name, one.factor, one.other, one.value, one.low, one.high, own, *about))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def remarks(results: KeptRuns, table: "pd.DataFrame") -> list[str]:
    """What a reader of a table of `indices` has to know besides, one line a matter."""
    design = design_of(results)
    what = sensitivity.block_name(design)
    lines = []
    for outcome, rows in table.groupby("outcome", sort=False):
        row = rows.iloc[0]
        if row["dropped"]:
            runs = ", ".join(
                f"{row[kind]:,} runs {words}"
                for kind, words in (("failed", "failed"), ("missing", "missing"), ("undefined", "undefined"))
                if row[kind]
            )
            total = row["blocks"] + row["dropped"]
            lines.append(f"{outcome}: {row['dropped']:,} of {total:,} {what} left out ({runs})")
        elif row["undefined"]:
            lines.append(f"{outcome}: {row['undefined']:,} runs undefined, averages are over the others")
        shares = rows[rows["index"].isin(["S1", "ST", "S2"])]
        if len(shares) and shares["value"].isna().all():
            lines.append(f"{outcome}: the same at every point; shares of its variance are undefined")
        if row["noise"] > 0.1:
            lines.append(
                f"{outcome}: chance makes about {row['noise']:.0%} of the variance between points; "
                "more replicates make it less"
            )
    return lines


def has_indices(results: KeptRuns) -> bool:
    """Whether the design of a study is one that `indices` can analyse."""
    study = results.manifest["study"]
    return study["design"]["kind"] in sensitivity.KINDS and bool(study["factors"])


def design_of(results: KeptRuns) -> Sampled:
    """The design of a study; ResultsError unless `has_indices`."""
    kind = results.manifest["study"]["design"]["kind"]
    if not has_indices(results):
        has = ", ".join(sensitivity.KINDS)
        raise ResultsError(
            "design", kind, f"one that has indices ({has}) in the study of {results.store.path}"
        )
    design = read_design(results.manifest["study"]["design"])
    if not isinstance(design, Sampled):
        raise TypeError(f"a design of kind {kind} draws no sample")
    return design


def drawn_again(results: KeptRuns) -> Sample:
    """The sample of a study in the unit cube.

    Raises ResultsError where the design has no indices, or where the libraries here draw another sample than
    those which planned the study.
    """
    design = design_of(results)
    study = results.manifest["study"]
    units = design.units(len(results.factors), np.random.default_rng([0, study["seed"]]))
    points = results.points
    for place, name in enumerate(results.factors):
        if len(points) != len(units) or not _fits(points[name], units[:, place], study["factors"][name]):
            allowed = (
                "a sample that the libraries installed here draw again; use the versions of its manifest"
            )
            raise ResultsError(f'factors."{name}"', results.study_name, allowed)
    cells = Cells(results)
    row = np.searchsorted(cells.points["point"].to_numpy(), points["same_as"].to_numpy())
    return Sample(design, results.factors, units, row)


def _fits(column: "pd.Series", unit: Floats, factor: Mapping[str, Any]) -> bool:
    """Whether these values were made from what was drawn: entries of a list, or a curve that never falls."""
    if "values" in factor:
        levels = factor["values"]
        chosen = np.minimum((unit * len(levels)).astype(np.int64), len(levels) - 1)
        pairs = zip(column.tolist(), [levels[k] for k in chosen], strict=True)
        return all(
            (json.loads(value) if isinstance(level, list | dict) else value) == level
            for value, level in pairs
        )
    if "count" in factor:  # a list so long that the manifest has its hash only: equal places, equal values
        chosen = np.minimum((unit * factor["count"]).astype(np.int64), factor["count"] - 1)
        return len(np.unique(chosen)) == len(set(zip(chosen.tolist(), column.tolist(), strict=True)))
    values = column.to_numpy(dtype=np.float64)
    return bool((np.diff(values[np.argsort(unit, kind="stable")]) >= 0.0).all())


def _means(values: Floats, cells: Cells, sample: Sample, common: bool, seeds: int) -> Means:
    """From values of shape (points, runs of a point), NaN where there is none."""
    has = np.isfinite(values)
    undefined = int((cells.present & ~has).sum())
    count = has.sum(axis=1)
    total = np.where(has, values, 0.0).sum(axis=1)
    mean = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    draws = of_seeds(values, seeds)
    return Means(mean[sample.row], undefined, _noise(draws, np.isfinite(draws), mean, common))


def _noise(values: Floats, has: NDArray[np.bool_], mean: Floats, common: bool) -> float:
    """Variance of a point's mean that chance makes, over that between points; NaN if it cannot be told.

    `values` has a column a replicate, or one a seed where there are several. With common draws what such a
    one does to all points alike is no difference between them, and counts not.
    """
    count = has.sum(axis=1)
    several = count > 1
    spread = float(np.var(mean[count > 0])) if (count > 0).any() else 0.0
    if not several.any() or spread == 0.0:
        return float("nan")
    apart = np.where(has, values - mean[:, None], 0.0)
    if common:
        shared = apart.sum(axis=0) / np.maximum(has.sum(axis=0), 1)
        apart = np.where(has, apart - shared, 0.0)
    variance = (apart[several] ** 2).sum(axis=1) / (count[several] - 1)
    return float((variance / count[several]).mean()) / spread


def _whole_blocks(sample: Sample, value: Floats) -> NDArray[np.bool_]:
    """For each point whether all points of its block have a value."""
    size = sensitivity.block_size(sample.design, len(sample.names))
    whole = np.isfinite(value).reshape(-1, size).all(axis=1)
    return np.repeat(whole, size)


def _check_enough(results: KeptRuns, sample: Sample, name: str, blocks: int, dropped: int) -> None:
    least = sensitivity.fewest(sample.design)
    if blocks < least:
        what = sensitivity.block_name(sample.design)
        allowed = f"an outcome with at least {least} complete {what}; {blocks} of {blocks + dropped} are"
        raise TooFewPointsError("of", name, allowed)


def _check(level: float, resamples: int, seed: int) -> None:
    if not 0.0 < level < 1.0:
        raise ResultsError("level", level, "a coverage between 0 and 1")
    if resamples < 2:
        raise ResultsError("resamples", resamples, "at least 2")
    if seed < 1:
        raise ResultsError("seed", seed, "a whole number from 1")
