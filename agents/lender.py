"""Lenders (banks, private credit, bond funds): one row of their table, and what they decide."""

import math

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Belief, Instrument, LenderKind, LenderStatus
from hashcredit.agents.impact import average_left, price_left
from hashcredit.agents.rows import MACHINES, Column, row
from hashcredit.agents.units import WEEKS_A_YEAR

LENDER = row(
    Column("kind", "i1", "bank, private credit or bond fund", codes=LenderKind),
    Column("sector", "u1", "its column in the flow matrix", hidden=True),
    Column("status", "i1", "alive or failed", codes=LenderStatus),
    Column("belief", "i1", "how it expects rents to move", codes=Belief, term="belief"),
    Column("cost_of_capital", "f8", "discount rate over the market's cost of capital", "1/yr", term="spread"),
    Column("advance_rate", "f8", "loan to machine price at origination", "fraction", term="advance_rate"),
    Column(
        "capital_target",
        "f8",
        "equity over loans under which it stops lending",
        "fraction",
        term="capital_target",
    ),
    Column(
        "capital_minimum",
        "f8",
        "equity over loans under which it must act",
        "fraction",
        term="capital_minimum",
    ),
    Column("cash", "f8", "cash", "M$"),
    Column("loans", "f8", "face held by instrument (the asset side)", "M$", by=Instrument),
    Column("committed", "f8", "loans promised for machines on order, not yet drawn, that it will keep", "M$"),
    Column("hung", "f8", "face of its loans that it meant to sell when they were drawn and could not", "M$"),
    Column("allowance", "f8", "write-downs on defaulted loans", "M$"),
    Column(
        "losses",
        "f8",
        "credit losses so far, net of what came back",
        "M$",
    ),
    Column("funding", "f8", "deposits and term debt owed to the rest of the world", "M$"),
    Column("repo", "f8", "back-leverage on its loans, owed to the rest of the world", "M$"),
    Column("facility", "f8", "borrowed on seized machines at the standing facility", "M$"),
    Column("claims", "f8", "face of its claims on other lenders that live", "M$"),
    Column("owed", "f8", "face of its debts to other lenders", "M$"),
    Column("guaranteed", "f8", "debts to other lenders that the guarantor has paid for it", "M$"),
    Column("in_default", "f8", "face of its loans in default: they cannot be pledged", "M$"),
    Column("called", "f8", "part of a call on its back-leverage that it has not met", "M$"),
    Column("call_weeks", "i4", "weeks in a row with such a part"),
    Column("pressed_since", "i4", "week in which it came under pressure, -1 while it is under none"),
    Column("units", "i8", "repossessed machines", by=MACHINES),
    Column("trigger", "i8", "id of the default that last cost it a write-down, -1 if none"),
    Column("week_interest", "f8", "interest received this week", "M$", hidden=True),
    Column("learned_recovery", "f8", "running mean of its own realised recoveries", "fraction"),
    Column("opening_equity", "f8", "book equity in the opening", "M$"),
    Column("income", "f8", "cumulative profit and loss", "M$"),
    Column("income_seen", "f8", "the same a week ago", "M$", hidden=True),
    Column("losses_seen", "f8", "likewise its credit losses", "M$", hidden=True),
    Column("trailing_return", "f8", "on its equity, over about a year", "1/yr"),
    Column("issuance", "f8", "cumulative equity received", "M$"),
    Column("distributions", "f8", "cumulative equity paid out", "M$"),
    Column("failure_week", "i4", "week of its failure, -1 while alive"),
    Column("settling", "i1", "1: it fails now, and what it owes to others is being cleared", hidden=True),
    Column("failure_event", "i8", "id of its failure", hidden=True),
)


@kernel
def lending_capacity(equity: float, loans: float, capital_target: float) -> float:
    """New loans (M$) that fit the capital target, equity over loans (a fraction)."""
    if capital_target <= 0.0:
        return np.inf if equity >= 0.0 else 0.0
    return equity / capital_target - loans


@kernel
def expected_unit_earning(belief: int, earning: float, level: float) -> float:
    """Average yearly earning (M$) of a machine over a loan's life as an underwriter sees it.

    `utility`: today's, for ever. Otherwise `level`, what valuers expect of the mean over that life relative
    to today (a fraction).
    """
    return earning if belief == Belief.UTILITY else earning * level


@kernel
def advance(belief: int, advance_rate: float, learned_recovery: float, recovery_prior: float) -> float:
    """Fraction of a machine's price lent at origination; a learner scales it by what it recovered."""
    if belief == Belief.LEARNED:
        return advance_rate * min(1.0, learned_recovery / recovery_prior)
    return advance_rate


@kernel
def underwrites(cash_flow: float, debt_service: float, covenant: float) -> bool:
    """Whether expected cash flow covers debt service (both M$ a year) by the covenant."""
    return cash_flow >= covenant * debt_service


@kernel
def proceeds_now(
    units: int,
    price: float,
    on_sale: int,
    depth: float,
    removal_cost: float,
    discount: float,
    lag_years: float,
) -> float:
    """Expected proceeds (M$) of seizing and selling `units` at the current depth of the market.

    The price falls by 1/e for every `depth` units; `on_sale` units stand in front. Discounted over the
    stay and net of removal.
    """
    if units <= 0:
        return 0.0
    average = price * price_left(on_sale / depth) * average_left(units / depth)
    return max(0.0, units * (average - removal_cost)) * math.exp(-discount * lag_years)


@kernel
def value_of_waiting(
    cash_flow: float, due: float, discount: float, hazard: float, years: float, later: float
) -> float:
    """Value (M$) of forbearing: payments while the borrower survives, and the collateral in the end.

    `sum_s exp(-k s) [(1 - h)^s min(CF, due) + (1 - h)^(s - 1) h L] + exp(-k H) (1 - h)^H L`, s in weeks up
    to `years`, with weekly cash flow and due amount (M$), yearly discount rate and hazard, and L (`later`,
    M$) what the collateral fetches whenever it is sold: when the borrower fails during the wait or after it.
    """
    weeks = round(years * WEEKS_A_YEAR)
    week_discount = math.exp(-discount / WEEKS_A_YEAR)
    week_hazard = hazard / WEEKS_A_YEAR
    keep = week_discount * (1.0 - week_hazard)
    still = keep**weeks
    weeks_alive = float(weeks)
    if keep < 1.0:
        weeks_alive = (1.0 - still) / (1.0 - keep)  # sum of keep^s from s = 0
    payment = max(0.0, min(cash_flow, due))
    return weeks_alive * (keep * payment + week_discount * week_hazard * later) + still * later


@kernel
def present_value(principal: float, rate: float, discount: float, years: float, balloon: float) -> float:
    """Value (M$) of a loan's interest and principal over `years` at a continuous discount rate.

    `rate` is its interest a year. `balloon` (M$, at most the principal) comes back at the end, the rest in
    level instalments: none of it is a loan that amortises to zero, all of it a bullet.
    """
    level = principal - balloon
    x = discount * years
    left = math.exp(-x)
    if x < 1e-4:  # the closed forms below lose twice the digits of x; the next terms are of order x^3
        annuity = years * (1.0 - x / 2.0 + x * x / 6.0)
        sinking = years * (0.5 - x / 3.0 + x * x / 8.0)
    else:
        annuity = (1.0 - left) / discount  # of one a year
        sinking = (1.0 - left * (1.0 + x)) / (discount * discount * years)  # of s / years
    return level * (annuity / years + rate * (annuity - sinking)) + balloon * (rate * annuity + left)


@kernel
def accelerates(
    now: float, waiting: float, principal: float, weeks_in_breach: int, dscr: float, capital_ratio: float
) -> bool:
    """Whether a lender calls a loan in breach: it expects more from selling now than from waiting (M$).

    The rest is for other rules: principal (M$), weeks in a row in breach, the borrower's cover, and the
    lender's equity over loans (a fraction).
    """
    return now > waiting


@kernel
def takes_control(control: float, waiting: float) -> bool:
    """Whether a lender that does not call takes control of the vehicle: it expects more of that (M$)."""
    return control > waiting


@kernel
def under_pressure(equity: float, loans: float, capital_minimum: float) -> bool:
    """Whether a lender must enforce: equity is under its minimum share of loans net of write-downs (M$)."""
    return equity < capital_minimum * loans


@kernel
def refinances(
    dscr: float,
    covenant: float,
    debt: float,
    assets: float,
    advance_rate: float,
    capital_ratio: float,
    capital_target: float,
) -> bool:
    """Whether a lender extends a loan that matures: cover, assets at appraisal and its own capital allow it.

    Debt and assets in M$; `capital_ratio` and `capital_target` are equity over loans (fractions).
    """
    return dscr >= covenant and debt <= advance_rate * assets and capital_ratio >= capital_target


@kernel
def subscriptions(inflow: float, slack: float, past_return: float, cost_of_capital: float) -> float:
    """Equity that savers put into a fund, over its equity, 1/yr.

    `inflow` with the slack of the opening (`slack` 1) and a past return equal to the cost of capital (both
    1/yr); in proportion to both, at most twice for the return, nothing after losses.
    """
    if cost_of_capital <= 0.0:
        return inflow * slack
    return inflow * slack * min(2.0, max(0.0, past_return / cost_of_capital))


@kernel
def redemptions(past_return: float, gate: float) -> float:
    """Equity that savers take out of a fund, over its equity, 1/yr: what it has lost, at most its gate."""
    return min(gate, max(0.0, -past_return))


@kernel
def learn(recovery: float, outcome: float, weight: float) -> float:
    """Running mean of realised recoveries (fractions) after one more outcome."""
    return recovery + weight * (outcome - recovery)


@kernel
def reservation_price(
    appraisal: float, floor: float, share: float, weeks_held: int, patience: float
) -> float:
    """Lowest price (M$ a unit) that a creditor accepts for seized machines.

    It starts at a share of the appraisal and falls in a straight line to the floor over its patience.
    """
    left = max(0.0, 1.0 - weeks_held / patience)
    return floor + max(0.0, share * appraisal - floor) * left


@kernel
def weekly_quota(units: int, share: float) -> int:
    """Machines of an inventory that are put on sale this week: a share of it, at least one."""
    return min(units, max(1, math.ceil(share * units)))
