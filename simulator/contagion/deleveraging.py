"""Rounds of deleveraging: threshold or leverage targeting, price impact, defaults that dump what is left."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hashcredit.simulator.contagion.inputs import (
    AMOUNT,
    POSITIVE,
    Booleans,
    Floats,
    Range,
    as_holdings,
    as_list,
    as_number,
    as_whole,
)
from hashcredit.simulator.contagion.rounds.sales import deleveraging_round


@dataclass(frozen=True)
class Deleveraging:
    """What happened, round by round; index t = 0 is the start, before anybody decided.

    prices   [t, k] after the sales of the round
    equity   [t, b] money at these prices, of those in default too
    alive    [t, b] not in default, after the decisions of the round; everybody at t = 0
    cash, loan [t, b] money, after the repayments of the round
    sold     [t, k] quantity sold in the round
    """

    prices: Floats
    equity: Floats
    alive: Booleans
    cash: Floats
    loan: Floats
    sold: Floats


def deleveraging_rounds(
    cash: Any,
    holdings: Any,
    prices: Any,
    loan: Any,
    other_assets: Any,
    other_liabilities: Any,
    impact: Any,
    default_below: float = 0.03,
    act_below: float = 0.04,
    target: float = 0.05,
    rounds: int = 6,
) -> Deleveraging:
    """Institutions that sell to restore their equity ratio E/A, in rounds (after Cont and Schaanning 2017).

    The start is the state after a shock. In each round

    1. the orders queued in the last round execute, and who defaulted in the last round sells all that is
       left. The price of asset k is multiplied by `exp(-impact[k] * sold[k] / total[k])`, total being what
       all held at the start; sellers get the mean of the old and the new price;
    2. with A = cash + holdings at the new price + other assets and E = A - loan - other liabilities, an
       institution with E/A < default_below defaults; one with E/A < act_below wants to repay
       `need = max(0, A - E/target)`. It repays min(need, cash, loan) at once and queues sales worth
       max(0, need - cash), in proportion to what it holds, at most everything.

    Both comparisons are strict. With act_below < target only who is in trouble acts, and returns to the
    target: Cont and Schaanning's threshold rule. With act_below = 1 everybody below the target returns to it
    in every round: leverage targeting, on the side of sales. Nobody buys. Nobody decides at t = 0, so nothing
    is sold in round 1. Without assets, an institution that owes anything is below every level. A repayment
    cannot exceed the loan; what is missing beyond the cash is sold even so, as the wish is to shrink.

    Institutions in another order give the same to about 1e-15 of the amounts, since what they sell is added
    up.

    Parameters
    ----------
    cash, loan, other_assets, other_liabilities : [b], or one number for all
        Money, >= 0.
    holdings : [b, k], dense or SciPy sparse
        Quantities, >= 0.
    prices : [k]
        > 0.
    impact : [k], or one number for all
        >= 0: minus the log price move when all that was held at the start is sold.
    default_below, act_below : float
        Levels of E/A, at most 1.
    target : float
        E/A to return to, in (0, 1].
    rounds : int
        >= 0.

    Raises ContagionError for anything else. With b institutions, k assets and t = 0..rounds, see
    `Deleveraging`.
    """
    start = as_list("prices", prices, POSITIVE)
    kinds = len(start)
    held = as_holdings("holdings", holdings, None, kinds)
    holders = held.holders
    money = as_list("cash", cash, AMOUNT, holders)
    owed = as_list("loan", loan, AMOUNT, holders)
    others = as_list("other_assets", other_assets, AMOUNT, holders)
    other_owed = as_list("other_liabilities", other_liabilities, AMOUNT, holders)
    strength = as_list("impact", impact, AMOUNT, kinds)
    level = Range(high=1.0)
    fail, act = as_number("default_below", default_below, level), as_number("act_below", act_below, level)
    aim = as_number("target", target, Range(0.0, 1.0, with_low=False))
    last = as_whole("rounds", rounds, 0)

    many = last + 1
    record = Deleveraging(
        np.empty((many, kinds)),
        np.empty((many, holders)),
        np.ones((many, holders), np.bool_),
        np.empty((many, holders)),
        np.empty((many, holders)),
        np.zeros((many, kinds)),
    )
    record.prices[0], record.cash[0], record.loan[0] = start, money, owed
    record.equity[0] = money + held.of_holders(start) + others - owed - other_owed
    quantities, orders, total = held.values, np.zeros(len(held.values)), held.of_assets()
    alive, dumping = np.ones(holders, np.bool_), np.zeros(holders, np.bool_)
    received = np.empty(kinds)
    for t in range(1, many):
        deleveraging_round(
            held.indptr, held.indices, quantities, orders, money, owed, others, other_owed, alive, dumping,
            start, strength, total, record.sold[t], received, record.equity[t], fail, act, aim,
        )  # fmt: skip
        record.prices[t], record.alive[t], record.cash[t], record.loan[t] = start, alive, money, owed
    return record
