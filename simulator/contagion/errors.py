"""Errors of the contagion library: input that cannot be used, and systems that could not be solved."""

from hashcredit.simulator.errors import HashcreditError, RefusedError


class ContagionError(RefusedError):
    """An argument of a contagion function that cannot be used."""


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
