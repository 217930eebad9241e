"""Errors of the contagion library: input that cannot be used, and systems that could not be solved."""

from typing import Any

from hashcredit.simulator.errors import HashcreditError


def _shown(value: Any, limit: int = 120) -> str:
    flat = " ".join(repr(value).split())
    return flat if len(flat) <= limit else f"{flat[: limit // 2]}...{flat[-limit // 2 :]}"


class ContagionError(HashcreditError):
    """An argument of a contagion function that cannot be used.

    Parameters
    ----------
    argument : str
        Name of the argument, with the place of the first offending entry, such as `liabilities[2, 0]`.
    value : object
        What was given there.
    allowed : str
        What would have been accepted, in words.
    """

    def __init__(self, argument: str, value: Any, allowed: str) -> None:
        super().__init__(argument, value, allowed)
        self.argument = argument
        self.value = value
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.argument}: {_shown(self.value)} is not allowed; expected {self.allowed}"


class SolutionError(HashcreditError):
    """A linear system that could not be solved as exactly as promised: its size and the remaining error."""

    exit_code = 1

    def __init__(self, nodes: int, error: float, promised: float) -> None:
        super().__init__(nodes, error, promised)
        self.nodes = nodes
        self.error = error
        self.promised = promised

    def __str__(self) -> str:
        return (
            f"a system of {self.nodes} nodes is solved to {self.error:.1e} not {self.promised:.0e}: "
            "almost nothing leaves a group of nodes that owe each other"
        )
