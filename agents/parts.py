"""Kernels as parts of other kernels: machine code is made once, where Python enters.

Numba optimises every function with all that it calls and makes machine code and a wrapper for Python of it,
though a kernel that only kernels call needs none of that. Optimised over and over, the several hundred
kernels of a week took six minutes of a processor. So a kernel that another one calls is compiled as a
`Part`: typed, lowered, each function tidied by itself, and no more. The kernel that is called from Python, an
entry, is compiled by Numba as ever; its parts are linked into it and optimised once, as one program.

A kernel may be both. As a part it never runs: what Numba is given in place of its wrapper says so.

This rests on how Numba builds a library of code, so it is used with the versions for which it was tested
(`VERSIONS`); with others, or with HASHCREDIT_PLAIN_NUMBA=1, every kernel is compiled by Numba alone: the same
bits, later.
"""

import ctypes
import dis
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from types import CodeType, FunctionType
from typing import Any
from weakref import WeakValueDictionary

import numba
from llvmlite import binding as llvm
from numba import _dynfunc
from numba.core import compiler
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.errors import NumbaError
from numba.core.runtime import rtsys
from numba.core.typed_passes import NativeLowering

VERSIONS = ((0, 68),)
"""Of Numba, with which parts were tested."""

_named: "WeakValueDictionary[tuple[str, str], Kernel]" = WeakValueDictionary()
"""The kernels that are known, by module and name: a part from the cache finds there what it calls."""
_of_function: "WeakValueDictionary[int, Kernel]" = WeakValueDictionary()
"""The same by the number of the Python function: two may share a name in turn."""
_serial = itertools.count(1)
_REFUSE = ctypes.cast(ctypes.pythonapi.PyObject_Call, ctypes.c_void_p).value
"""Address that stands for the code of a part: called from Python it raises TypeError."""


def are_used() -> bool:
    """Whether kernels are compiled as parts of others."""
    return numba.version_info[:2] in VERSIONS and os.environ.get("HASHCREDIT_PLAIN_NUMBA", "") in ("", "0")


def compile_part(entry: Any, arguments: tuple[Any, ...]) -> None:
    """Compile what other kernels need of a kernel, for arguments of these Numba types, and keep it."""
    (entry.kernel.part if are_used() else entry).compile(arguments)


class Kernel:
    """What is known of a kernel besides its entry, the dispatcher that Python calls.

    entry     dispatcher of Numba
    options   with which it compiles
    finish    what is done to every new dispatcher
    keep      makes the cache of a new part, from what sets up Numba's own
    """

    def __init__(
        self,
        entry: Any,
        options: dict[str, Any],
        finish: Callable[[Any], None],
        keep: Callable[[Callable[[], Any]], Any],
    ) -> None:
        self.function: FunctionType = entry.py_func
        self._options, self._finish, self._keep = options, finish, keep
        self._part: Any = None
        _named[self.function.__module__, self.function.__qualname__] = self
        _of_function[id(self.function)] = self
        entry.kernel = self
        entry.get_call_template = self._get_call_template
        self._template_of_whole = partial(type(entry).get_call_template, entry)
        self._overload_of_whole = partial(type(entry).get_overload, entry)
        # what Numba asks a dispatcher when another kernel calls it
        entry.get_call_template, entry.get_overload = self._get_call_template, self._get_overload

    def _get_call_template(self, arguments: Any, named: Any) -> Any:
        """Types of a call from another kernel."""
        if self.part.is_compiling:
            raise NumbaError(f"{self.function.__qualname__} calls itself: kernels have no recursion")
        template = self.part.get_call_template(arguments, named)
        if self._can_be_part(self.part.fold_argument_types(arguments, named)[1]):
            return template
        return self._template_of_whole(arguments, named)

    def _get_overload(self, arguments: Any) -> Any:
        """What stands for the compiled function in such a call."""
        can = self._can_be_part(tuple(arguments))
        return (self.part.get_overload if can else self._overload_of_whole)(arguments)

    def _can_be_part(self, arguments: tuple[Any, ...]) -> bool:
        """Whether it works without Python objects of its own; what prints needs them, so it is no part."""
        library: Part = self.part.overloads[arguments].library
        return not library.needs_python

    @property
    def part(self) -> Any:
        """The dispatcher that other kernels call; made when the first of them is compiled."""
        if self._part is None:
            part: Any = numba.njit(pipeline_class=PartCompiler, no_cpython_wrapper=True, **self._options)(
                self.function
            )
            if self.is_kept:
                part._cache = self._keep(partial(PartCache, self))
            self._finish(part)
            self._part = part
        return self._part

    @cached_property
    def is_kept(self) -> bool:
        """Whether its part may lie in the cache: a function within a function is another one each time."""
        inner = self.function.__code__.co_freevars
        return not inner and all(kernel.is_kept for _, kernel in _called_by(self.function))

    @cached_property
    def identity(self) -> int:
        """Number in the names of its functions: the same in all processes, and for no other code.

        It is made of the code, of the constants that it reads and of the kernels that it calls.
        """
        if not self.is_kept:
            return 2**56 + next(_serial)  # of this process
        text = "\n".join(_read_by(self.function))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def _read_by(function: FunctionType) -> Iterator[str]:
    """Texts that tell a function from any other."""
    code = function.__code__
    yield f"{function.__module__}.{function.__qualname__} {function.__defaults__!r}"
    yield from _code_texts(code)
    for name, kernel in _called_by(function):
        yield f"{name} {kernel.identity}"
    for name in sorted(set(_globals_of(code))):
        value = function.__globals__.get(name)
        if isinstance(value, bool | int | float | str | tuple):
            yield f"{name} {value!r}"


def _called_by(function: FunctionType) -> Iterator[tuple[str, Kernel]]:
    """The kernels that it calls, but for itself, under the names by which it knows them."""
    for name in sorted(set(_globals_of(function.__code__))):
        called = getattr(function.__globals__.get(name), "kernel", None)
        if isinstance(called, Kernel) and called.function is not function:
            yield name, called


def _code_texts(code: CodeType) -> Iterator[str]:
    """Byte code, names and constants, with those of functions within it."""
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_argcount))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_texts(constant)
        else:
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


def _globals_of(code: CodeType) -> Iterator[str]:
    """Names that it reads from its module; `co_names` has those of attributes as well."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)


class Part(JITCodeLibrary):
    """Code of one kernel as it was lowered; what it calls stays in the parts of the others."""

    origin: tuple[str, str, int, Any] = ("", "", 0, ())
    """Module, name and identity of the kernel, and the types of its arguments."""
    needs_python = False
    """Whether it reads its environment, Python objects that only an entry has."""

    def finalize(self) -> None:
        """Take in what Numba compiled for this kernel alone, and leave it at that."""
        self._raise_if_finalized()
        for library in self._called():
            self._reload_init.update(library._reload_init)
            if not isinstance(library, Part):
                self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._close()

    def _called(self) -> list[Any]:
        """The libraries that it calls, but for Numba's own runtime, which an entry links in any case."""
        return [each for each in dict.fromkeys(self._linking_libraries) if each is not rtsys.library]

    def parts(self) -> list["Part"]:
        """The parts that it calls."""
        return [each for each in self._called() if isinstance(each, Part)]

    def _close(self) -> None:
        self._final_module.verify()
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """The module that a caller outside of parts links: with all parts behind this one."""
        self._ensure_finalized()
        behind = dict.fromkeys([self])
        waiting = [self]
        while waiting:
            for part in waiting.pop().parts():
                if part not in behind:
                    behind[part] = None
                    waiting.append(part)
        whole = self._own_module().clone()
        for part in list(behind)[1:]:
            whole.link_in(part._own_module(), preserve=True)
        return whole

    def _own_module(self) -> Any:
        """Its functions, which a linker may take once, copy into their callers, or drop."""
        return super()._get_module_for_linking()


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Lower a kernel into a part."""

    _name = "hashcredit_part_lowering"

    def run_pass(self, state: Any) -> bool:
        """As Numba does it, into a library of ours and without machine code."""
        function_id = state.func_id
        kernel = _of_function[id(function_id.func)]
        function_id.unique_id = kernel.identity
        function_id.unique_name = f"{function_id.func_qualname}${kernel.identity}"
        library = Part(state.targetctx.codegen(), function_id.func_qualname)
        library.enable_object_caching()
        library.origin = (
            kernel.function.__module__,
            kernel.function.__qualname__,
            kernel.identity,
            tuple(state.args),
        )
        state.library = library
        state.flags.no_compile = True
        super().run_pass(state)
        library._ensure_finalized()
        lowered = state["cr"]
        # a name that is declared and never read occurs once
        library.needs_python = str(library._final_module).count(lowered.fndesc.env_name) > 1
        stand_in = _stand_in(lowered.fndesc, lowered.env)
        state.targetctx.insert_user_function(stand_in, lowered.fndesc, [library])
        state.reload_init.extend(library._reload_init)
        state["cr"] = compiler._LowerResult(
            lowered.fndesc, lowered.call_helper, cfunc=stand_in, env=lowered.env
        )
        return True


def _stand_in(described: Any, environment: Any) -> Any:
    """What Numba knows a compiled function by; Python cannot call it."""
    name = described.qualname.split(".")[-1]
    return _dynfunc.make_function(described.lookup_module(), name, f"part {name}", _REFUSE, environment, ())


class PartCompiler(CompilerBase):
    """Numba's compiler, with another last step."""

    def define_pipelines(self) -> list[Any]:
        """The usual passes, lowering as parts."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        place = [step for step, _ in passes.passes].index(NativeLowering)
        passes.passes[place] = (PartLowering, "lowering as a part")
        passes.finalize()
        return [passes]


class _PartFiles(CompileResultCacheImpl):
    """How a part is written to the cache and comes back."""

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        """Another name than that of the entry."""
        return f"part-{super().get_filename_base(fullname, abiflags)}"

    def reduce(self, result: Any) -> Any:
        """Its own code, and which parts it calls."""
        library, described = result.library, result.fndesc
        described.typemap = described.calltypes = None
        return (
            library.name,
            library.origin,
            library.needs_python,
            library._final_module.as_bitcode(),
            [part.origin for part in library.parts()],
            described,
            result.environment,
            result.signature,
            result.reload_init,
        )

    def rebuild(self, context: Any, reduced: Any) -> Any:
        """The part, after those that it calls; what does not fit together raises ValueError."""
        name, origin, needs_python, code, called, described, environment, signature, reload_init = reduced
        for prepare in reload_init:
            prepare()
        library = Part(context.codegen(), name)
        library.origin, library.needs_python = origin, needs_python
        library._final_module = llvm.parse_bitcode(code)
        for other in called:
            library.add_linking_library(_library(*other))
        library._close()
        return compiler.CompileResult(
            target_context=context,
            typing_context=context.typing_context,
            library=library,
            environment=environment,
            entry_point=_stand_in(described, environment),
            fndesc=described,
            type_annotation="",
            signature=signature,
            objectmode=False,
            lifted=(),
            typing_error=None,
            call_helper=None,
            metadata=None,
            reload_init=reload_init,
            referenced_envs=[],
        )


def _library(module: str, name: str, identity: int, arguments: Any) -> Part:
    """The library of a part that another one calls."""
    kernel = _named.get((module, name))
    if kernel is None or kernel.identity != identity:
        raise ValueError(f"{module}.{name} is another kernel now")
    kernel.part.compile(arguments)
    library: Part = kernel.part.overloads[arguments].library
    return library


class PartCache(FunctionCache):
    """Numba's cache of a function, for its part."""

    _impl_class = _PartFiles

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel.function)
        self._kernel = kernel

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        return (*super()._index_key(signature, codegen), self._kernel.identity)
