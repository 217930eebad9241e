"""The decisions that a user's own rule can take: what it is told, what it answers, who takes it otherwise.

Kernels ask `economy.<decision>_rule(...)`. That is a call through an address in the economy's table, so
nothing is compiled again when another rule stands there. What a rule answers is tested here before it
reaches the books: a bid or a price that is no number, or more machines than there are, stops the run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from numba import types

from hashcredit.agents.buyer import bid
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.agents.lender import accelerates, refinances, reservation_price, underwrites, weekly_quota
from hashcredit.simulator.errors import RuleResultError

NUMBER, WHOLE, TRUTH = types.float64, types.int64, types.boolean


class Argument(NamedTuple):
    """One number that a rule is told."""

    name: str
    kind: Any
    unit: str
    meaning: str


@dataclass(frozen=True)
class Decision:
    """A decision: `answer` says what the result means, `default` is the function that takes it."""

    default: Callable[..., Any]
    result: Any
    unit: str
    answer: str
    arguments: tuple[Argument, ...]

    @property
    def signature(self) -> Any:
        """Numba's types of the result and the arguments."""
        return self.result(*(argument.kind for argument in self.arguments))


DECISIONS = {
    "underwriting": Decision(
        underwrites,
        TRUTH,
        "yes or no",
        "whether a lender offers a loan against a machine, new or in its rack",
        (
            Argument(
                "cash_flow", NUMBER, "M$ a unit and year", "expected of the machine over the loan's term"
            ),
            Argument("debt_service", NUMBER, "M$ a unit and year", "of the loan that it would make"),
            Argument("covenant", NUMBER, "ratio", "`credit.dscr_covenant`"),
        ),
    ),
    "forbearance": Decision(
        accelerates,
        TRUTH,
        "yes or no",
        "whether a lender accelerates a loan in breach; no: it waits or takes control until the next review",
        (
            Argument("now", NUMBER, "M$", "what seizing and selling now would fetch, at most the principal"),
            Argument(
                "waiting",
                NUMBER,
                "M$",
                "what it expects of the best alternative, to wait or to take control: at most the principal,"
                " and the fee of a waiver",
            ),
            Argument("principal", NUMBER, "M$", "face of the loan"),
            Argument("weeks_in_breach", WHOLE, "weeks", "in a row over the base or under the cover covenant"),
            Argument("dscr", NUMBER, "ratio", "the borrower's cover; infinite without debt service"),
            Argument("capital_ratio", NUMBER, "fraction", "the lender's book equity over its loans"),
        ),
    ),
    "rollover": Decision(
        refinances,
        TRUTH,
        "yes or no",
        "whether a living holder extends a bullet or balloon that matures; BTC loans are not asked about",
        (
            Argument("dscr", NUMBER, "ratio", "the borrower's cover; infinite without debt service"),
            Argument("covenant", NUMBER, "ratio", "the cover required, `max(1, credit.dscr_covenant)`"),
            Argument("debt", NUMBER, "M$", "all loans and overdue bills of the borrower"),
            Argument("assets", NUMBER, "M$", "its cash, coins and machines at appraisal"),
            Argument("advance_rate", NUMBER, "fraction", "the holder's loan to price at origination"),
            Argument("capital_ratio", NUMBER, "fraction", "the holder's book equity over its loans"),
            Argument("capital_target", NUMBER, "fraction", "the ratio under which it stops lending"),
        ),
    ),
    "bidding": Decision(
        bid,
        NUMBER,
        "M$ a unit",
        "what a peer or outsider bids for a used machine; zero or less is no bid",
        (
            Argument("value", NUMBER, "M$ a unit", "fundamental value to the bidder"),
            Argument("margin", NUMBER, "fraction", "share of value that it keeps for itself; 0 for a peer"),
            Argument("slot_cost", NUMBER, "M$ a unit", "leasing a slot; 0 for a peer or operator"),
            Argument("moving_cost", NUMBER, "M$ a unit", "freight and installation"),
            Argument("cap", NUMBER, "M$ a unit", "what the same service costs new; infinite if not on sale"),
        ),
    ),
    "reservation": Decision(
        reservation_price,
        NUMBER,
        "M$ a unit",
        "the lowest price that a seller accepts this week for a lot",
        (
            Argument("appraisal", NUMBER, "M$ a unit", "of the machine type"),
            Argument("floor", NUMBER, "M$ a unit", "scrap price"),
            Argument("share", NUMBER, "fraction", "`secondary_market.reserve_share`"),
            Argument("weeks_held", WHOLE, "weeks", "since seizure; 0 for a borrower in distress"),
            Argument("patience", NUMBER, "weeks", "`secondary_market.patience_weeks`"),
        ),
    ),
    "quota": Decision(
        weekly_quota,
        WHOLE,
        "units",
        "how many machines of a lot are put on sale this week",
        (
            Argument("units", WHOLE, "units", "that the seller has of this lot, at least 1"),
            Argument("share", NUMBER, "fraction", "`secondary_market.sell_share`"),
        ),
    ),
}
"""By name, in the order of their addresses in the economy's table."""

DEFAULT_RULES = {name: decision.default for name, decision in DECISIONS.items()}


def attribute(decision: str) -> str:
    """Name under which kernels find the rule of a decision in an economy."""
    return f"{decision}_rule"


# What is raised in a kernel has no more than constants: a number that is known when it happens would tie the
# code to objects of Python. So the answer is left with the clock, and whoever hears the exception reads it.


@kernel
def sound_bid(clock: Record, price: float) -> float:
    """A bid (M$ a unit) as it is, or the end of the run if it is not a finite number."""
    if not math.isfinite(price):
        clock.answer = price
        raise RuleResultError("bidding", 0.0, "a finite number of M$ a unit; zero or less is no bid")
    return price


@kernel
def sound_reservation(clock: Record, price: float) -> float:
    """A reservation price (M$ a unit) as it is, or the end of the run if it is negative or not finite."""
    if not (math.isfinite(price) and price >= 0.0):
        clock.answer = price
        raise RuleResultError("reservation", 0.0, "a finite number of M$ a unit, zero or more")
    return price


@kernel
def sound_quota(clock: Record, quota: int, units: int) -> int:
    """A quota as it is, or the end of the run if it is negative or more than the seller's `units`."""
    if not 0 <= quota <= units:
        clock.whole_answer = quota
        raise RuleResultError("quota", 0, "a whole number from 0 to the units of the lot")
    return quota
