"""Building and installing hashcredit as a user does, outside the source tree."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from repository import ROOT

ROOMS = ("agents", "simulator", "experiments")
CONSTRAINTS = ROOT / "constraints.txt"

OWN_SETTINGS = ("PYTHON", "NUMBA", "HASHCREDIT", "XDG", "MPL", "VIRTUAL_ENV")
"""Variables of the environment that a fresh user does not have."""

LONGEST = 900
"""Seconds after which a child process hangs."""

EPOCH = 1_700_000_000
"""Time stamp of all installed sources, seconds since 1970."""


def unavailable(reason: str) -> NoReturn:
    """A check cannot be made here: a failure where CI is set, since nobody reads skips there; else a skip."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{reason} (with CI set in the environment this is a failure)", pytrace=False)
    pytest.skip(reason)


def environment(home: Path, **more: str) -> dict[str, str]:
    """The present environment less everything that might lead to the source tree or its caches."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    return kept | {"HOME": str(home), **more}


def finish(process: "subprocess.Popen[str]", *, code: int = 0) -> tuple[str, str]:
    """What a process prints, on both channels, after it ended with the expected code."""
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == code, f"{process.args} ended with {process.returncode}:\n{out}\n{err}"
    return out, err


def start(command: Sequence[str | Path], **options: Any) -> "subprocess.Popen[str]":
    channels = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([str(word) for word in command], text=True, **channels, **options)


def call(command: Sequence[str | Path], **options: Any) -> str:
    """Run a command to its end, which must be a good one, and return what it prints."""
    return finish(start(command, **options))[0]


def pip(python: str | Path, *arguments: str | Path, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    return call(command, env=kept | variables)


@dataclass(frozen=True)
class Place:
    """A virtual environment with an installed hashcredit."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def command(self) -> Path:
        return self.folder / "bin" / "hashcredit"

    @property
    def site(self) -> Path:
        (site,) = self.folder.glob("lib/python3*/site-packages")
        return site

    def install(self, wheel: Path) -> None:
        """Put a wheel in the place of whatever version is there; its requirements are there already."""
        pip(self.python, "install", "--no-deps", "--no-index", "--force-reinstall", wheel)
        self.make_times_equal()

    def make_times_equal(self) -> None:
        """Give all our sources one time stamp, as installers do that keep the times of reproducible archives.

        Numba recognises an edited file by its time and size, so this hides every edit in another module.
        """
        for path in (self.site / "hashcredit").rglob("*.py"):
            os.utime(path, (EPOCH, EPOCH))


def new_place(folder: Path, python: str | Path, *requirements: str | Path) -> Place:
    """A fresh environment with the pinned versions of what the requirements ask for."""
    call([python, "-I", "-m", "venv", folder])
    place = Place(folder)
    pip(place.python, "install", "--constraint", CONSTRAINTS, *requirements)
    place.make_times_equal()
    return place


def place_beside(place: Place, folder: Path) -> Place:
    """An environment of its own that borrows all libraries, but not hashcredit, from another one."""
    call([place.python, "-I", "-m", "venv", folder])
    new = Place(folder)
    (new.site / "borrowed.pth").write_text(f"{place.site}\n")
    return new


def copy_source(target: Path) -> Path:
    """What the builders read, without caches, environments and results."""
    for room in (*ROOMS, "tests"):
        shutil.copytree(ROOT / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, target)
    return target


def lower_bids(source: Path) -> None:
    """Edit one rule of a copy, as an upgrade does: everybody bids a tenth less than they would."""
    path = source / "agents" / "buyer.py"
    rule = re.compile(r"(^def bid\(.*?\n    return )([^\n]+)\n", re.DOTALL | re.MULTILINE)
    edited, count = rule.subn(r"\g<1>0.9 * (\g<2>)\n", path.read_text())
    assert count == 1
    path.write_text(edited)


@dataclass(frozen=True)
class Built:
    """The distributions of the present sources, and of a copy with an edited rule and the same version."""

    sdist: Path
    wheel: Path
    wheel_of_sdist: Path
    wheel_edited: Path


def build(folder: Path) -> Built:
    """Build everything from copies; asks the package index for setuptools."""
    tools = folder / "tools"
    install = ["install", "--no-compile", "--constraint", CONSTRAINTS, "--target", tools, "setuptools"]
    pip(sys.executable, *install)
    source = copy_source(folder / "source")
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(folder / 'sdist')!r})"
    call([sys.executable, "-c", code], cwd=source, env={**os.environ, "PYTHONPATH": str(tools)})
    (sdist,) = (folder / "sdist").glob("*.tar.gz")

    edited = copy_source(folder / "edited")
    lower_bids(edited)
    with_tools = ["wheel", "--no-deps", "--no-index", "--no-build-isolation"]
    for name, sources in (("wheel", source), ("wheel_edited", edited)):
        pip(sys.executable, *with_tools, "--wheel-dir", folder / name, sources, PYTHONPATH=str(tools))
    # From the source distribution as pip does it by default: with the build requirements of pyproject.toml.
    pins = {"PIP_CONSTRAINT": str(CONSTRAINTS), "PIP_BUILD_CONSTRAINT": str(CONSTRAINTS)}
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder / "wheel_of_sdist", sdist, **pins)
    names = ("wheel", "wheel_of_sdist", "wheel_edited")
    return Built(sdist, *(next((folder / name).glob("*.whl")) for name in names))


def require_package_index(folder: Path) -> None:
    """Stop unless pip can fetch what these tests install first."""
    wanted = [line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("setuptools==")]
    wanted.append("openai-agents")
    options = ["--no-deps", "--no-cache-dir", "--retries", "2", "--dest", folder]
    try:
        pip(sys.executable, "download", *options, *wanted)
    except AssertionError as error:
        said = str(error).strip().splitlines()[-1]
    else:
        return
    unavailable(f"these tests install from a package index and need a network; pip says: {said}")


def run_command(command: Sequence[str | Path], scenario: str, out: Path, *options: str) -> list[str | Path]:
    """Arguments for a short run whose numbers are worth comparing."""
    sizes = ["--set", "horizon_weeks=20", "--seeds", "1", "--replicates", "2"]
    return [*command, "run", scenario, *sizes, "--quiet", *options, "--out", out]


def numbers(folder: Path) -> dict[str, str]:
    """A digest of each table and of the scenario in a result folder: equal if every bit is."""
    files = [path for path in folder.iterdir() if path.suffix in (".parquet", ".csv", ".toml")]
    assert {path.name for path in files} >= {"summary.parquet", "series.parquet", "events.parquet"}
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def machine_code(cache: Path) -> dict[str, int]:
    """Files of compiled kernels in a cache folder, with the time at which they were written."""
    return {str(path.relative_to(cache)): path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}


def other_pythons() -> dict[str, str]:
    """Interpreters of this machine that hashcredit supports and these tests do not run on, by version."""
    roots = [Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"]
    found = {}
    for minor in (11, 12, 13):
        candidates = [shutil.which(f"python3.{minor}")]
        candidates += [str(path) for root in roots for path in sorted(root.glob(f"3.{minor}.*/bin/python"))]
        for candidate in filter(None, candidates):
            code = "import ensurepip, sys, venv; print(*sys.version_info[:2], sep='.')"
            said = subprocess.run([candidate, "-I", "-c", code], capture_output=True, text=True, check=False)
            if said.stdout.strip() == f"3.{minor}" and minor != sys.version_info.minor:
                found[f"3.{minor}"] = candidate
                break
    return found


# A machine without network, whose only writable folders are those for results and for temporary files.

SEAL = """
set -e
for folder in $WRITABLE; do mount --bind "$folder" "$folder"; done
while read -r _ _ _ _ point _; do
    case " $WRITABLE " in *" $point "*) continue;; esac
    case $point in /proc|/proc/*|/sys|/sys/*|/dev|/dev/pts) continue;; esac
    mount -o remount,bind,ro "$point"
done </proc/self/mountinfo
if touch "$1" 2>/dev/null || tail -n +3 /proc/net/dev | grep -qv '^ *lo:'; then
    echo "not sealed" >&2; exit 99
fi
exec "$@"
"""


def sealed(command: Sequence[str | Path], writable: Sequence[Path], home: str | None, **more: str) -> Any:
    """Start a command under a read-only file system without network; the root user cannot write either."""
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    variables = environment(ROOT, **more, WRITABLE=" ".join(map(str, writable)))
    del variables["HOME"]
    if home is not None:
        variables["HOME"] = home
    return start(
        ["unshare", *own, "--mount", "--net", "sh", "-c", SEAL, "sh", *command], env=variables, cwd="/"
    )


def require_namespaces() -> None:
    """Stop unless this machine lets us make a namespace in which mounts and network are our own."""
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    try:
        call(["unshare", *own, "--mount", "--net", "true"])
    except (OSError, AssertionError) as error:
        said = " ".join(str(error).split())
    else:
        return
    unavailable(f"no read-only file system without root or user namespaces: {said}")
