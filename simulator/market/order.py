"""In which order bidders take the lots of a type: cheapest first."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.state.economy import Economy

RUN = 32
"""Lots that are sorted by insertion, which is the fastest for few; runs of so many are merged."""


@kernel
def comes_before(lot: Record, earlier: Record) -> bool:
    """Whether bidders take a lot before another one, which was put on sale earlier."""
    if lot.reserve == earlier.reserve:
        return lot.node <= earlier.node
    return lot.reserve < earlier.reserve


@kernel
def sort_run(economy: Economy, first: int, end: int) -> None:
    """Put the lots listed from `first` to before `end` in order, each among those listed before it."""
    for following in range(first + 1, end):
        place = economy.on_sale[following]
        rank = following
        while rank > first and comes_before(economy.lots[place], economy.lots[economy.on_sale[rank - 1]]):
            economy.on_sale[rank] = economy.on_sale[rank - 1]
            rank -= 1
        economy.on_sale[rank] = place


@kernel
def merge_runs(economy: Economy, first: int, middle: int, end: int) -> None:
    """Make one run of two, from `first` and from `middle` on; the lots of the second came on sale later."""
    left, right = first, middle
    for rank in range(first, end):
        earlier = economy.on_sale[min(left, middle - 1)]
        later = economy.on_sale[min(right, end - 1)]
        if right == end or (left < middle and not comes_before(economy.lots[later], economy.lots[earlier])):
            economy.known[rank] = earlier
            left += 1
        else:
            economy.known[rank] = later
            right += 1
    for rank in range(first, end):
        economy.on_sale[rank] = economy.known[rank]


@kernel
def sort_lots(economy: Economy, m: int, lots: int) -> int:
    """List the lots of type `m` in the order in which a bidder takes them; return their number.

    The lowest reservation price first; of equal ones that of the first seller, and of one seller's the last.
    """
    count = 0
    for place in range(lots):
        if economy.lots[place].machine == m:
            economy.on_sale[count] = place
            count += 1
    for first in range(0, count, RUN):
        sort_run(economy, first, min(first + RUN, count))
    length = RUN
    while length < count:
        for first in range(0, count - length, 2 * length):
            merge_runs(economy, first, first + length, min(first + 2 * length, count))
        length *= 2
    return count
