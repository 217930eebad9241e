"""What a result needs to be made again: the scenario, seed and replicate, the code and the machine."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hashcredit.agents.compiled import kernel_key, sources_behind
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.files import SCHEMA
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.rules import Rule, RuleRecord, Rules, check_record

_LIBRARIES = ("numpy", "numba", "llvmlite", "scipy", "pandas", "pyarrow", "networkx", "pydantic")
_CHECKOUT = Path(__file__).resolve().parent.parent


def provenance(
    scenario: Scenario,
    seed: int,
    replicate: int,
    start_time: datetime | None = None,
    rules: RuleRecord | None = None,
) -> dict[str, Any]:
    """Describe one call of `simulate`; plain values only, so that it can be written as JSON.

    Parameters
    ----------
    scenario, seed, replicate
        The arguments of the call; `rebuild` gives them back.
    start_time : datetime, optional
        When the work began; now, if it is left out. It is the only entry that differs between two runs of
        the same call on the same machine.
    rules : mapping, optional
        Record of the rules that are not the default; see `rules.Rules`.
    """
    return {
        "scenario_name": scenario.name,
        "scenario_digest": scenario.digest(),
        "seed": int(seed),
        "replicate": int(replicate),
        "rules": {name: dict(entry) for name, entry in (rules or {}).items()},
        **environment(),
        "start_time": (start_time or datetime.now(UTC)).isoformat(timespec="seconds"),
        "scenario": {"schema": SCHEMA, **scenario.model_dump(mode="json")},
    }


def environment() -> dict[str, Any]:
    """The code and the machine: what else the last digits of a result depend on."""
    return {
        "version": _version("hashcredit"),
        "code": code_key(),
        "kernel_code": kernel_key(),
        "git": _git_state(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "cpu": _cpu_model(),
        "platform": platform.platform(),
        "c_library": " ".join(platform.libc_ver()),
    }


def rebuild(
    record: Mapping[str, Any], folder: Path | None = None, rules: Mapping[str, Rule] | None = None
) -> tuple[Scenario, int, int]:
    """Scenario, seed and replicate of a provenance record, also of one read back from JSON.

    Parameters
    ----------
    record : mapping
        What `provenance` or a file `provenance.json` holds.
    folder : Path, optional
        Where that file lies, with the network files that it names; the working folder, if it is left out.
        ScenarioError is raised for a network file that has changed since.
    rules : mapping, optional
        A record names the rules that were not the default, but cannot hold them: give the same functions
        here, and in the call that makes the run again. RuleError names one that is missing or differs.
    """
    for name in ("scenario", "scenario_digest", "seed", "replicate"):
        if name not in record:
            raise ScenarioError(f"provenance.{name}", "(missing)", "a record written by this package")
    scenario = Scenario.from_dict(_with_dates(record["scenario"]), folder)
    if scenario.digest() != record["scenario_digest"]:
        allowed = f"the digest of the scenario in the same record, {scenario.digest()}"
        raise ScenarioError("provenance.scenario_digest", record["scenario_digest"], allowed)
    check_record(record.get("rules", {}), Rules.of(rules))
    return scenario, int(record["seed"]), int(record["replicate"])


def _with_dates(value: Any, name: str = "") -> Any:
    """Copy a scenario's content, texts that stand for dates turned back into dates."""
    if isinstance(value, Mapping):
        return {key: _with_dates(entry, str(key)) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_with_dates(entry, name) for entry in value)
    if isinstance(value, str) and name.endswith("_date"):
        try:
            return date.fromisoformat(value)
        except ValueError:  # left for the scenario to refuse, with the field's name
            return value
    return value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a folder of links
        return "not installed"


@cache
def code_key() -> str:
    """Sixteen hexadecimal digits that change with everything but the arguments that a result depends on.

    These are the sources behind `engine` (kernels, networks, the numbers made of a scenario) and the
    libraries that compute. Figures, studies and the command line leave it as it is.
    """
    digest = hashlib.sha256(kernel_key().encode())
    digest.update(_version("scipy").encode())
    sources = sources_behind(Path(__file__).resolve().parent.parent, _runs_replicates)
    for name, source in sorted(sources.items()):
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()[:16]


def _runs_replicates(source: str) -> bool:
    """Whether a source is the engine's own."""
    return "\ndef run_replicate(" in source


@cache
def _git_state() -> dict[str, Any] | None:
    """Commit of the checkout that the code runs from, and whether it was changed since; None elsewhere."""
    if not (_CHECKOUT / ".git").exists():
        return None
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    if commit is None or changes is None:
        return None
    return {"commit": commit, "dirty": changes != ""}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(_CHECKOUT), *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # look, do not touch
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@cache
def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
