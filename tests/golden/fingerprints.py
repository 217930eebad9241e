"""Fingerprints of everything that a run reports: to tell whether a change of the code changed a result.

Every column of every table gets a digest of its bytes and three sums. Digests say whether two trees give the
same bits on one machine; sums are what a processor of the same kind must reproduce to nine digits. On another
kind, whose exponentials may differ in the last bit, a tie may fall otherwise and a run take another way, so
there most runs, not all, must have the scalars that are stored run by run. It asks for public names only, so
that it runs against older trees too.

    python tests/golden/fingerprints.py --out FILE          those of this tree
    python tests/golden/fingerprints.py --against REVISION  bit by bit against a revision, on this machine
    python tests/golden/fingerprints.py --refresh REASON    store new ones; the changelog holds the reason
"""

import argparse
import csv
import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hashcredit.simulator import Scenario, paired_contagion, simulate, simulate_funding, simulate_many
from hashcredit.simulator.provenance import environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STORED = HERE / "fingerprints.csv"
STORED_RUNS = HERE / "runs.csv"
PROCESSOR = HERE / "processor.txt"
"""Kind of processor and C library on which both were made."""
CHANGELOG = ROOT / "CHANGELOG.md"
SEED = 1
REPLICATES = 3
MANY = 12
"""Replicates whose summaries are taken, without their tables."""


class Fingerprint(NamedTuple):
    """What is kept of one column, over all replicates of a case."""

    case: str
    table: str
    column: str
    rows: int
    total: float  # of the finite numbers
    size: float  # of their absolute values: the scale of the rounding of the other two
    weighted: float  # of the finite numbers, each times its place: two that change places are seen
    digest: str  # of the bytes

    @property
    def key(self) -> tuple[str, str, str]:
        return self.case, self.table, self.column


def cases() -> dict[str, Scenario]:
    """Every packaged scenario, and changes of the baseline that wake what it leaves asleep."""
    found = {name: Scenario.load(name) for name in Scenario.names()}
    variants = tomllib.loads((HERE / "variants.toml").read_text())
    for name, changes in variants.items():
        base = found[changes.pop("base", "baseline_2026")]
        found[name] = base.with_changes({"name": name} | changes)
    return found


def reported(scenario: Scenario) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every table that the first replicates of a scenario report, and the summaries of more."""
    for replicate in range(REPLICATES):
        run = simulate(scenario, seed=SEED, replicate=replicate)
        yield "summary", pd.DataFrame([run.summary])
        for name in ("series", "events", "flows", "revaluations"):
            yield name, getattr(run, name).reset_index()
        for moment in ("opening", "tables"):
            for name, frame in getattr(run, moment).items():
                yield f"{moment}.{name}", frame
    yield "many", summary_of(scenario)
    if scenario.funding.rule == "pool":
        yield "funding", simulate_funding(scenario, seed=SEED, replicate=0).series.reset_index()


def summary_of(scenario: Scenario) -> pd.DataFrame:
    """Scalars of many replicates, less the seed, which is that of all and which older trees do not report."""
    return simulate_many(scenario, seed=SEED, replicates=MANY).summary.drop(columns="seed", errors="ignore")


def fingerprints(wanted: list[str] | None = None) -> list[Fingerprint]:
    """Fingerprints of the named cases, or of all."""
    found = []
    for case, scenario in cases().items():
        if wanted and case not in wanted:
            continue
        columns: dict[tuple[str, str], list[np.ndarray]] = {}
        for table, frame in reported(scenario):
            for column in frame.columns:
                columns.setdefault((table, str(column)), []).append(frame[column].to_numpy())
        for (table, column), parts in columns.items():
            found.append(fingerprint(case, table, column, np.concatenate(parts)))
            if found[-1].size == 0.0:  # nothing but zeros or empty texts: if that changes, it is new
                found.pop()
    if not wanted:
        contagion = paired_contagion("dump_10k_h100", seed=SEED, replicates=MANY).summary.reset_index()
        for column in contagion.columns:
            values = contagion[column].to_numpy()
            found.append(fingerprint("dump_10k_h100", "contagion", str(column), values))
    return found


def scalars(wanted: list[str] | None = None) -> pd.DataFrame:
    """Scalars of the first runs of each case, by case and replicate."""
    frames = []
    for case, scenario in cases().items():
        if not wanted or case in wanted:
            frames.append(summary_of(scenario).assign(scenario=case))
    return pd.concat(frames).set_index(["scenario", "replicate"])


def share_of_equal_runs(found: pd.DataFrame, stored: pd.DataFrame) -> float:
    """Share of the stored runs whose scalars are the same to nine digits; residuals are rounding alone."""
    names = [name for name in stored.columns if not name.endswith("_residual")]
    old, new = stored[names].to_numpy(float), found.loc[stored.index, names].to_numpy(float)
    same = (np.abs(new - old) <= 1e-9 * np.maximum(np.abs(old), 1.0)) | (np.isnan(new) & np.isnan(old))
    return float(same.all(axis=1).mean())


def processor() -> str:
    """Kind of processor and C library here."""
    here = environment()
    return f"{here['cpu']}, {here['c_library']}"


def fingerprint(case: str, table: str, column: str, values: np.ndarray) -> Fingerprint:
    """Digest and sums of one column."""
    values = np.asarray(values)
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
        content = values.astype(np.float64 if values.dtype.kind == "f" else np.int64).tobytes()
    else:
        texts = [str(value) for value in values]
        content = "\n".join(texts).encode()
        numbers = np.array([sum(text.encode()) for text in texts], np.float64)
    finite = np.where(np.isfinite(numbers), numbers, 0.0)
    return Fingerprint(
        case,
        table,
        column,
        len(values),
        float(finite.sum()),
        float(np.abs(finite).sum()),
        float(finite @ np.arange(1, len(finite) + 1)) / max(len(finite), 1),
        hashlib.sha256(content).hexdigest()[:12],
    )


def write(found: list[Fingerprint], file: Path) -> None:
    """Write fingerprints as CSV, sums with twelve digits."""
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(Fingerprint._fields)
        for row in found:
            rows.writerow([f"{value:.12g}" if isinstance(value, float) else value for value in row])


def read(file: Path) -> list[Fingerprint]:
    """What `write` has written."""
    with file.open(newline="") as stream:
        return [
            Fingerprint(
                row["case"],
                row["table"],
                row["column"],
                int(row["rows"]),
                *(float(row[name]) for name in ("total", "size", "weighted")),
                row["digest"],
            )
            for row in csv.DictReader(stream)
        ]


def differences(found: list[Fingerprint], stored: list[Fingerprint], bits: bool) -> list[str]:
    """Lines that say in which columns two lists differ: bit by bit, or beyond nine digits."""
    lines = []
    before, after = {row.key: row for row in stored}, {row.key: row for row in found}
    lines += [f"{'.'.join(key)}: not there any more" for key in before.keys() - after.keys()]
    lines += [f"{'.'.join(key)}: new" for key in after.keys() - before.keys()]
    for key in before.keys() & after.keys():
        old, new = before[key], after[key]
        if bits:
            same = old.digest == new.digest
        else:
            near = 1e-9 * max(old.size, 1e-9)
            same = old.rows == new.rows and abs(old.total - new.total) <= near
            same = same and abs(old.weighted - new.weighted) <= near
        if not same:
            lines.append(f"{'.'.join(key)}: {_numbers(old)}, now {_numbers(new)}")
    return sorted(lines)


def _numbers(row: Fingerprint) -> str:
    return f"{row.rows} rows, sum {row.total!r}"


def of_revision(revision: str, renamed: dict[str, str]) -> list[Fingerprint]:
    """Fingerprints that another revision of this repository gives on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", tree, revision], check=True)
        try:
            out = Path(folder, "fingerprints.csv")
            variables = os.environ | {"PYTHONPATH": str(tree / ".typing")}
            subprocess.run([sys.executable, __file__, "--out", out], check=True, env=variables)
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True)
        return [
            row._replace(column=renamed.get(f"{row.table}.{row.column}", row.column)) for row in read(out)
        ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the fingerprints of the installed tree into a file")
    parser.add_argument("--against", metavar="REVISION", help="compare bits with another revision or a file")
    parser.add_argument(
        "--renamed", nargs="*", default=[], metavar="TABLE.OLD=NEW", help="columns that have another name now"
    )
    parser.add_argument("--refresh", metavar="REASON", help="store new values, for a reason in the changelog")
    chosen: Any = parser.parse_args(arguments)
    if chosen.refresh and chosen.refresh not in " ".join(CHANGELOG.read_text().split()):
        print(f"the changelog does not say: {chosen.refresh}", file=sys.stderr)
        return 2
    found = fingerprints()
    if chosen.out:
        write(found, chosen.out)
    if chosen.refresh:
        write(found, STORED)
        scalars().to_csv(STORED_RUNS, float_format="%.12g")
        PROCESSOR.write_text(processor() + "\n")
    if chosen.against:
        renamed = dict(pair.split("=") for pair in chosen.renamed)
        is_file = Path(chosen.against).is_file()
        other = read(Path(chosen.against)) if is_file else of_revision(chosen.against, renamed)
        lines = differences(found, other, bits=True)
        print("\n".join(lines[:40]) or f"the same bits in {len(found)} columns")
        return 1 if lines else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
