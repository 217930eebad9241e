"""A user's own rules: what is accepted, how they become machine code, and how they are put on record.

A rule is a function of numbers, plain or compiled by `numba.njit`. It is compiled for the exact types of
`decisions.DECISIONS`, and no kernel is compiled for it. A plain function is compiled anew in each process,
which takes some tenths of a second; `numba.njit(cache=True)` keeps the machine code on disk.
"""

import difflib
import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np
from numba import config, types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError

from hashcredit.simulator.errors import RuleError, RuleResultError, SimulationError
from hashcredit.simulator.state.decisions import DECISIONS, DEFAULT_RULES, Decision

Rule = Callable[..., Any]
RuleRecord = Mapping[str, Mapping[str, str]]
"""By decision: `function`, the rule's name in its module, and `digest`, which changes with what it does."""

_digests: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

COMPILED_KEPT = 64
"""Plain functions that stay compiled, so that a loop over runs compiles its rules once."""


@dataclass(frozen=True)
class Rules:
    """The rule of every decision, ready to be called by kernels; make one with `Rules.of`."""

    functions: Mapping[str, Rule]
    record: RuleRecord  # of those that are not the default

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles carry the rules of users alone: the defaults are there already."""
        own = {name: rule for name, rule in self.functions.items() if rule is not DEFAULT_RULES[name]}
        return _rules_again, (own, {name: dict(entry) for name, entry in self.record.items()})

    @classmethod
    def of(cls, rules: "Mapping[str, Rule] | Rules | None") -> "Rules":
        """The given rules by decision, and the default for all others; a `RuleError` says what is wrong."""
        if isinstance(rules, Rules):
            return rules
        given = _by_decision(rules)
        compiled = {name: compile_rule(name, rule) for name, rule in given.items()}
        record = {name: _entry(rule) for name, rule in given.items()}
        return cls(MappingProxyType({**DEFAULT_RULES, **compiled}), MappingProxyType(record))


def _rules_again(own: Mapping[str, Rule], record: RuleRecord) -> Rules:
    """The rules of a copy: those of users with their record, and the default for all others."""
    compiled = {name: compile_rule(name, rule) for name, rule in own.items()}
    return Rules(MappingProxyType({**DEFAULT_RULES, **compiled}), MappingProxyType(dict(record)))


def _by_decision(rules: Any) -> dict[str, Rule]:
    """The given rules, each under the name of a decision; those that are the default are left out."""
    if rules is None:
        return {}
    if not isinstance(rules, Mapping):
        reason = "is not a mapping from decisions to functions"
        raise RuleError(
            "rules", f"{rules!r} {reason} (mesa.batch_run takes one apart: give it a list with it)"
        )
    for name in rules:
        if name not in DECISIONS:
            near = difflib.get_close_matches(str(name), DECISIONS, n=1)
            meant = f" (did you mean {near[0]!r}?)" if near else ""
            raise RuleError(str(name), f"no such decision{meant}; there are {', '.join(DECISIONS)}")
    return {name: rule for name, rule in rules.items() if rule is not DEFAULT_RULES[name]}


def _entry(rule: Rule) -> dict[str, str]:
    """What goes on record about a rule."""
    body = python_function(rule)
    digest = fingerprint(body)
    if isinstance(rule, Dispatcher):  # Numba froze what it reads from around it, so its first digest stays
        digest = _digests.setdefault(rule, digest)
    return {"function": f"{body.__module__}.{body.__qualname__}", "digest": digest}


def python_function(rule: Any) -> FunctionType:
    """The Python function behind a rule."""
    body: FunctionType = rule.py_func if isinstance(rule, Dispatcher) else rule
    return body


def compile_rule(name: str, rule: Any) -> Rule:
    """A rule as kernels call it: checked, and compiled for the types of its decision."""
    decision = DECISIONS[name]
    if not isinstance(rule, Dispatcher | FunctionType):
        raise RuleError(name, f"{rule!r} is not a function (def or lambda, plain or compiled by numba.njit)")
    body = python_function(rule)
    _check_arguments(name, decision, body)
    if config.DISABLE_JIT:
        return body
    compiled = rule if isinstance(rule, Dispatcher) else _dispatcher(rule, fingerprint(rule))
    result = _result_type(name, decision, compiled)
    if result != decision.result:
        wanted = f"{decision.result} ({decision.answer}; {decision.unit})"
        raise RuleError(name, f"it returns {result}, not {wanted}")
    return compiled


def _check_arguments(name: str, decision: Decision, body: FunctionType) -> None:
    """Arguments are passed by place: as many as the decision has, and none under the name of another."""
    wanted = [argument.name for argument in decision.arguments]
    expected = f"it is called with ({', '.join(wanted)})"
    parameters = list(inspect.signature(body).parameters.values())
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) != len(wanted) or any(each.kind not in by_place for each in parameters):
        raise RuleError(name, f"{body.__qualname__}{inspect.signature(body)} has other arguments; {expected}")
    for place, parameter in enumerate(parameters):
        if parameter.name in wanted and wanted[place] != parameter.name:
            reason = f"{body.__qualname__} has {parameter.name} at place {place + 1}"
            raise RuleError(name, f"{reason}, where {wanted[place]} comes; {expected}")


@lru_cache(maxsize=COMPILED_KEPT)
def _dispatcher(function: FunctionType, digest: str) -> Any:
    """A plain function for Numba; another one when a constant that it reads has changed (`digest`)."""
    return numba.njit(function)


def _result_type(name: str, decision: Decision, compiled: Any) -> Any:
    """Compile a rule for its decision's types; return the type of its result."""
    try:
        # for the arguments alone: told the result too, Numba would round a fraction where a number is due
        if decision.signature.args not in compiled.overloads:
            compiled.compile(decision.signature.args)
        result = compiled.overloads[decision.signature.args].signature.return_type
        return types.unliteral(result)  # a constant result has a type of its own, and the same machine code
    except (NumbaError, RuntimeError, TypeError) as error:
        kinds = ", ".join(f"{argument.name}: {argument.kind}" for argument in decision.arguments)
        raise RuleError(name, f"it cannot be compiled for ({kinds}): {_first_reason(error)}") from error


def _first_reason(error: Exception) -> str:
    """The lines of Numba's message that say what is wrong, without its advice and excerpts."""
    said, _, _ = str(error).partition('\nFile "')
    lines = [line.strip() for line in said.splitlines() if not line.startswith("Failed in")]
    return " ".join(line for line in lines if line)[:300] or type(error).__name__


def fingerprint(function: FunctionType) -> str:
    """Hexadecimal digest of what a function does, as long as its Python version does not change.

    It covers byte code, constants, defaults, and what the function reads from around it: numbers, texts,
    arrays, and other functions with all of this. Of modules and objects it takes the names alone.
    """
    digest = hashlib.sha256()
    for part in _parts(function, set()):
        digest.update(f"{len(part)} {part}\n".encode())
    return digest.hexdigest()[:16]


def _parts(function: FunctionType, seen: set[int]) -> Iterator[str]:
    """Texts that tell a function from others."""
    if id(function) in seen:
        return
    seen.add(id(function))
    for code in _codes(function.__code__):
        yield from _code_parts(code)
    yield from _value_parts(function.__defaults__ or (), seen)
    for name, value in sorted(_read_from_around(function).items()):
        yield name
        yield from _value_parts(value, seen)


def _read_from_around(function: FunctionType) -> dict[str, Any]:
    """Global names that occur in a function and the variables that it encloses, with their present values."""
    values = {
        name: function.__globals__[name]
        for code in _codes(function.__code__)
        for name in code.co_names
        if name in function.__globals__
    }
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        values[name] = cell.cell_contents
    return values


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of those nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _code_parts(code: CodeType) -> Iterator[str]:
    """Byte code, names and constants."""
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_argcount))
    for constant in code.co_consts:
        if not isinstance(constant, CodeType):
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


def _value_parts(value: Any, seen: set[int]) -> Iterator[str]:
    """Texts for something that a function reads from around it."""
    if isinstance(value, Dispatcher | FunctionType):
        yield from _parts(python_function(value), seen)
    elif isinstance(value, ModuleType):
        yield value.__name__
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    elif isinstance(value, tuple):
        for each in value:
            yield from _value_parts(each, seen)
    elif isinstance(value, bool | int | float | complex | str | bytes | np.generic | None):
        yield repr(value)
    else:
        kind = value if isinstance(value, type) else type(value)
        yield f"{kind.__module__}.{kind.__qualname__}"


def check_record(recorded: RuleRecord, rules: Rules) -> None:
    """Refuse to make a run again with other rules than those on its record."""
    for name in sorted({*recorded, *rules.record}):
        was, now = recorded.get(name), rules.record.get(name)
        if was is None:
            raise RuleError(name, "the recorded run took the default")
        if now is None:
            names = ", ".join(f"{each!r} ({entry['function']})" for each, entry in recorded.items())
            raise RuleError(name, f"the recorded run replaced the rules {names}: give them as `rules`")
        if was["digest"] != now["digest"]:
            reason = f"{now['function']} ({now['digest']}) is not the recorded {was['function']}"
            raise RuleError(name, f"{reason} ({was['digest']}), or runs under another version of Python")


@contextmanager
def telling_where(scenario: str, replicate: int, clock: np.ndarray) -> Iterator[None]:
    """Say in which run and week an exception was raised; `clock` is that table of the run."""
    try:
        yield
    except RuleResultError as error:
        week = int(clock["week"][0])
        answer = clock["answer" if isinstance(error.value, float) else "whole_answer"][0].item()
        raise RuleResultError(error.rule, answer, error.allowed, scenario, replicate, week) from None
    except SimulationError:  # these say it themselves
        raise
    except Exception as error:
        error.add_note(f"in scenario {scenario}, replicate {replicate}, week {int(clock['week'][0])}")
        raise
