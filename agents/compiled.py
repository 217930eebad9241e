"""The `@kernel` decorator: Numba compilation with a cache that notices every edit.

Numba's own cache looks only at the file of the function itself. A kernel that calls a rule of another
module would go on running the old rule after an edit or an upgrade. So the cache folder carries a key
made of all kernel sources, whatever they import from this package, and the versions that compile them:
any change starts a new folder. Edits elsewhere (scenario, figures, command line) leave it as it is, and
installations of the same sources share it, wherever each of them lies.
"""

import atexit
import hashlib
import os
import pickle
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba
import numpy as np
from numba import config, typeof, types
from numba.core.caching import FunctionCache, NullCache, UserProvidedCacheLocator
from numba.core.runtime import rtsys

from hashcredit.agents import parts

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
"""No other language calls a kernel, so none needs a C entry."""

KEYS_KEPT = 5
"""Compiled versions of the sources that stay on disk; the least recently used go first."""
IN_USE = 24 * 3600.0
"""Seconds for which a version that somebody has begun to use stays in any case: it may be half compiled."""

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("agents", "simulator")
_DECORATED = re.compile(r"^@(?:kernel|inlined)\b", re.MULTILINE)
_IMPORT = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+hashcredit\.([\w.]+)(?:[ \t]+import[ \t]+(\([^)]*\)|.*))?", re.MULTILINE
)
_FOLDER_NAME = re.compile(r"kernels-[0-9a-f]{16}")
_TORN = (EOFError, pickle.UnpicklingError, AttributeError, IndexError, TypeError, ValueError)
"""What reading a file that was cut short or damaged raises."""

_config_lock = threading.RLock()


def kernel(function: Function) -> Function:
    """Compile a pure function of numbers and arrays on its first call, and keep the result on disk.

    No fastmath: results are the same bits on every run. `nogil` lets threads run kernels side by side.
    With `NUMBA_DISABLE_JIT=1` the plain Python function comes back.
    """
    return _compiled(function, OPTIONS)


def inlined(function: Function) -> Function:
    """As `kernel`, and copied into its callers: for a rule that runs for every agent and has one caller."""
    return _compiled(function, OPTIONS | {"forceinline": True})


def in_turn(name: str, kernels: Sequence[Callable[..., None]], arguments: str) -> Callable[..., None]:
    """One kernel that calls others in turn, all with the same `arguments` ("economy, p").

    Compiled code cannot walk a list of functions, so the calls are written out from it.
    """
    calls = [f"{each.__name__}({arguments})" for each in kernels]
    return written_out(name, arguments, calls, **{each.__name__: each for each in kernels})


def written_out(name: str, arguments: str, lines: Sequence[str], **used: Any) -> Callable[..., None]:
    """A kernel from the lines of its body, for what follows from a declaration; `used` are names in them."""
    used["__name__"] = __name__
    body = "".join(f"\n    {line}" for line in lines)
    exec(compile(f"def {name}({arguments}):{body}", __file__, "exec"), used)
    return kernel(used[name])


def _compiled(function: Function, options: dict[str, Any]) -> Function:
    """The dispatcher of a function, with its cache in the folder of the present sources."""
    if config.DISABLE_JIT:
        return function
    compiled: Any = numba.njit(**options)(function)
    keep = partial(KernelCache, function.__name__, cache_folder())
    _widen_whole_numbers(compiled)
    compiled._cache = keep(partial(FunctionCache, function))
    if parts.are_used():
        parts.Kernel(compiled, options, _widen_whole_numbers, keep)
    typed: Function = compiled
    return typed


class KernelCache:
    """What a dispatcher asks of its cache; it is set up when the first code is looked for in it.

    A run calls ten of several hundred kernels, and for the others Numba would find out where their code lies.

    name    of the kernel
    folder  that of the present sources
    make    sets up Numba's own cache
    """

    def __init__(self, name: str, folder: Path, make: Callable[[], Any]) -> None:
        self._name, self._folder, self._make = name, folder, make

    @cached_property
    def _own(self) -> Any:
        with _cache_in(self._folder):
            own = self._make()
        if own.cache_path.startswith(f"{self._folder}{os.sep}"):
            return own
        # Numba fell back to a folder without the key (disk full, folder gone): better to compile anew.
        return NullCache()

    @property
    def cache_path(self) -> str | None:
        """Folder of its files; None where nothing is kept."""
        path: str | None = self._own.cache_path
        return path

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The code for a signature; None if there is none, or if it is torn.

        Numba would raise for ever: a file that a dying machine left half written is read by every later
        process. Before it looks into its cache it also loads all that compiling takes, SciPy's linear algebra
        with it: a fifth of a short run. What lies there needs the runtime alone, and who compiles loads the
        rest himself.
        """
        _ready_to_run(target)
        try:
            return getattr(self._own, "_load_overload", self._own.load_overload)(signature, target)
        except _TORN as error:
            reason = f"{type(error).__name__} in the kernel cache of {self._name}: it is compiled again"
            warnings.warn(reason, RuntimeWarning, stacklevel=2)
            with suppress(OSError):
                self._own.flush()
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep the code for a signature, or go on without where the disk is full."""
        try:
            self._own.save_overload(signature, data)
        except OSError as error:
            reason = f"the kernel cache cannot take {self._name}: {error}"
            warnings.warn(reason, RuntimeWarning, stacklevel=2)

    def enable(self) -> None:
        """Use it."""
        self._own.enable()

    def disable(self) -> None:
        """Leave it alone."""
        self._own.disable()

    def flush(self) -> None:
        """Forget what it holds."""
        self._own.flush()


def _ready_to_run(target: Any) -> None:
    """Give the linker every address that machine code may ask for."""
    import numba.cpython.hashing  # noqa: F401  # those of sets and dictionaries

    rtsys.initialize(target)


def _widen_whole_numbers(dispatcher: Any) -> None:
    """Let one compiled version serve all integer arguments of other kernels, whatever field they come from.

    A code may be an `IntEnum` member, one byte or four: without this, each mixture would compile anew.
    """
    fold = dispatcher._compiler.fold_argument_types

    def fold_wide(args: Any, kws: Any) -> Any:
        signature, kinds = fold(args, kws)
        return signature, tuple(_wide(kind) for kind in kinds)

    dispatcher._compiler.fold_argument_types = fold_wide


def _wide(kind: Any) -> Any:
    """`int64` for every kind of whole number that fits in it; any other type as it is.

    An argument that is left out is a number like any other: its default's.
    """
    if isinstance(kind, types.Omitted) and isinstance(kind.value, int | float):
        kind = typeof(kind.value)
    if isinstance(kind, types.Integer | types.IntEnumMember) and kind != types.uint64:
        return types.int64
    return kind


@cache
def cache_folder() -> Path:
    """Folder for the machine code of the present sources; created, writable, and nobody else's.

    What lies in it is unpickled and run, so a folder that another user owns or can write to is not used.
    """
    base = _base_folder()
    folder = base / f"kernels-{kernel_key()}" if base else None
    trouble = ""
    if folder is None or not _is_writable(folder):
        trouble = f"cannot write to the cache folder {folder or '(no home folder)'}"
    elif not (_is_private(folder) and _is_private(folder.parent)):
        trouble = f"will not use the cache folder {folder}, which another user owns or can write to"
    if folder is None or trouble:
        temporary = Path(tempfile.mkdtemp(prefix="hashcredit-"))
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        warnings.warn(
            f"{trouble}: kernels are compiled anew in every process; set HASHCREDIT_CACHE_DIR to a writable "
            "folder of your own",
            RuntimeWarning,
            stacklevel=2,
        )
        return temporary
    os.utime(folder)
    _prune(folder.parent)
    return folder


def is_kept() -> bool:
    """Whether the cache folder outlives this process."""
    return _FOLDER_NAME.fullmatch(cache_folder().name) is not None


class SharedLocator(UserProvidedCacheLocator):
    """Numba's place for the code of a file: by its path within the project, not by where that is installed.

    The folder's key already says what the sources are, so a second environment, a clone or an upgrade that
    leaves kernels as they are need not compile them. Files from elsewhere (rules of users) have a place each.
    """

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """Name of the subfolder for a source file."""
        return _room(py_file) or str(super().get_suitable_cache_subpath(py_file))

    def ensure_cache_path(self) -> None:
        """Numba tries to write into the folder for each of several hundred functions; here once is enough."""
        path = self.get_cache_path()
        if path not in _writable or not os.path.isdir(path):
            super().ensure_cache_path()
            _writable.add(path)


_writable: set[str] = set()


@cache
def _room(py_file: str) -> str:
    """Room of a source file of this package, as in "simulator.books"; empty for any other file."""
    folder = Path(py_file).resolve().parent
    if not any(folder.is_relative_to(_ROOT / package) for package in _PACKAGES):
        return ""
    return ".".join(folder.relative_to(_ROOT).parts)


_LOCATORS = f"{__name__}.SharedLocator,InTreeCacheLocator,UserWideCacheLocator,IPythonCacheLocator"
"""Those after the first only keep Numba from failing where the folder cannot be used; see `_compiled`."""


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Make Numba cache under `folder`; it reads its settings when a function is decorated."""
    with _config_lock:
        before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = str(folder), _LOCATORS
        try:
            yield
        finally:
            config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before


def _base_folder() -> Path | None:
    """Where the user wants caches to be, or None if there is no home to put them in."""
    chosen = os.environ.get("HASHCREDIT_CACHE_DIR")
    if chosen:
        return Path(chosen).absolute()
    # The XDG rules tell programs to ignore a relative path; an empty HOME would otherwise mean "/".
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):
        return Path(shared, "hashcredit")
    home = os.path.expanduser("~") if os.environ.get("HOME", "~") else ""
    return Path(home, ".cache", "hashcredit") if os.path.isabs(home) else None


@cache
def kernel_key() -> str:
    """Sixteen hexadecimal digits that change with any kernel source, version or compiler setting."""
    digest = hashlib.sha256()
    versions = numba.__version__, llvmlite.__version__, np.__version__, sys.version
    # Numba's own index does not know of these two settings.
    digest.update(repr((versions, config.OPT, config.BOUNDSCHECK)).encode())
    sources = kernel_sources(_ROOT)
    for name, source in sorted(sources.items()):
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()[:16]


def kernel_sources(root: Path) -> dict[str, bytes]:
    """Files that compiled code may depend on: modules with kernels, and all that they import from here.

    root    folder of the packages `agents` and `simulator`
    Returns the content of each file under its path relative to `root`. The imports are found in the text,
    so nothing is imported for it; a mention in a comment can only add a file.
    """
    return sources_behind(root, lambda source: _DECORATED.search(source) is not None)


def sources_behind(root: Path, is_start: Callable[[str], bool]) -> dict[str, bytes]:
    """The files whose text `is_start` accepts, and all that they import from here; as `kernel_sources`."""
    paths = (path for package in _PACKAGES for path in (root / package).rglob("*.py"))
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    waiting = [name for name, source in files.items() if is_start(source.decode())]
    found: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = files[name]
            waiting += [other for other in _imported(files[name].decode()) if other in files]
    return found


def _imported(source: str) -> Iterator[str]:
    """Files that the `hashcredit` imports of a source may refer to; a name may be a module of a package."""
    for module, names in _IMPORT.findall(source):
        base = module.replace(".", "/")
        yield f"{base}.py"
        yield f"{base}/__init__.py"
        for name in re.findall(r"\w+", names):
            yield f"{base}/{name}.py"


def _is_writable(folder: Path) -> bool:
    """Try it: permission bits do not tell the truth on read-only and network file systems."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except OSError:
        return False
    return True


def _is_private(folder: Path) -> bool:
    """Whether nobody but this user, or the machine's administrator, can put a file into a folder."""
    status = folder.stat()
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _prune(base: Path) -> None:
    """Delete all but the most recently used keys; another process may be doing the same."""
    used: list[tuple[float, Path]] = []
    for folder in base.iterdir():
        if _FOLDER_NAME.fullmatch(folder.name):
            try:
                used.append((folder.stat().st_mtime, folder))
            except OSError:  # it is gone already
                continue
    for since, folder in sorted(used, reverse=True)[KEYS_KEPT:]:
        if time.time() - since > IN_USE:
            shutil.rmtree(folder, ignore_errors=True)
