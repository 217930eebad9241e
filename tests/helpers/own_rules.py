"""The default rules as a user would write them, and a small economy to try others in."""

import math
from functools import cache

from small_economy import FIRE_SALE

from hashcredit.simulator import simulate
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.decisions import DECISIONS

SMALL = FIRE_SALE.with_changes(
    {
        "horizon_weeks": 60,
        "credit.refinancing_sweep_share": 0.0,  # a sweep puts a maturity off, whatever the rule says
    }
)


# The defaults once more, as a user would write them


def underwriting(cash_flow, debt_service, covenant):
    return cash_flow >= covenant * debt_service


def forbearance(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
    return now > waiting


def rollover(dscr, covenant, debt, assets, advance_rate, capital_ratio, capital_target):
    return dscr >= covenant and debt <= advance_rate * assets and capital_ratio >= capital_target


def bidding(value, margin, slot_cost, moving_cost, cap):
    return min(value * (1.0 - margin), cap) - slot_cost - moving_cost


def reservation(appraisal, floor, share, weeks_held, patience):
    return floor + max(0.0, share * appraisal - floor) * max(0.0, 1.0 - weeks_held / patience)


def quota(units, share):
    return min(units, max(1, math.ceil(share * units)))


SAME = {
    "underwriting": underwriting,
    "forbearance": forbearance,
    "rollover": rollover,
    "bidding": bidding,
    "reservation": reservation,
    "quota": quota,
}


def constant(decision, answer):
    """A rule that always gives the same answer, with the arguments of its decision."""
    names = ", ".join(argument.name for argument in DECISIONS[decision].arguments)
    return eval(f"lambda {names}: answer", {"answer": answer})


def raising(units, share):
    if units > 1:
        raise ZeroDivisionError("a bug in a rule")
    return units


def assert_same_bits(one, other):
    used, made = (int(one.economy.clock[name][0]) for name in ("events", "loans_made"))
    assert used == int(other.economy.clock["events"][0])
    for name in FIELDS:
        ones, others = getattr(one.economy, name), getattr(other.economy, name)
        if name == "events":
            ones, others = ones[:used], others[:used]
        if name == "tape":
            ones, others = ones[:made], others[:made]
        for field in ones.dtype.names or (...,):
            assert ones[field].tobytes() == others[field].tobytes(), f"{name}[{field}]"


@cache
def plain_run():
    """The run of `changed` with the default rules."""
    return simulate(SMALL, seed=5, replicate=3)


def events(run, kind):
    return run.events[run.events["kind"] == kind]


def changed(decision, answer, replicate=3):
    rules = {decision: constant(decision, answer)}
    return simulate(SMALL, seed=5, replicate=replicate, rules=rules, check=True)
