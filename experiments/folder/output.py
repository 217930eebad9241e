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
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hashcredit.experiments.figures import FIGURES, draw
from hashcredit.experiments.figures.font_cache import find_font_cache
from hashcredit.experiments.figures.source import FigureSource
from hashcredit.experiments.folder.ensemble import ensemble, runs_behind
from hashcredit.experiments.folder.scenario_files import write_scenario
from hashcredit.experiments.folder.summary import statistics_csv, statistics_of
from hashcredit.experiments.support.claims import Claim, TakenError
from hashcredit.experiments.support.files import reason_of, sync_folder, write_text, write_whole
from hashcredit.simulator.errors import OutputFolderError
from hashcredit.simulator.provenance import provenance
from hashcredit.simulator.reports.run import ManyRuns, Run
from hashcredit.simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

_ASSETS = ("btc", "software", "memory", "hedge_fund_units", "sovereign_bonds")


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

    summary.parquet has one row a run, with its seed and replicate, summary.csv the statistics over them;
    series.parquet and events.parquet belong to the replicate of `run`; scenario.toml and provenance.json make
    it again, with the copies of network files that lie beside them if the scenario has any.
    """
    summary, seed = many.summary, run.setup.seed
    scenario = write_scenario(folder, scenario)
    _write_frame(folder / "summary.parquet", summary, index=False)
    _write_frame(folder / "series.parquet", run.series, index=True)
    _write_frame(folder / "events.parquet", run.events, index=False)
    statistics = statistics_of(many.scalars, many.together, len(many.seeds))
    write_text(folder / "summary.csv", statistics_csv(statistics))
    if figures:
        write_figures(folder / "figures", figure_source(scenario, many, run))
    record = provenance(scenario, seed, run.replicate, start_time, run.setup.rules.record)
    runs = {"seeds": many.seeds, "replicates": many.outcomes.shape[1]}
    record = {**runs, "command": list(command), **record}
    write_text(folder / "provenance.json", json.dumps(record, indent=2, allow_nan=False) + "\n")


def figure_source(scenario: Scenario, many: ManyRuns, run: Run) -> FigureSource:
    """What the figures of a result folder are drawn from."""
    behind = runs_behind(many)
    return FigureSource(
        scenario=scenario.name,
        seed=run.setup.seed,
        seeds=tuple(many.seeds),
        replicate=run.replicate,
        start_date=scenario.start_date,
        series=run.series,
        machines={machine.name: machine.kind for machine in scenario.machine},
        opening=run.opening,
        tree=run.contagion_tree(),
        summary=many.summary,
        together=many.together,
        durations=dict(zip(_ASSETS, scenario.assets.duration, strict=True)),
        btc_opening=scenario.shocks.btc_price0,
        **_bands(scenario, [(setup.seed, replicate) for setup, replicate in behind]),
        **ensemble(behind),
    )


def _bands(scenario: Scenario, draws: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Quantiles of asset prices over draws (seed, replicate), where there is a pool that makes them."""
    if scenario.funding.rule != "pool":
        return {}
    from hashcredit.simulator.runs.funding_alone import price_bands

    bands = price_bands(scenario, draws, scenario.horizon_weeks, (0.05, 0.5, 0.95))
    return {"bands": bands, "band_replicates": len(draws)}


def write_figures(folder: Path, source: FigureSource) -> None:
    """Draw every figure as PNG and PDF."""
    find_font_cache()
    from hashcredit.experiments.figures.style import save

    folder.mkdir()
    for key in FIGURES:
        save(draw(key, source), folder, key)


def _write_frame(path: Path, frame: "pd.DataFrame", *, index: bool) -> None:
    write_whole(path, lambda handle: frame.to_parquet(handle, engine="pyarrow", index=index))
