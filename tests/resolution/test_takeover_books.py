"""What becomes of a site that is taken over in place: machines, claims, contracts, books."""

import math

import numpy as np
import pytest
from sites import (
    ASK,
    ASKS,
    BOND,
    CURE,
    FAILED,
    FIRST,
    FIRST_LIEN,
    RELEASE_WEEK,
    SECOND,
    SECOND_LIEN,
    WORTH,
    YEAR_FALLING,
    YEAR_FIXED,
    acquirer,
    contract,
    default,
    price,
    release,
    site,
)
from worlds import GPU, NEW_GPU, World

from hashcredit.agents.dimensions import (
    CONTRACTS,
    BorrowerStatus,
    Cause,
    Instrument,
    LoanStatus,
)
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.books.contracts import UNPLEDGED
from hashcredit.simulator.credit.cash_flow import operate
from hashcredit.simulator.investment.customers import let_out
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.resolution.takeover import site_ask, site_worth
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

# What becomes of everything


def taken() -> World:
    """The site in FIRST's hands, for what was asked."""
    w = site()
    w.borrower(FIRST, units={GPU: 5}, cash=10.0, lease_week=0.002)
    default(w)
    release(w)
    return w


def test_machines_slots_and_leases_move_together() -> None:
    w = taken()
    assert w.borrowers["units"][FAILED].sum() == w.borrowers["slots"][FAILED].sum() == 0
    assert w.borrowers["racked"][FAILED].sum() == 0
    assert w.borrowers["units"][FIRST, [GPU, NEW_GPU]].tolist() == [35, 10]
    assert w.borrowers["slots"][FIRST].tolist() == [0, 50, 0]
    assert w.borrowers["lease_week"][[FAILED, FIRST]] == pytest.approx([0.0, 0.003], rel=1e-12)
    assert (w.market["slots_built"], w.market["slots_closed"]) == (0, 0)
    assert w.market["vacant"].tolist() == [0, 0, 0]


def test_nothing_is_removed_moved_or_dumped() -> None:
    w = taken()
    assert w.economy.flows[Flow.REMOVAL_AND_STORAGE].tolist() == [0.0] * len(Sector)
    assert w.economy.flows[Flow.MOVING].tolist() == [0.0] * len(Sector)
    assert w.events(EventKind.SEIZURE) == [] == w.events(EventKind.SALE)
    assert (w.outcomes["units_dumped"], w.lenders["units"].sum()) == (0, 0)


def test_claims_share_the_price_by_what_they_asked() -> None:
    w = site()
    w.borrower(FIRST, cash=10.0)
    w.borrower(SECOND, cash=10.0)
    default(w)
    release(w)
    paid = WORTH - CURE
    first, second, estate = (paid * ask / ASK for ask in ASKS)
    assert w.loans["recovered"][FIRST_LIEN] >= first
    # Sold in week 14, and the estate is closed at once: 5 % of it are costs, the rest is for the deficiencies
    # and the bond. The landlord and suppliers are paid already.
    owed = (0.3 - first) + (1.0 - second) + 0.5
    share = 0.95 * estate / owed
    expected = [first + share * (0.3 - first), second + share * (1.0 - second), share * 0.5]
    assert w.loans["recovered"][:3] == pytest.approx(expected, rel=1e-12)
    discount = [math.exp(-rate * 4 / 52) for rate in (0.06, 0.06, 0.08)]
    assert w.loans["recovered_pv"][:3] == pytest.approx(np.multiply(expected, discount), rel=1e-12)
    assert w.borrowers["status"][FAILED] == BorrowerStatus.RESOLVED
    assert w.loans["status"][:3].tolist() == [LoanStatus.RESOLVED] * 3
    assert w.outcomes["credit_lost"] == pytest.approx((1 - share) * owed, rel=1e-12)


def test_what_a_lot_fetches_beyond_its_claim_goes_to_the_estate() -> None:
    w = site()
    w.loans[FIRST_LIEN]["principal"] = 0.1
    w.borrowers[FAILED]["debt"][Instrument.MACHINE_LOAN] -= 0.2
    w.lenders[0]["loans"][Instrument.MACHINE_LOAN] -= 0.2
    w.borrower(FIRST, cash=10.0)
    default(w)
    release(w)
    assert w.loans["recovered"][FIRST_LIEN] == pytest.approx(0.1, rel=1e-12)
    estate = ASKS[2] + (ASKS[0] - 0.1)
    share = 0.95 * estate / ((1.0 - ASKS[1]) + 0.5)
    assert w.loans["recovered"][BOND] == pytest.approx(share * 0.5, rel=1e-12)


def test_pledged_machines_count_as_sold_at_their_appraisal() -> None:
    w = taken()
    paper = 20 * 0.020 + 10 * 0.036
    assert w.outcomes["paper_sold_musd"] == w.outcomes["paper_value_musd"] == pytest.approx(paper, rel=1e-12)
    assert w.outcomes["proceeds_musd"] == pytest.approx(ASKS[0] + ASKS[1], rel=1e-12)


def test_they_are_booked_at_what_they_cost_with_the_cure() -> None:
    w = taken()
    per_ask = (ASK + CURE) / ASK
    assert w.borrowers["book"][FIRST, GPU] == pytest.approx(
        5 * 0.020 + per_ask * (ASKS[0] + ASKS[2]), rel=1e-12
    )
    assert w.borrowers["book"][FIRST, NEW_GPU] == pytest.approx(per_ask * ASKS[1], rel=1e-12)
    assert w.borrowers["income"][FIRST] == 0.0  # no gain by buying


def test_the_landlord_gets_the_cure_and_has_no_claim() -> None:
    w = taken()
    world = Sector.REST_OF_WORLD
    assert w.economy.flows[Flow.PAYABLES_SETTLED, world] == pytest.approx(CURE, rel=1e-12)
    assert w.borrowers["payables"][FAILED] == 0.0
    # it lost nothing: what it booked as unpaid since the start is the rent of the stay
    assert w.economy.world["income"][0] == pytest.approx(4 * 0.001 + 0.05 * ASKS[2], rel=1e-12)


def test_the_event_says_who_took_what_and_why() -> None:
    w = taken()
    (event,) = w.events(EventKind.SITE_TAKEN_OVER)
    (failure,) = w.events(EventKind.DEFAULT)
    assert (event["week"], event["agent"], event["agent_kind"]) == (RELEASE_WEEK, FIRST, Sector.NEOCLOUDS)
    assert (event["counterparty"], event["counterparty_kind"]) == (FAILED, Sector.NEOCLOUDS)
    assert (event["units"], event["machine"], event["cause"]) == (40, -1, Cause.ILLIQUIDITY)
    assert event["amount"] == pytest.approx(ASK, rel=1e-12)
    assert w.economy.events[event["parent"]] == failure


def test_if_nobody_asks_anything_lots_share_by_machines() -> None:
    w = site(secondary_market_reserve_share=0.0, secondary_market_scrap_share=0.0)
    w.borrower(FIRST, cash=10.0)
    w.borrower(SECOND, cash=10.0)
    default(w)
    assert site_ask(w.economy, w.p, FAILED) == 0.0
    release(w)
    assert price(w) == pytest.approx(WORTH - CURE, rel=1e-12)
    assert w.outcomes["proceeds_musd"] == pytest.approx((WORTH - CURE) * 30 / 40, rel=1e-12)


def test_machines_seized_before_are_no_part_of_the_site() -> None:
    # A facility that defaulted on its own: its machines are at the lender's, the estate waits for their sale.
    w = site()
    w.borrower(FIRST, cash=10.0)
    held = w.loan(FAILED, 1, 0.4, machine=GPU, seized=8, status=LoanStatus.DEFAULTED, default_week=9,
                  default_event=-1, paper_value=0.16)  # fmt: skip
    w.borrowers[FAILED]["claims"] = 1
    default(w)
    release(w)
    assert price(w) == pytest.approx(ASK, rel=1e-12)
    assert w.loans["seized"][held] == 8
    assert w.borrowers["status"][FAILED] == BorrowerStatus.IN_RESOLUTION


# Contracts


def test_contracts_sleep_during_the_stay_and_follow_the_machines() -> None:
    w = site()
    contract(w, FIRST_LIEN, 15, 0.013, end=RELEASE_WEEK + 3)
    w.borrower(FIRST, cash=10.0)
    default(w)
    operate(w.economy, w.p)
    assert w.economy.flows[Flow.COMPUTE_RENT].tolist() == [0.0] * len(Sector)  # nothing runs meanwhile
    assert (w.contracts["units"][0], w.contracts["hazard_left"][0]) == (15, 1.0)
    release(w)
    row = w.contracts[FIRST * CONTRACTS]
    assert (row["units"], row["machine"], row["loan"], row["hazard_left"]) == (15, GPU, UNPLEDGED, 1.0)
    assert w.borrowers["contracts"].tolist() == [0, 1, 0]
    assert w.borrowers["facilities"][FIRST] == 0
    assert w.contracts["units"].sum() == 15
    # 15 at the contract's rent, 15 at spot, 10 newer ones at spot; power .002 and .003
    weekly = (15 * 0.013 + 15 * 0.010 + 10 * 0.020) / 52
    for week in range(1, 3):
        w.clock["week"] += 1
        operate(w.economy, w.p)
        rents = w.economy.flows[Flow.COMPUTE_RENT, Sector.NEOCLOUDS]
        assert rents == pytest.approx(week * weekly, rel=1e-12)
    w.clock["week"] += 1  # the contract has run out, and its row is free again
    let_out(w.economy, w.p, 1, 0)
    operate(w.economy, w.p)
    assert w.borrowers["contracts"][FIRST] == 0
    expected = 2 * weekly + (30 * 0.010 + 10 * 0.020) / 52
    assert w.economy.flows[Flow.COMPUTE_RENT, Sector.NEOCLOUDS] == pytest.approx(expected, rel=1e-12)
    w.assert_books_close()


def test_contracts_that_are_worth_nothing_end() -> None:
    w = site()
    contract(w, FIRST_LIEN, 15, 0.009)  # under spot
    contract(w, SECOND_LIEN, 5, 0.030, end=RELEASE_WEEK)  # over
    w.borrower(FIRST, cash=10.0)
    default(w)
    release(w)
    assert acquirer(w) == FIRST
    assert w.contracts["units"].sum() == 0
    assert w.borrowers["contracts"].tolist() == [0, 0, 0]


def test_short_of_rows_the_best_contracts_are_kept() -> None:
    # One row is free: the contract of 5 newer machines is worth some 5 * .010, that of 15 only 15 * .003.
    w = site()
    contract(w, FIRST_LIEN, 15, 0.013)
    contract(w, SECOND_LIEN, 5, 0.030)
    w.borrower(FIRST, cash=10.0)
    w.borrower(FIRST, units={GPU: 16}, cash=10.0)
    for _ in range(CONTRACTS):
        w.contract(FIRST, GPU, 1)
    w.contracts["units"][FIRST * CONTRACTS + 4] = 0
    w.borrowers["let"][FIRST] -= 1
    default(w)
    premium = 5 * (0.030 * YEAR_FIXED - 0.020 * YEAR_FALLING)
    assert site_worth(w.economy, w.p, FAILED, FIRST) == pytest.approx(WORTH + premium, rel=1e-6)
    release(w)
    rows = w.contracts[FIRST * CONTRACTS : (FIRST + 1) * CONTRACTS]
    assert rows["units"].tolist() == [5 if row == 4 else 1 for row in range(CONTRACTS)]
    assert w.contracts["units"].sum() == 5 + CONTRACTS - 1


def test_an_acquirer_that_fails_hands_the_contract_on_again() -> None:
    w = site()
    contract(w, FIRST_LIEN, 15, 0.013)
    w.borrower(FIRST, cash=10.0)
    default(w)
    release(w)
    w.borrower(FIRST, pending_cause=Cause.ILLIQUIDITY)
    for _ in range(5):
        w.borrower(SECOND, cash=10.0)
        w.value(GPU, 0.018)
        w.value(NEW_GPU, 0.030)
        resolve_defaults(w.economy, w.p, 1, 0)
        w.clock["week"] += 1
    assert [event["agent"] for event in w.events(EventKind.SITE_TAKEN_OVER)] == [FIRST, SECOND]
    assert w.contracts["units"][SECOND * CONTRACTS] == 15
    assert w.borrowers["status"][FIRST] == BorrowerStatus.RESOLVED


# Without it


def test_without_a_taker_the_contracts_end_when_machines_are_seized() -> None:
    w = site()
    contract(w, FIRST_LIEN, 15, 0.013)
    default(w)
    assert w.contracts["units"][0] == 15
    release(w)
    assert acquirer(w) == -1
    assert w.contracts["units"].sum() == 0
    assert w.lenders["units"].sum(axis=0)[[GPU, NEW_GPU]].tolist() == [20, 10]
    assert w.market["slots_closed"] == 45
    assert w.borrowers["payables"][FAILED] == pytest.approx(0.02, rel=1e-12)


def test_switched_off_it_leaves_no_trace() -> None:
    # The same economy with a rich rival and the switch off, and with the switch on and nobody linked.
    worlds = [site(resolution_take_over=0), site(trade=[])]
    for w in worlds:
        contract(w, FIRST_LIEN, 15, 0.013)
        w.borrower(FIRST, cash=10.0)
        default(w)
        release(w)
        assert acquirer(w) == -1
    for table in (
        "borrowers",
        "lenders",
        "loans",
        "contracts",
        "machines",
        "market",
        "outcomes",
        "flows",
        "revaluations",
        "events",
    ):
        off, alone = (getattr(w.economy, table) for w in worlds)
        for field in off.dtype.names or (slice(None),):
            assert (off[field] == alone[field]).all(), (table, field)


# Whole runs

STRESS = {
    "credit.marked_share": 1.0,
    "credit.enforcement": "always",
    "funding.rule": "path",
    "funding.tightness": ((0, 0.2), (20, 1.0)),
    "horizon_weeks": 80,
    "investment.used_share": 1.0,
    "secondary_market.slot_cost_share": 0.0,
}
"""Many failures, and rivals that mind neither leases nor their reserves: sites do change hands."""


def test_books_close_where_sites_change_hands() -> None:
    run = simulate(Scenario.load("dump_10k_h100").with_changes(STRESS), seed=2, replicate=3, check=True)
    taken = run.events[run.events["kind"] == "site_taken_over"]
    assert run.summary["sites_taken_over"] == len(taken) > 3
    assert run.summary["money_residual"] < 1e-12
    assert run.summary["balance_residual"] < 1e-12
    assert run.summary["units_residual"] == 0
    failures = run.events.loc[taken["parent"]]
    assert (failures["kind"] == "default").all()
    assert (failures["agent"].to_numpy() == taken["counterparty"].to_numpy()).all()
    seizures = run.events[run.events["kind"] == "seizure"]
    assert not seizures["parent"].isin(taken["parent"]).any()
    assert run.summary["paper_value_musd"] > seizures["amount_musd"].sum()


def test_the_same_run_without_takeovers_seizes_more() -> None:
    scenario = Scenario.load("dump_10k_h100").with_changes(STRESS)
    on = simulate(scenario, seed=2, replicate=3)
    off = simulate(scenario.with_changes({"resolution.take_over": False}), seed=2, replicate=3)
    assert off.summary["sites_taken_over"] == 0
    assert on.summary["units_dumped"] < off.summary["units_dumped"]


# What customers have paid in advance


def let_site(prepaid: float) -> World:
    """Fifteen machines of the first lien are let for a year above spot; part of it is paid already."""
    w = site()
    row = contract(w, FIRST_LIEN, 15, 0.013)
    w.contracts[row]["prepaid"] = prepaid
    w.borrowers[FAILED]["prepaid"] = prepaid
    w.borrower(FIRST, cash=10.0)
    default(w)
    return w


def test_who_takes_the_site_over_serves_what_was_paid() -> None:
    w, without = let_site(0.02), let_site(0.0)
    worth = [site_worth(each.economy, each.p, FAILED, FIRST) for each in (w, without)]
    assert worth[0] == pytest.approx(worth[1] - 0.02 * YEAR_FIXED, rel=1e-9)
    for each in (w, without):
        release(each)
        assert acquirer(each) == FIRST
    assert w.contracts["prepaid"][FIRST * CONTRACTS] == w.borrowers["prepaid"][FIRST] == 0.02
    assert w.borrowers["prepaid"][FAILED] == 0.0
    assert w.borrowers["income"][FIRST] == pytest.approx(0.0, abs=1e-15)  # no loss by assuming a debt
    booked = [each.borrowers["book"][FIRST].sum() for each in (w, without)]
    assert booked[0] == pytest.approx(booked[1] + 0.02, rel=1e-12)
    assert w.borrowers["cash"][FIRST] == without.borrowers["cash"][FIRST]


def test_a_contract_that_is_not_worth_serving_ends() -> None:
    over_spot = 15 * (0.013 * YEAR_FIXED - 0.010 * YEAR_FALLING)
    w = let_site(1.01 * over_spot / YEAR_FIXED)
    release(w)
    assert acquirer(w) == FIRST
    assert (w.contracts["units"].sum(), w.borrowers["prepaid"][FIRST]) == (0, 0.0)
    assert w.outcomes["prepayments_lost_musd"] > 0.0  # the estate is closed at once
    w = let_site(0.99 * over_spot / YEAR_FIXED)
    release(w)
    assert w.contracts["units"].sum() == 15
    assert w.outcomes["prepayments_lost_musd"] == 0.0
