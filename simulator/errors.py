"""Every error that hashcredit raises on purpose: one class a cause, each carrying its data.

All of them can be pickled, so that a worker process can hand one to its parent, and each prints as one line.
`exit_code` is what the command line returns: 2 for bad input, 1 for a run that failed.
"""

from datetime import date
from typing import Any, Self


def _one_line(text: str, limit: int = 400) -> str:
    """Text without line breaks, cut where nobody would read on."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 3] + "..."


def _as_in_a_file(value: Any) -> str:
    """A value as its author wrote it."""
    if isinstance(value, date):
        return value.isoformat()
    return _shown(list(value) if isinstance(value, tuple) else value)


def _shown(value: Any, limit: int = 120) -> str:
    """A value as Python writes it; of a long one both ends, since a path ends with what names it."""
    try:
        flat = " ".join(repr(value).split())
    except ValueError:  # beyond Python's own limit of digits
        return "a number with thousands of digits"
    return flat if len(flat) <= limit else f"{flat[: limit // 2]}...{flat[-limit // 2 :]}"


class HashcreditError(Exception):
    """Parent of all errors that hashcredit raises on purpose."""

    exit_code = 2


def refusal(shown: str, allowed: str) -> str:
    """The sentence about something that cannot be used: what was given and what would have been accepted."""
    return f"{shown} is not allowed; expected {allowed}"


class RefusedError(HashcreditError):
    """Something given that cannot be used.

    Parameters
    ----------
    argument : str
        What it was given for, with the place of the first offending entry, such as `liabilities[2, 0]`.
    value : object
        What was given.
    allowed : str
        What would have been accepted, in words.
    """

    def __init__(self, argument: str, value: Any, allowed: str) -> None:
        super().__init__(argument, value, allowed)
        self.argument = argument
        self.value = value
        self.allowed = allowed

    def shown(self) -> str:
        """The value as the message has it."""
        return _shown(self.value)

    def __str__(self) -> str:
        return _one_line(f"{self.argument}: {refusal(self.shown(), self.allowed)}", 600)


class UnusableError(HashcreditError):
    """Something that cannot be used: its name, what is wrong with it, and what would be right."""

    what = ""
    """What it is, before its name."""
    longest = 600
    """Characters of the message; a longer one is cut."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return _one_line(f"{self.what}{self.name}: {self.reason}", self.longest)


class ScenarioError(RefusedError):
    """A scenario, a change to one or a calibration key that cannot be used.

    Parameters
    ----------
    field : str
        Dotted name of the field, or the file, that is wrong.
    value : object
        What was given.
    allowed : str
        What would have been accepted, in words.
    file : str
        Name of the scenario file that was read, empty if there was none or the field says it already.
    """

    def __init__(self, field: str, value: Any, allowed: str, file: str = "") -> None:
        super().__init__(f"{field} in {file}" if file else field, value, allowed)
        self.args = (field, value, allowed, file)
        self.field = field
        self.file = file

    def read_from(self, file: str) -> Self:
        """The same error, found while this file was read."""
        return type(self)(self.field, self.value, self.allowed, self.file or file)

    def shown(self) -> str:
        return _as_in_a_file(self.value)


class StudyError(ScenarioError):
    """A study file that cannot be used; `field` is the key in it, such as `factors."horizon_weeks"`."""


class HookError(UnusableError):
    """A class of agents that a model cannot use: not a view, or a hook before or after something unknown."""


class PaymentError(RefusedError):
    """A payment that a hook may not make; `argument` is one of `MarketModel.pay`, `value` is text already."""

    def shown(self) -> str:
        return str(self.value)


class OutputFolderError(UnusableError):
    """A result folder that cannot be used: not empty, not writable, not a folder."""

    what = "output folder "
    longest = 400


class SimulationError(HashcreditError):
    """A run that had to stop: which one, in which week, and why."""

    exit_code = 1

    def __init__(self, reason: str, scenario: str = "", replicate: int = -1, week: int = -1) -> None:
        super().__init__(reason, scenario, replicate, week)
        self.reason = reason
        self.scenario = scenario
        self.replicate = replicate
        self.week = week

    def __str__(self) -> str:
        where = [
            f"scenario {self.scenario}" if self.scenario else "",
            f"replicate {self.replicate}" if self.replicate >= 0 else "",
            f"week {self.week}" if self.week >= 0 else "",
        ]
        place = ", ".join(part for part in where if part)
        return _one_line(f"{place}: {self.reason}" if place else self.reason)


class UndefinedResultError(SimulationError):
    """A run that ended with a quantity that is no finite number, so that nothing of it can be believed.

    Parameters
    ----------
    quantity : str
        Name of the scalar, or of the field of `state.outcomes.OUTCOMES` that it is made of.
    value : float
        NaN or an infinity.
    seed : int
        Of the run.
    """

    def __init__(
        self, quantity: str, value: float, seed: int, scenario: str = "", replicate: int = -1, week: int = -1
    ) -> None:
        reason = f"{quantity} is {value}, not a finite number (seed {seed}); --check says where it began"
        super().__init__(reason, scenario, replicate, week)
        self.quantity = quantity
        self.value = value
        self.seed = seed
        self.args = (quantity, value, seed, scenario, replicate, week)


class RuleError(UnusableError):
    """A user's own rule that cannot be used: of no decision, no function, or of other types than asked for.

    Its name is that of the decision for which it was given.
    """

    what = "rule "
    longest = 900


class RuleResultError(SimulationError):
    """An answer of a rule that would break the books; raised in kernels, which know the first and the third.

    Parameters
    ----------
    rule : str
        The decision.
    value : int or float
        What the rule answered.
    allowed : str
        What would have been accepted, in words.
    """

    def __init__(
        self, rule: str, value: Any, allowed: str, scenario: str = "", replicate: int = -1, week: int = -1
    ) -> None:
        reason = f"the rule for {rule} returned {_as_in_a_file(value)}; expected {allowed}"
        super().__init__(reason, scenario, replicate, week)
        self.rule = rule
        self.value = value
        self.allowed = allowed
        self.args = (rule, value, allowed, scenario, replicate, week)


class TooManyRounds(SimulationError):
    """The rounds of a week did not come to rest: a bug, since each needs a new failure."""

    def __init__(self, week: int, scenario: str, replicate: int) -> None:
        super().__init__("the rounds of a week did not come to rest", scenario, replicate, week)
        self.args = (week, scenario, replicate)


class EventBufferFull(SimulationError):
    """More events than the table reserved for them: an error, never a silent loss."""

    def __init__(self, capacity: int, scenario: str = "", replicate: int = -1, week: int = -1) -> None:
        super().__init__(f"the event table is full ({capacity} rows)", scenario, replicate, week)
        self.capacity = capacity
        self.args = (capacity, scenario, replicate, week)
