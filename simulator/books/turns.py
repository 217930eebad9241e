"""Whose turn it is: some rules visit a borrower once in so many weeks, some rotate who is the first."""

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.state.economy import Economy


@kernel
def borrowers_in(economy: Economy, half: int) -> tuple[int, int]:
    """First borrower, and the one after the last, of each half (0, 1) of the rotating order of a week.

    The first half begins with who is first in that week, one row later every week; the second has the rest.
    """
    count = economy.borrowers.shape[0]
    leader = economy.clock[0].week % max(1, count)
    return (leader, count) if half == 0 else (0, leader)


@kernel
def first_in_turn(week: int, begin: int, every: int) -> int:
    """The first row from `begin` on whose turn a week is; the next ones follow at steps of `every`.

    So each row has its turn once in `every` weeks, and nobody walks over the others.
    """
    return begin + (-(week + 1 + begin)) % every
