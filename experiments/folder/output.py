"""Result folders: what they hold, and how they appear whole or not at all."""

import errno
import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hashcredit.experiments.figures import FIGURES, draw
from hashcredit.experiments.figures.font_cache import find_font_cache
from hashcredit.experiments.figures.source import FigureSource
from hashcredit.experiments.folder.ensemble import ensemble
from hashcredit.experiments.folder.scenario_files import write_scenario
from hashcredit.experiments.support.claims import Claim, TakenError
from hashcredit.experiments.support.files import reason_of, sync_folder, write_text, write_whole
from hashcredit.simulator.errors import OutputFolderError
from hashcredit.simulator.provenance import provenance
from hashcredit.simulator.reports.run import ManyRuns, Run
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate, probability_estimate
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.state.outcomes import BY_NAME

QUANTITIES = (
    "defaults",
    "extra_defaults",
    "defaults_miners",
    "defaults_neoclouds",
    "facility_defaults",
    "hand_backs",
    "waivers",
    "control_taken",
    "lender_failures",
    "extra_lender_failures",
    "debt_defaulted",
    "creditor_loss_musd",
    "recovery_rate",
    "paper_value_musd",
    "paper_sold_musd",
    "proceeds_musd",
    "realised_to_paper",
    "units_dumped",
    "units_unsold",
)
"""Scalars of a run that are averaged, in the order in which they are printed."""

NOT_FORCED = {"extra_defaults": "defaults", "extra_lender_failures": "lender_failures"}
"""Failures that the scenario did not force, and all failures: the same where it forces none."""

SETTLEMENTS = ("waivers", "control_taken")
"""What lenders may do about a breach where a scenario lets them: told only where some did."""

PROBABILITY = "probability"
"""Unit of what happened or not."""

RESIDUALS = ("money_residual", "balance_residual", "units_residual", "macro_residual")

MOST_BAND_REPLICATES = 200
"""That many are run again with their series, to show where other replicates are."""

_ASSETS = ("btc", "software", "memory", "hedge_fund_units", "sovereign_bonds")


@dataclass(frozen=True)
class Statistic:
    """One row of the summary table."""

    quantity: str
    words: str
    unit: str
    values: NDArray[np.float64]
    """One a replicate, NaN where it has none; of what happened or not, 1 or 0."""
    together: int = 1
    """Replicates in a row that were drawn together (`Shocks.together`)."""

    @property
    def label(self) -> str:
        """Its words in a printed table."""
        return f"P({self.words})" if self.unit == PROBABILITY else self.words

    @cached_property
    def estimate(self) -> Estimate:
        """Mean with Student-t interval, or probability with Wilson's."""
        if self.unit == PROBABILITY:
            return probability_estimate(self.values > 0.0, together=self.together)
        return mean_estimate(self.values, together=self.together)


def statistics_of(summary: pd.DataFrame, together: int = 1) -> list[Statistic]:
    """Means of the scalars of all replicates, then probabilities.

    The distribution of defaults has two humps, so that its mean says little: the probability that anything
    happens and the mean where it does are separate rows. `together` replicates in a row were drawn together.
    """
    same = {each for each, every in NOT_FORCED.items() if summary[each].equals(summary[every])}
    untold = same | {each for each in SETTLEMENTS if not summary[each].any()}
    rows = [
        Statistic(scalar.name, scalar.label, scalar.unit, summary[scalar.name].to_numpy(np.float64), together)
        for scalar in (BY_NAME[name] for name in QUANTITIES if name not in untold)
    ]
    defaults = summary["defaults"].to_numpy(np.float64)
    if_any = np.where(defaults > 0.0, defaults, np.nan)
    words = "defaults in runs with any"
    rows.insert(1, Statistic("defaults_if_any", words, "borrowers", if_any, together))
    events = {
        "any_default": ("any default", "defaults"),
        "any_unforced_default": ("any default not forced", "extra_defaults"),
        "any_miner_default": ("any miner's default", "defaults_miners"),
        "any_neocloud_default": ("any neo-cloud's default", "defaults_neoclouds"),
        "any_lender_failure": ("any lender's failure", "lender_failures"),
    }
    if "extra_defaults" in same:
        del events["any_unforced_default"]
    for name, (words, scalar) in events.items():
        happened = (summary[scalar].to_numpy() > 0).astype(np.float64)
        rows.append(Statistic(name, words, PROBABILITY, happened, together))
    return rows


def format_statistics(rows: Sequence[Statistic]) -> str:
    """The summary table as text, 80 columns wide: means first, probabilities below."""
    lines = [f"{'':<29}{'n':>7}{'mean':>9}{'s.e.':>8}{'95 % interval':>18}{'median':>9}"]
    for row in rows:
        e = row.estimate
        lines.append(
            f"{row.label:<29}{e.n:>7}{number_text(e.mean):>9}{number_text(e.standard_error):>8}"
            f"{number_text(e.low):>9}{number_text(e.high):>9}{number_text(e.median):>9}"
        )
    return "\n".join(lines + _left_out(rows))


def _left_out(rows: Sequence[Statistic]) -> list[str]:
    """How many replicates are not in a mean, since the quantity is undefined in them."""
    total = max(row.estimate.n for row in rows)
    missing = [(row.words, total - row.estimate.n) for row in rows if row.estimate.n < total]
    return [f"left out of {words}: {count:,} of {total:,} replicates, undefined" for words, count in missing]


def format_residuals(summary: pd.DataFrame) -> str:
    """The largest bookkeeping residuals of all replicates in one line."""
    money, balance, units, macro = (summary[name].max(skipna=False) for name in RESIDUALS)
    return (
        f"largest residuals: money {money:.1e}, balance sheets {balance:.1e}, machines {units:.0f}, "
        f"funding pool {macro:.1e}"
    )


def format_flows(flows: pd.DataFrame) -> str:
    """The transaction-flow matrix as text, M$: receipts positive, rows and columns sum to zero."""
    width = 1 + max(14, *(len(str(name)) for name in flows.columns))
    lines = [f"{'M$':<24}" + "".join(f"{name:>{width}}" for name in flows.columns)]
    for name, row in flows.iterrows():
        cells = "".join(f"{_money(value):>{width}}" for value in row)
        lines.append(f"{str(name).replace('_', ' '):<24}{cells}")
    return "\n".join(lines)


def _money(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 0.005 else "."


def number_text(value: float) -> str:
    """About four digits; a dash for what cannot be told."""
    if not np.isfinite(value):
        return "-"
    if value == 0.0:
        return "0"
    decimals = max(0, 3 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{min(decimals, 4)}f}"


class ResultFolder:
    """A folder that is filled under a hidden name beside its place and renamed when it is complete.

    Entering the context refuses a place that is taken, that another command is about to fill, or that cannot
    be written to; leaving it without `publish` removes everything that was made.
    """

    def __init__(self, target: str | Path) -> None:
        if not str(target).strip():
            raise OutputFolderError(repr(str(target)), "needs a name")
        if "\0" in str(target):
            raise OutputFolderError(repr(str(target)), "cannot be the name of a folder")
        self.shown = str(target)
        self.target = Path(os.path.realpath(target))
        self.path = self.target.parent / f".hashcredit.{secrets.token_hex(6)}.partial"
        """Where to write inside the context."""
        self._made: list[Path] = []
        self._claim: Claim | None = None
        self._published = False
        self._discarded = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        try:
            if self.target.exists():
                self._check_existing()
            for folder in reversed([parent for parent in self.path.parents if not parent.exists()]):
                with suppress(FileExistsError):  # by another command meanwhile, to which it belongs then
                    self._make(folder)
            self._take()
            if self.target.exists():
                self._check_existing()
            self._make(self.path)
        except TakenError as error:
            self.discard()
            raise OutputFolderError(self.shown, f"is being filled by {error}; give another name") from None
        except OutputFolderError:
            self.discard()
            raise
        except OSError as error:
            self.discard()
            raise OutputFolderError(self.shown, f"cannot be written ({reason_of(error)})") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def publish(self) -> None:
        """Put the folder in its place under its name."""
        try:
            if self.target.exists() and self.target.samefile(Path.cwd()):
                # A shell that stands in the folder would lose it if it were replaced.
                for child in sorted(self.path.iterdir()):
                    child.rename(self.target / child.name)
                self.path.rmdir()
            else:
                self.path.rename(self.target)
        except OSError as error:
            self._published = True  # complete, only misplaced: keep it
            self._release()
            reason = f"cannot take the results ({reason_of(error)}); they are in {self.path}"
            raise OutputFolderError(self.shown, reason) from None
        self._published = True
        self._release()
        sync_folder(self.target.parent)

    def discard(self) -> None:
        """Remove what was made, unless it was published.

        Another thread may still be writing. So the folder gets another name first, where nothing new is
        put; a file that was being opened at that moment may need a second round.
        """
        if self._published:
            return
        with self._lock:
            self._discarded = True
        remains = self.path.with_suffix(".discarded")
        with suppress(OSError):  # never made, or discarded before
            self.path.rename(remains)
        for _ in range(50):
            shutil.rmtree(remains, ignore_errors=True)
            if not remains.exists():
                break
        self._release()
        for folder in reversed(self._made):
            with suppress(OSError):  # never made, or used by somebody else by now
                folder.rmdir()

    def _check_existing(self) -> None:
        if not self.target.is_dir():
            raise OutputFolderError(self.shown, "is a file; give the name of a new or empty folder")
        if any(self.target.iterdir()):
            raise OutputFolderError(self.shown, "is not empty; give the name of a new or empty folder")
        if not os.access(self.target, os.W_OK | os.X_OK):
            raise OutputFolderError(self.shown, "cannot be written (permission denied)")

    def _take(self) -> None:
        """Claim the name, so that no other command computes the same for nothing."""
        key = hashlib.blake2b(os.fsencode(self.target.name), digest_size=6).hexdigest()
        with self._lock:
            if self._discarded:
                raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
            self._claim = Claim.take(self.target.parent / f".hashcredit.{key}.lock", self.path)

    def _release(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            with suppress(OSError):  # the folder has gone: with it the claim
                claim.release()

    def _make(self, folder: Path) -> None:
        with self._lock:
            if self._discarded:
                raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
            folder.mkdir()
            self._made.append(folder)


def write_results(
    folder: Path,
    scenario: Scenario,
    many: ManyRuns,
    run: Run,
    *,
    figures: bool = True,
    command: Sequence[str] = (),
    start_time: datetime | None = None,
) -> None:
    """Fill an existing folder.

    summary.parquet has one row a replicate, summary.csv the statistics over them; series.parquet and
    events.parquet belong to the replicate of `run`; scenario.toml and provenance.json make it again, with
    the copies of network files that lie beside them if the scenario has any.
    """
    summary, seed = many.summary, run.setup.seed
    scenario = write_scenario(folder, scenario)
    _write_frame(folder / "summary.parquet", summary, index=False)
    _write_frame(folder / "series.parquet", run.series, index=True)
    _write_frame(folder / "events.parquet", run.events, index=False)
    statistics = statistics_of(summary, scenario.shocks.together)
    write_text(folder / "summary.csv", _statistics_csv(statistics))
    if figures:
        write_figures(folder / "figures", figure_source(scenario, many, run))
    record = provenance(scenario, seed, run.replicate, start_time, run.setup.rules.record)
    record = {"replicates": len(summary), "command": list(command), **record}
    write_text(folder / "provenance.json", json.dumps(record, indent=2, allow_nan=False) + "\n")


def figure_source(scenario: Scenario, many: ManyRuns, run: Run) -> FigureSource:
    """What the figures of a result folder are drawn from."""
    return FigureSource(
        scenario=scenario.name,
        seed=run.setup.seed,
        replicate=run.replicate,
        start_date=scenario.start_date,
        series=run.series,
        machines={machine.name: machine.kind for machine in scenario.machine},
        opening=run.opening,
        tree=run.contagion_tree(),
        summary=many.summary,
        together=scenario.shocks.together,
        durations=dict(zip(_ASSETS, scenario.assets.duration, strict=True)),
        btc_opening=scenario.shocks.btc_price0,
        **_bands(scenario, many, run),
        **ensemble(run, min(len(many.summary), MOST_BAND_REPLICATES)),
    )


def _bands(scenario: Scenario, many: ManyRuns, run: Run) -> dict[str, Any]:
    """Quantiles of asset prices over replicates, where there is a pool that makes them."""
    if scenario.funding.rule != "pool":
        return {}
    from hashcredit.simulator.runs.funding_alone import price_bands

    replicates = min(len(many.summary), MOST_BAND_REPLICATES)
    bands = price_bands(scenario, run.setup.seed, replicates, scenario.horizon_weeks, (0.05, 0.5, 0.95))
    return {"bands": bands, "band_replicates": replicates}


def write_figures(folder: Path, source: FigureSource) -> None:
    """Draw every figure as PNG and PDF."""
    find_font_cache()
    from hashcredit.experiments.figures.style import save

    folder.mkdir()
    for key in FIGURES:
        save(draw(key, source), folder, key)


def _write_frame(path: Path, frame: pd.DataFrame, *, index: bool) -> None:
    write_whole(path, lambda handle: frame.to_parquet(handle, engine="pyarrow", index=index))


def _statistics_csv(rows: Sequence[Statistic]) -> str:
    """One line a statistic, full precision, empty where a number cannot be told."""
    lines = ["quantity,unit,n,mean,standard_error,low,high,median"]
    for row in rows:
        values = list(asdict(row.estimate).values())
        cells = ["" if value != value else repr(value) for value in values]
        lines.append(",".join([row.quantity, row.unit, *cells]))
    return "\n".join(lines) + "\n"
