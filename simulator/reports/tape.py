"""Reading the loan tape: what loans were worth at any spread, and what they yielded."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import LoanStatus
from hashcredit.simulator.reports.frames import agent_names, insert_names, reported
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tape import LEAST_SPREAD, MOST_SPREAD, NODES, SPREADS

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

HALVINGS = 50
"""Of the interval of spreads: what is left of it is far below a basis point's millionth."""

_POINTS = np.array(SPREADS[1:])
_WEIGHTS = np.array([(0.5 if k in (0, NODES - 1) else 1.0) * (-1.0) ** k for k in range(NODES)])


def value_at(values: Array, spreads: Array | float) -> Array:
    """What loans brought less what they cost, M$, discounted at the policy rate and a spread.

    values     [loan, place], the column `value` of a tape, or sums of its rows
    spreads    1/yr, one for each row or one for all, from `LEAST_SPREAD` to `MOST_SPREAD`

    The polynomial through the values at the Chebyshev points, in its barycentric form (Berrut and Trefethen
    2004, equations 4.2 and 5.4). Raises ValueError for a spread outside, where it would tell nothing.
    """
    at = np.broadcast_to(np.asarray(spreads, np.float64), len(values))
    if not ((at >= LEAST_SPREAD) & (at <= MOST_SPREAD)).all():
        raise ValueError(f"spreads are told from {LEAST_SPREAD} to {MOST_SPREAD} a year, not at {spreads}")
    away = at[:, None] - _POINTS
    exact = away == 0.0
    weights = _WEIGHTS / np.where(exact, 1.0, away)
    told: Array = (weights * values[:, 1:]).sum(axis=1) / weights.sum(axis=1)
    hits = exact.any(axis=1)
    told[hits] = values[:, 1:][exact]
    return told


def internal_spread(values: Array) -> Array:
    """The spread over the policy rate (1/yr) at which loans brought just what they cost, [loan].

    `values` as in `value_at`. -inf where even the least spread that the tape knows is more than they yielded,
    inf where the largest is less; NaN for loans of which nothing was drawn.
    """
    low, high = np.full(len(values), LEAST_SPREAD), np.full(len(values), MOST_SPREAD)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        enough = value_at(values, middle) > 0.0
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    found: Array = 0.5 * (low + high)
    found[value_at(values, LEAST_SPREAD) < 0.0] = -np.inf
    found[value_at(values, MOST_SPREAD) > 0.0] = np.inf
    found[(values == 0.0).all(axis=1)] = np.nan
    return found


def tape_frame(economy: Economy, machines: list[str]) -> "pd.DataFrame":
    """The loan tape with names for codes, and what each loan that is over was worth and yielded."""
    import pandas as pd

    tape = economy.tape[: economy.clock["loans_made"][0]]
    over = np.isin(tape["status"], (LoanStatus.REPAID, LoanStatus.RESOLVED))
    frame = pd.DataFrame(reported("tape", tape, machines))
    frame.insert(0, "number", np.arange(len(tape)))
    frame["value"] = np.where(over, tape["value"][:, 0], np.nan)
    frame["internal_spread"] = np.where(over, internal_spread(tape["value"]), np.nan)
    names = agent_names(economy)
    insert_names(frame, "obligor", names["borrowers"])
    insert_names(frame, "lender", names["lenders"])
    return frame
