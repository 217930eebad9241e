"""Loans that are marked to market, weeks of covenants, and why somebody failed."""

from worlds import GPU, World

from hashcredit.simulator.credit import covenants as credit


def covenants(w: World, weeks: int = 1) -> None:
    """The covenants for some weeks."""
    for _ in range(weeks):
        credit.enforce_covenants(w.economy, w.p)
        w.clock["week"] += 1


def failed(w: World, b: int = 0) -> tuple[int, int]:
    """Cause and channel for which a borrower fails this week."""
    return int(w.borrowers[b]["pending_cause"]), int(w.borrowers[b]["pending_channel"])


def marked(principal: float, units: int = 100, pledged: int = 100, **numbers) -> World:
    """A marked loan on GPUs at 0.020: base 0.5 * 0.020 = 0.010 a unit, so 1.0 on the first 100."""
    w = World(neoclouds=1, banks=1, **numbers)
    w.borrower(0, units={GPU: units}, obligations=0.1)
    w.loan(0, 0, principal, machine=GPU, units=pledged, borrowing_base=1, advance_rate=0.5)
    w.machine(GPU, trigger=5)
    return w
