"""What `hashcredit doctor` sees of the machine: processors, memory, space, Slurm, Dask.

Limits of a container or a job are those of control groups, of both versions; where there are none, so be it.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hashcredit.experiments.commands.findings import Finding, installed_version, megabytes

GROUPS = Path("/sys/fs/cgroup")
MEMORY = Path("/proc/meminfo")

LEAST_MEMORY = 1e9
"""Free bytes below which a study of several processes may be killed: each takes some 300 MB."""
LEAST_SPACE = 100e6
"""Free bytes in the temporary folder: figures, and Slurm scripts, take little."""

THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
"""Said because clusters set them; runs are threads of their own, which --threads and --workers count."""

SLURM_COMMANDS = ("sbatch", "squeue", "scancel")
DASK_PACKAGES = ("dask", "distributed", "dask_jobqueue")


def processors() -> Iterator[Finding]:
    """How many this process may use, and what limits it."""
    section = "processors"
    seen, there = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    yield Finding(
        section, "seen", f"{seen} of {there}; this many threads or processes unless you say otherwise"
    )
    limit = processor_limit()
    if limit is not None:
        told = f"time of {limit:.3g} processors (control group)"
        if limit < seen:
            advice = f"--threads {max(1, int(limit))} (run) or --workers {max(1, int(limit))} (sweep)"
            yield Finding(section, "limit", told, "remark", advice)
        else:
            yield Finding(section, "limit", told)
    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if allotted.isdecimal() and 0 < int(allotted) < seen:
        advice = f"--threads {allotted} (run) or --workers {allotted} (sweep)"
        yield Finding(section, "Slurm", f"{allotted} for this task, {seen} seen", "remark", advice)
    for name in THREAD_VARIABLES:
        yield Finding(section, name, os.environ.get(name) or "not set")


def processor_limit() -> float | None:
    """Processors whose time the control group gives, or None without a limit."""
    for folder in _groups("cpu"):
        words = _words(folder / "cpu.max")  # version 2: quota or "max", and period, microseconds
        if len(words) == 2 and words[0] != "max":
            return int(words[0]) / int(words[1])
        quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
        if quota and period and int(quota[0]) > 0:
            return int(quota[0]) / int(period[0])
    return None


def _groups(controller: str) -> Iterator[Path]:
    """Folders of the control groups of this process, the innermost first, for either version."""
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        _, names, inside = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        root = GROUPS / controller if names else GROUPS
        place = root / inside.lstrip("/")
        yield place
        for parent in place.parents:
            if not parent.is_relative_to(root):
                break
            yield parent


def _text(file: Path) -> str:
    """A file of the kernel; empty where this machine has none, or shows it to nobody."""
    try:
        return file.read_text()
    except OSError:
        return ""


def _words(file: Path) -> list[str]:
    return _text(file).split()


def space() -> Iterator[Finding]:
    """Memory and the temporary folder."""
    section = "memory and space"
    amounts = {name: int(size) * 1024 for name, size in re.findall(r"^(\w+): +(\d+) kB", _text(MEMORY), re.M)}
    free = amounts.get("MemAvailable")
    if free is None:
        yield Finding(section, "memory", f"not known: {MEMORY} does not say")
    else:
        told = f"{megabytes(free)} free of {megabytes(amounts['MemTotal'])}"
        limit = memory_limit()
        if limit is not None and limit < amounts["MemTotal"]:
            told += f", limited to {megabytes(limit)} (control group)"
            free = min(free, limit)
        if free < LEAST_MEMORY:
            advice = "end other programs or ask for more; --workers 1 (sweep) needs least"
            yield Finding(section, "memory", told, "remark", advice)
        else:
            yield Finding(section, "memory", told)
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as error:
        advice = "set TMPDIR to a writable folder"
        yield Finding(section, "temporary folder", str(error), "broken", advice)
        return
    left = shutil.disk_usage(folder).free
    told = f"{folder}, {megabytes(left)} free"
    if left < LEAST_SPACE:
        advice = "free some, or set TMPDIR to another folder"
        yield Finding(section, "temporary folder", told, "remark", advice)
    else:
        yield Finding(section, "temporary folder", told)


def memory_limit() -> int | None:
    """Bytes that the control group allows, or None without a limit."""
    limits = [
        int(words[0])
        for folder in _groups("memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (words := _words(folder / name)) and words[0] != "max"
    ]
    return min(limits, default=None)


def clusters() -> Iterator[Finding]:
    """Slurm and Dask, as far as they are there: neither is needed on one machine."""
    section = "clusters"
    found = [name for name in SLURM_COMMANDS if shutil.which(name)]
    if len(found) == len(SLURM_COMMANDS):
        yield Finding(section, "Slurm", f"{', '.join(found)} are on the path")
    elif found:
        lacking = ", ".join(name for name in SLURM_COMMANDS if name not in found)
        advice = "see that all commands of Slurm are on the path before --executor slurm or array"
        yield Finding(section, "Slurm", f"{lacking} not on the path", "remark", advice)
    else:
        yield Finding(section, "Slurm", "no commands on the path")
    job = os.environ.get("SLURM_JOB_ID")
    node = os.environ.get("SLURMD_NODENAME", "a node that has no name here")
    yield Finding(section, "job", f"in job {job} on {node}" if job else "not in a job")
    yield Finding(section, "Dask", _dask())


def _dask() -> str:
    versions = {name: installed_version(name) for name in DASK_PACKAGES}
    there = [f"{name} {version}" for name, version in versions.items() if version]
    return ", ".join(there) or "not installed"
