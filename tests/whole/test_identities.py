"""Money, debts and machines are conserved: every week of a thousand random scenarios."""

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import BASELINE, DEFAULTS, LENDERS, changes_of_scenarios

from hashcredit.agents.dimensions import FACILITIES, ORDERS, Cooling, LoanStatus
from hashcredit.simulator import simulate, simulate_many
from hashcredit.simulator.reports.checks import check_accounts
from hashcredit.simulator.reports.frames import sector_cash
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.state.codes import LAST_INCOME_FLOW, ErrorCode, EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.week.step import open_economy, run_weeks

TOLERANCE = 1e-9
"""Forty weeks are some 10,000 float64 payments: at 1e-16 each they keep eleven digits."""

RANDOM = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
AGENTS = ("borrowers", "lenders", "buyers")
TABLES = (*AGENTS, "loans", "contracts", "orders", "machines", "clock", "market", "repo", "outcomes", "world")
EVENTS = 1 << 14
SEEDS = st.integers(0, 2**63 - 1)


class Stocks(NamedTuple):
    """What there was before the first week."""

    money: float
    units: np.ndarray
    cash: np.ndarray


def same(one, other):
    """Whether two tables hold the same bits (between the fields there may be anything)."""
    if one.dtype.names is None:
        return one.tobytes() == other.tobytes()
    return all(one[field].tobytes() == other[field].tobytes() for field in one.dtype.names)


def stocks(economy):
    units = sum(getattr(economy, table)["units"].sum(axis=0) for table in AGENTS)
    return Stocks(total_cash(economy), units, sector_cash(economy))


def total_cash(economy):
    accounts = [getattr(economy, table)["cash"] for table in (*AGENTS, "world")]
    return math.fsum(np.concatenate(accounts))


def money_residual(economy, opening):
    """Relative to gross cash (or 1 M$), summed up exactly, from stocks that the test itself remembers."""
    gross = sum(np.abs(getattr(economy, table)["cash"]).sum() for table in AGENTS)
    return abs(total_cash(economy) - opening.money) / max(gross, 1.0)


def balance_residual(economy):
    """Largest gap between what is owed, held and written on loans, relative to a side (or 1 M$)."""
    loans = economy.loans
    face = np.bincount(loans["instrument"], loans["principal"], economy.borrowers["debt"].shape[1])
    owed = economy.borrowers["debt"].sum(axis=0)
    held = economy.lenders["loans"].sum(axis=0)
    gap = np.maximum(np.abs(owed - held), np.abs(owed - face))
    return (gap / np.maximum(1.0, np.maximum(owed, held))).max()


def units_residual(economy, opening):
    """Machines too many or too few of any type."""
    held = stocks(economy).units
    return np.abs(held - opening.units - economy.machines["delivered"] + economy.machines["scrapped"]).max()


def income_residual(economy):
    """Income of a sector is what its income flows and its revaluations add up to."""
    income = np.zeros(len(Sector))
    for table in (*AGENTS, "world"):
        rows = getattr(economy, table)
        income += np.bincount(rows["sector"], rows["income"], len(Sector))
    explained = economy.flows[: LAST_INCOME_FLOW + 1].sum(axis=0) + economy.revaluations.sum(axis=0)
    turnover = np.abs(economy.flows).sum() + np.abs(economy.revaluations).sum()
    return np.abs(income - explained).max() / max(1.0, turnover)


def not_finite(economy):
    """Names of the fields that hold a NaN or an infinity."""
    found = []
    for table in TABLES:
        rows = getattr(economy, table)
        for field in rows.dtype.names:
            if rows[field].dtype.kind == "f" and not np.isfinite(rows[field]).all():
                found.append(f"{table}.{field}")
    return found


def check_week(economy, opening):
    """Everything that holds at the end of every week of every scenario."""
    assert economy.clock["error"][0] == ErrorCode.NONE
    assert not_finite(economy) == []
    assert money_residual(economy, opening) < TOLERANCE
    assert balance_residual(economy) < TOLERANCE
    assert units_residual(economy, opening) == 0
    assert income_residual(economy) < TOLERANCE
    assert (economy.loans["principal"] >= 0.0).all()
    assert (economy.loans["coins"] >= 0.0).all() and (economy.borrowers["btc"] >= 0.0).all()
    assert all((getattr(economy, table)["units"] >= 0).all() for table in AGENTS)
    assert (economy.borrowers["cash"] >= -TOLERANCE).all(), "nobody pays what they do not have"
    check_accounts(economy)
    by_borrower = economy.orders["deposit"].reshape(-1, ORDERS).sum(axis=1)
    np.testing.assert_allclose(economy.borrowers["deposits"], by_borrower, rtol=1e-12, atol=0.0)
    promised = economy.orders["commitment"][economy.orders["syndicated"] == 0].sum()
    assert abs(economy.lenders["committed"].sum() - promised) <= TOLERANCE * max(1.0, promised)
    pledged = np.zeros(economy.borrowers["units"].shape, np.int64)
    rows = np.flatnonzero(economy.loans["machine"] >= 0)
    np.add.at(pledged, (rows // FACILITIES, economy.loans["machine"][rows]), economy.loans["units"][rows])
    assert (pledged <= economy.borrowers["units"]).all()
    assert (economy.borrowers["offered"] <= economy.borrowers["units"]).all()
    for table in ("borrowers", "buyers"):
        owner = getattr(economy, table)
        for cooling in Cooling:
            racked = owner["units"][:, economy.machines["cooling"] == cooling].sum(axis=1)
            assert (owner["racked"][:, cooling] == racked).all()


def check_run(economy, weeks):
    """What holds of the records of a whole run."""
    clock, outcomes = economy.clock[0], economy.outcomes[0]
    assert np.isfinite(economy.series).all()
    assert outcomes["money_residual"] < TOLERANCE
    assert outcomes["balance_residual"] < TOLERANCE
    assert outcomes["units_residual"] == 0
    events = economy.events[: clock["events"]]
    assert np.isfinite(events["amount"]).all() and np.isfinite(events["price"]).all()
    assert (np.diff(events["week"]) >= 0).all() and (events["week"] < weeks).all()
    assert (events["parent"] < np.arange(len(events))).all(), "what led to an event came before it"
    sums = economy.flows.sum(axis=1)
    assert np.abs(sums).max() <= TOLERANCE * max(1.0, np.abs(economy.flows).sum())
    for zero_sum in (
        Revaluation.WRITE_OFFS,
        Revaluation.CAPITALISED_INTEREST,
        Revaluation.UNPAID_BILLS,
        Revaluation.FORFEITED_DEPOSITS,
        Revaluation.CUSTOMER_PREPAYMENTS,
        Revaluation.VENDOR_LOANS,
        Revaluation.LOAN_SALES,
    ):
        row = economy.revaluations[zero_sum]
        assert abs(row.sum()) <= TOLERANCE * max(1.0, np.abs(row).sum()), zero_sum.name


def what_happened(economy):
    """Kinds of events of a run, and how its borrowers and loans ended."""
    events = economy.events[: economy.clock["events"][0]]
    seen = {EventKind(kind).name for kind in np.unique(events["kind"])}
    seen |= {f"LOAN {LoanStatus(status).name}" for status in np.unique(economy.loans["status"])}
    if economy.machines["scrapped"].any():
        seen.add("SCRAPPED")
    if (economy.flows[Flow.PAYABLES_SETTLED] != 0.0).any():
        seen.add("BILLS SETTLED")
    if (economy.revaluations[Revaluation.UNPAID_BILLS] != 0.0).any():
        seen.add("BILLS UNPAID")
    return seen


def test_a_thousand_random_scenarios_keep_their_books_every_week():
    reached = Counter()

    @settings(max_examples=1000, **RANDOM)
    @given(changes=changes_of_scenarios(), seed=SEEDS, replicate=st.integers(0, 10**6))
    def every_week(changes, seed, replicate):
        scenario = BASELINE.with_changes(changes)
        setup = prepare(scenario, seed)
        economy = allocate(setup, series=True, events=EVENTS)
        clear(economy, setup)
        open_economy(economy, setup.parameters, seed, replicate)
        opening = stocks(economy)
        check_week(economy, opening)
        for _ in range(scenario.horizon_weeks):
            run_weeks(economy, setup.parameters, seed, replicate, 1)
            check_week(economy, opening)
        check_run(economy, scenario.horizon_weeks)
        reached.update(what_happened(economy))

    every_week()
    # The scenarios are no still life: whatever can happen did so in at least one out of a hundred.
    possible = {kind.name for kind in EventKind}
    possible |= {"SCRAPPED", "BILLS SETTLED", "BILLS UNPAID"}
    possible |= {f"LOAN {status.name}" for status in LoanStatus}
    assert {name: reached[name] for name in sorted(possible) if reached[name] < 10} == {}


@settings(max_examples=50, **RANDOM)
@given(changes=changes_of_scenarios(), seed=SEEDS)
def test_every_identity_holds_after_every_phase(changes, seed):
    # Few weeks: the checks take most of the time.
    changes["horizon_weeks"] = min(changes["horizon_weeks"], 20)
    for forced in ("shocks.forced_default", "shocks.forced_lender_failure"):
        if forced in changes:
            changes[forced]["week"] %= changes["horizon_weeks"]
    kept = [each for each in changes["interventions"] if each["week"] < changes["horizon_weeks"]]
    changes["interventions"] = tuple(kept)
    run = simulate(BASELINE.with_changes(changes), seed, check=True)
    assert run.summary["units_residual"] == 0


DUMP = {
    "horizon_weeks": 30,
    "population.miners": 10,
    "population.neoclouds": 10,
    "shocks.forced_default": {"week": 2, "machine": "H100", "units": 10**6},
    "resolution.stay_low": 1,
    "resolution.stay_high": 1,
}
NOBODY = dict.fromkeys(
    ("population.operators", "population.brokers", "population.refurbishers", "population.scrap_dealers"), 0
)
CORNERS = {
    "sellers with all the time, auction": {"secondary_market.sell_share": 0.0},
    "sellers with all the time, impact": {
        "secondary_market.sell_share": 0.0,
        "secondary_market.rule": "impact",
    },
    "sellers with all the time, deep": {"secondary_market.sell_share": 0.0, "secondary_market.rule": "deep"},
    "no buyers, auction": NOBODY,
    "no buyers, deep": {**NOBODY, "secondary_market.rule": "deep"},
    "no miners": {"population.miners": 0},
    "no neo-clouds, no GPUs": {
        "population.neoclouds": 0,
        "miners.gpu_probability": 0.0,
        "shocks.forced_default.machine": "S21",
    },
    "one lender": {"population.banks": 0, "population.private_credit": 1, "population.bond_funds": 0},
    "everybody else's machines are gone": {
        **NOBODY,
        "population.miners": 0,
        "compute.hyperscaler_multiple": 0.0,
    },
    "a drop of liquidity in BTC": {"credit.btc_depth": 1.0, "miners.btc_per_ehs": 1e5},
    "a jump a week": {
        "shocks.jump_intensity": 52.0,
        "shocks.jump_mean": 2.0,
        "shocks.jump_sd": 2.0,
        "horizon_weeks": 60,
    },
    "all volatilities at their bounds": {
        "shocks.btc_volatility": 3.0,
        "shocks.rent_volatility": 2.0,
        "shocks.machine_rent_volatility": 2.0,
        "shocks.student_df": 3,
    },
    "banks without capital rules": {
        **{f"lenders.{kind}.capital_minimum": 0.0 for kind in LENDERS},
        **{f"lenders.{kind}.capital_target": 0.0 for kind in LENDERS},
        **{f"lenders.{kind}.equity_ratio": 0.0 for kind in LENDERS},
        "repo.haircut": 0.0,
    },
    "learners who expect nothing": {
        **{f"lenders.{kind}.belief": "learned" for kind in LENDERS},
        **{f"lenders.{kind}.recovery_prior": 0.0 for kind in LENDERS},
    },
    "nobody has cash": {
        **NOBODY,
        "miners.cash_weeks": 0.0,
        "neoclouds.cash_weeks": 0.0,
        **{f"lenders.{kind}.cash_share": 0.0 for kind in LENDERS},
    },
    "machines for nothing": {"secondary_market.scrap_share": 0.0, "compute.rent_index0": 0.01},
}


@pytest.mark.parametrize("corner", CORNERS)
def test_corners_of_the_bounds(corner):
    scenario = BASELINE.with_changes({**DUMP, **CORNERS[corner]})
    run = simulate(scenario, check=True)
    check_week(run.economy, stocks(run.before))
    check_run(run.economy, scenario.horizon_weeks)
    # what is not worth its removal is given up
    assert run.summary["units_dumped"] + run.summary["units_abandoned"] > 0


def test_rounding_is_no_loss_of_money_where_nobody_has_any():
    # Gross cash stays near zero while hundreds of M$ of rents, costs and interest pass through.
    nobody = dict.fromkeys((field for field in DEFAULTS if field.startswith("population.")), 0)
    poor = {
        "horizon_weeks": 20,
        "population.neoclouds": 1,
        "population.banks": 1,
        "compute.rent_index0": 0.5,
        "neoclouds.cash_weeks": 0.0,
        "lenders.bank.cash_share": 0.0,
        **CORNERS["banks without capital rules"],
    }
    scenario = BASELINE.with_changes({**nobody, **poor})
    assert simulate_many(scenario, replicates=100).summary["money_residual"].max() < TOLERANCE


def test_a_sum_that_is_not_a_number_is_the_largest_residual():
    setup = prepare(BASELINE.with_changes({"horizon_weeks": 3}), 1)
    economy = allocate(setup, series=True, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 1, 0)
    run_weeks(economy, setup.parameters, 1, 0, 1)
    economy.buyers["cash"][3] = math.nan
    economy.lenders["loans"][2, 0] = math.nan
    run_weeks(economy, setup.parameters, 1, 0, 2)
    assert math.isnan(economy.outcomes["money_residual"][0])
    assert math.isnan(economy.outcomes["balance_residual"][0])


def test_the_books_are_those_of_the_run():
    # The weekly loop above is the run that everybody else gets.
    scenario = BASELINE.with_changes(DUMP)
    run = simulate(scenario, seed=5, replicate=3)
    setup = prepare(scenario, 5)
    economy = allocate(setup, series=True, events=EVENTS)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 5, 3)
    assert same(economy.borrowers, run.before.borrowers)
    for _ in range(scenario.horizon_weeks):
        run_weeks(economy, setup.parameters, 5, 3, 1)
    for table in (*TABLES, "series", "flows", "revaluations"):
        assert same(getattr(economy, table), getattr(run.economy, table)), table
