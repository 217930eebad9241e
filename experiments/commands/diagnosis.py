"""What `hashcredit doctor` looks at: packages, kernel cache and a run; the machine has a module of its own.

Each look gives findings. Nothing is installed or compiled, and a look that fails is a finding, not an end.
"""

import os
import platform
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from hashcredit.experiments.commands.findings import Finding, installed_version, megabytes
from hashcredit.experiments.commands.machine import clusters, processors, space
from hashcredit.experiments.support.stopping import StopListener

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PROJECT = "hashcredit"
TOOLS = ("dev", "rivals")
"""Extras for those who work on the project: no command needs them."""

ALSO_TOLD = ("llvmlite",)
"""Packages that others bring, and that results and compiled code depend on."""

SPACE_FOR_KERNELS = 200e6
"""Free bytes below which the cache may fill: compiled kernels of one version take some 50 MB."""

PROBE_REPLICATES = 8
"""Runs that are timed: a quarter of a second."""

SECONDS_FOR_IMPORTS = 120
"""After which imports are given up: a network file system takes many seconds, hardly minutes."""


def diagnose(listener: StopListener, *, probe: bool = True) -> list[Finding]:
    """All findings, in the order in which they are shown; with `probe` a few runs are timed."""
    findings = [*versions(), *imports(), *extras()]
    kept = list(kernels(listener))
    findings += [*kept, *processors(), *space(), *clusters()]
    if probe:
        able = all(
            each.state != "broken" for each in findings if each.section in ("packages", "kernel cache")
        )
        findings += timed_runs() if able else [_not_run("something above is broken", "mend that first")]
    return findings


# Packages


def versions() -> Iterator[Finding]:
    """The project, Python and what is required, held against the installed requirements."""
    section = "packages"
    python = f"{platform.python_version()} in {sys.prefix}"
    try:
        installed = metadata.distribution(PROJECT)
    except metadata.PackageNotFoundError:
        yield Finding(section, "python", python)
        advice = "pip install -e . in the folder of the sources; until then requirements are not known"
        yield Finding(section, PROJECT, "not installed, only found on the path", "broken", advice)
        return
    yield Finding(section, PROJECT, f"{installed.version} in {Path(__file__).resolve().parents[2]}")
    try:
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet
    except ImportError:
        yield Finding(section, "packaging", "missing", "broken", _install(f"'{PROJECT}'"))
        return
    allowed = SpecifierSet(installed.metadata["Requires-Python"] or "")
    if platform.python_version() in allowed:
        yield Finding(section, "python", python)
    else:
        advice = "make an environment with such a Python and install there"
        yield Finding(section, "python", f"{python}; needed is {allowed}", "broken", advice)
    for requirement in map(Requirement, installed.requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _version_of(section, requirement)
    for name in ALSO_TOLD:
        yield _version_of(section, Requirement(name))


def _version_of(section: str, requirement: "Requirement", missing: str = "broken") -> Finding:
    """The version of a package against its bounds; `missing` is the state where it is not right."""
    found = installed_version(requirement.name)
    wanted = f"{requirement.name}{requirement.specifier}"
    if found is None:
        return Finding(section, requirement.name, "missing", missing, _install(f"'{wanted}'"))
    if not requirement.specifier.contains(found, prereleases=True):
        said = f"{found}; needed is {requirement.specifier}"
        return Finding(section, requirement.name, said, missing, _install(f"'{wanted}'"))
    return Finding(section, requirement.name, found)


def _install(what: str) -> str:
    return f"{sys.executable} -m pip install {what}"


def imports() -> Iterator[Finding]:
    """Whether what is required can be imported: in a process of its own, which a broken library may kill."""
    section = "packages"
    try:
        from packaging.requirements import Requirement

        required = [
            each.name.replace("-", "_")
            for each in map(Requirement, metadata.requires(PROJECT) or ())
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    except ImportError:  # said already
        return
    names = [name for name in required if installed_version(name) is not None]
    code = f"for name in {names}: print(name, flush=True); __import__(name)"
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_FOR_IMPORTS,
        )
    except subprocess.TimeoutExpired:
        said = f"not done after {SECONDS_FOR_IMPORTS} s"
        advice = "look whether the file system of the environment answers"
        yield Finding(section, "imports", said, "broken", advice)
        return
    seconds = time.perf_counter() - started
    if done.returncode == 0:
        yield Finding(section, "imports", f"all of these in {seconds:.1f} s")
        return
    last = (done.stdout.split() or ["Python itself"])[-1]
    reason = (done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"])[-1]
    advice = f"install it anew: {_install(f'--force-reinstall {last}')}"
    yield Finding(section, "imports", f"{last} cannot be imported: {reason}", "broken", advice)


def extras() -> Iterator[Finding]:
    """Which optional extras are complete; without one only its own commands are refused."""
    section = "extras"
    try:
        installed = metadata.distribution(PROJECT)
        from packaging.requirements import Requirement
    except ImportError:  # said already; PackageNotFoundError is one too
        return
    requirements = [Requirement(text) for text in installed.requires or ()]
    for extra in installed.metadata.get_all("Provides-Extra") or []:
        if extra in TOOLS:
            continue
        looks = [_version_of(section, each, "remark") for each in _of_extra(requirements, extra)]
        told = ", ".join(f"{each.name} {each.found}" for each in looks) or "nothing more is needed"
        if all(each.state == "well" for each in looks):
            yield Finding(section, extra, told)
        else:
            command = _install(f"'{PROJECT}[{extra}]'")
            advice = f"only if you want it: {command}"
            yield Finding(section, extra, told, "remark", advice)


def _of_extra(requirements: "list[Requirement]", extra: str) -> "Iterator[Requirement]":
    """What an extra adds, also by way of other extras of the project."""
    for each in requirements:
        if each.marker is None or not each.marker.evaluate({"extra": extra}):
            continue
        if each.marker.evaluate({"extra": ""}):  # needed in any case
            continue
        if each.name == PROJECT:
            for other in sorted(each.extras):
                yield from _of_extra(requirements, other)
        else:
            yield each


# Kernels


def kernels(listener: StopListener) -> Iterator[Finding]:
    """Where compiled code is kept, whether it can be, how much of it there is."""
    section = "kernel cache"
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            from hashcredit.agents.compiled import cache_folder, is_kept
            from hashcredit.simulator.progress import all_kernels, are_kernels_ready, compiled_kernels

            folder = cache_folder()
    except Exception as error:  # whatever importing Numba raises is what is to be told
        reason = " ".join(str(error).split())
        found = f"Numba cannot be loaded: {type(error).__name__}: {reason}"
        advice = "see the versions above, and NUMBA_ variables of the environment"
        yield Finding(section, "folder", found, "broken", advice)
        return
    chosen = os.environ.get("HASHCREDIT_CACHE_DIR")
    if not is_kept():
        listener.at_stop(lambda: shutil.rmtree(folder, ignore_errors=True))
        reason = (
            str(said[-1].message).split(": kernels are compiled")[0] if said else "its place cannot be used"
        )
        where = f"HASHCREDIT_CACHE_DIR, which is {chosen}," if chosen else "HASHCREDIT_CACHE_DIR"
        advice = (
            f"set {where} to a writable folder of your own; until then every process compiles for minutes"
        )
        yield Finding(section, "folder", f"not kept: {reason}", "broken", advice)
        return
    yield Finding(section, "folder", f"{folder}, writable and kept")
    size, free = _size(folder.parent), shutil.disk_usage(folder).free
    told = f"{megabytes(size)} of all versions, {megabytes(free)} free"
    if free < SPACE_FOR_KERNELS:
        advice = f"free {megabytes(SPACE_FOR_KERNELS)} there, or set HASHCREDIT_CACHE_DIR"
        yield Finding(section, "size", told, "remark", advice)
    else:
        yield Finding(section, "size", told)
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        advice = "unset NUMBA_DISABLE_JIT: plain Python takes hundreds of times as long"
        yield Finding(section, "kernels", "switched off by NUMBA_DISABLE_JIT", "remark", advice)
    elif are_kernels_ready():
        yield Finding(section, "kernels", f"{compiled_kernels():,} compiled, ready")
    else:
        told = f"{compiled_kernels():,} of about {all_kernels():,} compiled"
        yield Finding(section, "kernels", told, "remark", "hashcredit warmup compiles them, in minutes")


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; one that another process deletes meanwhile has none."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(place, file)).st_size
            except FileNotFoundError:
                continue
    return total


# A run


def _not_run(why: str, advice: str, state: str = "remark") -> Finding:
    return Finding("probe run", "baseline", f"not tried: {why}", state, advice)


def timed_runs() -> Iterator[Finding]:
    """Seconds to the first run of the baseline and milliseconds a run after it, on one thread."""
    from numba import config
    from numba.core import event

    from hashcredit.simulator.progress import are_kernels_ready

    if config.DISABLE_JIT:
        yield _not_run("kernels are switched off", "unset NUMBA_DISABLE_JIT")
        return
    if not are_kernels_ready():
        yield _not_run("it would compile for minutes", "hashcredit warmup, then this command again")
        return
    # what this process compiles: another one may be filling the same cache
    with warnings.catch_warnings(record=True) as said, event.install_recorder("numba:compile") as seen:
        warnings.simplefilter("always")
        started = time.perf_counter()
        from hashcredit.simulator import simulate_many
        from hashcredit.simulator.runs.engine import processors

        simulate_many(replicates=1, threads=1, progress=False)
        first = time.perf_counter() - started
        started = time.perf_counter()
        simulate_many(replicates=PROBE_REPLICATES, threads=1, progress=False)
        each = (time.perf_counter() - started) / PROBE_REPLICATES
    yield Finding("probe run", "baseline", f"{first:.1f} s to the first run, then {each * 1000:.0f} ms a run")
    count = processors()
    yield Finding(
        "probe run", "1,000 runs", f"about {max(1, 1000 * each / count):.0f} s on {count} processors, if idle"
    )
    compiled = sum(each.is_start for _, each in seen.buffer)
    reasons = {str(each.message) for each in said if issubclass(each.category, RuntimeWarning)}
    if compiled > 0 or reasons:
        told = f"{compiled} had to be compiled{''.join(f'; {reason}' for reason in sorted(reasons))}"
        advice = "once more; if it is so again, delete the folder of the kernel cache and hashcredit warmup"
        yield Finding("probe run", "kernels", told, "remark", advice)
    else:
        yield Finding("probe run", "kernels", "none had to be compiled")
