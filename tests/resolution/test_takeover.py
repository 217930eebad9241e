"""Who takes a site over in place, and at what price: worth, ask, cure and second price by hand."""

import math
from typing import Any

import numpy as np
import pytest
from sites import (
    ASK,
    ASKS,
    CURE,
    FAILED,
    FIRST,
    FIRST_LIEN,
    LENDER_NODES,
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
from worlds import BIG, GPU, NEW_GPU

from hashcredit.agents.dimensions import (
    CONTRACTS,
    FACILITIES,
    BorrowerKind,
    BorrowerStatus,
    Cause,
    Instrument,
    SaleRule,
)
from hashcredit.simulator import Scenario
from hashcredit.simulator.resolution.takeover import (
    cost_of_cure,
    find_acquirer,
    list_rivals,
    site_ask,
    site_worth,
)
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.week.step import open_economy

# What it is worth, what is asked, what has to be cured


def test_the_worth_of_a_site_by_hand() -> None:
    w = site()
    default(w)
    assert site_worth(w.economy, w.p, FAILED, FIRST) == pytest.approx(WORTH, rel=1e-12)


def test_worth_is_the_bidders_own() -> None:
    # The power price of its own site class, and its own discount rate on the leases.
    w = site()
    w.borrower(FIRST, site_class=1, cost_of_capital=0.04)
    default(w)
    w.value(GPU, 0.015, site=1)
    annuity = (1 - math.exp(-0.10 * 5)) / 0.10
    expected = 30 * 0.015 + 10 * 0.030 - 0.052 * annuity
    assert site_worth(w.economy, w.p, FAILED, FIRST) == pytest.approx(expected, rel=1e-12)


def test_machines_are_worth_no_more_than_their_service_costs_new() -> None:
    # The vendor sells the newer GPU, worth .030, at .024: the old one, worth .018, is replaced for .8 of it.
    w = site()
    default(w)
    w.machine(NEW_GPU, end_of_sale_week=BIG, price_new=0.024)
    saved = 0.2 * (30 * 0.018 + 10 * 0.030)
    assert site_worth(w.economy, w.p, FAILED, FIRST) == pytest.approx(WORTH - saved, rel=1e-12)


def test_a_contract_is_worth_its_rent_over_demand_until_it_ends() -> None:
    # On demand .010 a year and falling, under contract .013, for one more year.
    w = site()
    contract(w, FIRST_LIEN, 15, 0.013)
    contract(w, SECOND_LIEN, 5, 0.018)  # under .020: whoever takes over would not keep it
    default(w)
    premium = 15 * (0.013 * YEAR_FIXED - 0.010 * YEAR_FALLING)
    assert site_worth(w.economy, w.p, FAILED, FIRST) == pytest.approx(WORTH + premium, rel=1e-6)


def test_what_is_asked_by_hand() -> None:
    w = site()
    default(w)
    assert site_ask(w.economy, w.p, FAILED) == pytest.approx(ASK, rel=1e-12)
    assert pytest.approx(0.546, rel=1e-12) == ASK


def test_elastic_outsiders_set_what_is_asked() -> None:
    # With the rule `deep` an owner gets 95 % of orderly value elsewhere, here .018 and .030.
    w = site(secondary_market_rule=SaleRule.DEEP)
    default(w)
    expected = 20 * (0.95 * 0.018 - 0.001) + 10 * (0.95 * 0.030 - 0.001) + 10 * 0.95 * 0.018
    assert site_ask(w.economy, w.p, FAILED) == pytest.approx(expected, rel=1e-12)


def test_removal_that_costs_more_than_a_machine_brings_leaves_nothing_to_ask() -> None:
    w = site(resolution_removal_cost=0.015)
    default(w)
    expected = 10 * (0.0216 - 0.015) + 10 * 0.012  # nothing for the first lien
    assert site_ask(w.economy, w.p, FAILED) == pytest.approx(expected, rel=1e-12)


def test_machines_on_which_nothing_is_owed_are_the_estates() -> None:
    # Nothing is owed on the first lien: 30 free GPUs.
    w = site()
    w.loans[FIRST_LIEN]["principal"] = 0.0
    w.borrowers[FAILED]["debt"][Instrument.MACHINE_LOAN] -= 0.3
    w.lenders[0]["loans"][Instrument.MACHINE_LOAN] -= 0.3
    contract(w, FIRST_LIEN, 15, 0.013)
    w.borrower(FIRST, cash=10.0)
    default(w)
    release(w)
    assert price(w) == pytest.approx(30 * 0.012 + ASKS[1], rel=1e-12)
    assert w.loans["recovered"][FIRST_LIEN] == 0.0
    assert w.contracts["units"][FIRST * CONTRACTS] == 15


def test_the_cure_is_what_was_overdue_and_the_rent_of_the_stay() -> None:
    w = site()
    default(w)
    assert w.borrowers["payables"][FAILED] == pytest.approx(0.02, rel=1e-12)  # with the landlord's claim
    assert cost_of_cure(w.economy, w.p, FAILED) == pytest.approx(CURE, rel=1e-12)


# Who gets it, at what price


def test_a_single_bidder_pays_what_is_asked() -> None:
    w = site()
    w.borrower(FIRST, cash=10.0)
    default(w)
    release(w)
    assert acquirer(w) == FIRST
    assert price(w) == pytest.approx(ASK, rel=1e-12)
    assert w.borrowers["cash"][FIRST] == pytest.approx(10.0 - ASK - CURE, rel=1e-12)


def test_the_second_bidder_sets_the_price() -> None:
    # FIRST values GPUs at .020, SECOND at .018: FIRST pays what the site is worth to SECOND, less the cure.
    w = site()
    w.borrower(FIRST, cash=10.0, site_class=1)
    w.borrower(SECOND, cash=10.0)
    default(w)
    w.value(GPU, 0.020, site=1)
    release(w)
    assert acquirer(w) == FIRST
    assert price(w) == pytest.approx(WORTH - CURE, rel=1e-12)
    assert price(w) > ASK


def test_the_order_of_rows_matters_only_for_equal_bidders() -> None:
    w = site()
    w.borrower(FIRST, cash=10.0)
    w.borrower(SECOND, cash=10.0, site_class=1)
    default(w)
    w.value(GPU, 0.020, site=1)
    release(w)
    assert acquirer(w) == SECOND
    assert price(w) == pytest.approx(WORTH - CURE, rel=1e-12)


def test_of_equal_bidders_the_earlier_row_wins_and_pays_all() -> None:
    w = site()
    w.borrower(FIRST, cash=10.0)
    w.borrower(SECOND, cash=10.0)
    default(w)
    release(w)
    assert acquirer(w) == FIRST
    assert price(w) == pytest.approx(WORTH - CURE, rel=1e-12)


def test_money_limits_how_far_a_bidder_goes() -> None:
    # Worth .0600 more to FIRST, but it can spend only .58: SECOND wins at .58 less the cure.
    w = site()
    w.borrower(FIRST, cash=2 * 0.58, site_class=1)
    w.borrower(SECOND, cash=10.0)
    default(w)
    w.value(GPU, 0.020, site=1)
    release(w)
    assert acquirer(w) == SECOND
    assert price(w) == pytest.approx(0.58 - CURE, rel=1e-12)


@pytest.mark.parametrize("short", [0.0, 1e-6])
def test_a_bidder_needs_the_money_for_ask_and_cure(short: float) -> None:
    # Half of the cash above ten weeks of obligations.
    w = site()
    w.borrower(FIRST, cash=2 * (ASK + CURE) + 10 * 0.03 + 1e-12 - short, obligations=0.03)
    default(w)
    release(w)
    assert acquirer(w) == (-1 if short else FIRST)


@pytest.mark.parametrize("short", [0.0, 1e-6])
def test_the_site_has_to_be_worth_ask_and_cure(short: float) -> None:
    w = site()
    w.borrower(FIRST, cash=10.0)
    default(w)
    w.value(GPU, 0.018 - (WORTH - ASK - CURE - 1e-12 + short) / 30)
    release(w)
    assert acquirer(w) == (-1 if short else FIRST)


def test_those_may_bid_who_know_the_failed_borrower_or_a_lender_that_its_machines_secure() -> None:
    # In a drawn network, for every borrower, against a look at every bidder's links.
    setup = prepare(Scenario.load().with_changes({"networks.trade_degree_peers": 3.0}), 1)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 1, 0)
    secured = economy.loans["units"] > 0
    counts = set()
    for b in range(setup.borrowers):
        rows = slice(b * FACILITIES, (b + 1) * FACILITIES)
        holders = economy.loans["holder"][rows][secured[rows]]
        sellers = {b, *(setup.borrowers + holders).tolist()}
        links = np.split(economy.trade_seller, economy.trade_start[1:-1])
        expected = [k for k in range(setup.borrowers) if sellers & set(links[k].tolist())]
        count = list_rivals(economy, b)
        assert economy.rivals[:count].tolist() == expected
        counts.add(count)
    assert len(counts) > 3 and not economy.is_rival.any()


def test_the_price_lies_between_ask_and_the_winners_limit() -> None:
    # A few hundred markets against a plain auction: the highest limit wins, the second highest is paid.
    rng = np.random.default_rng(3)
    for _ in range(100):
        w = site()
        budgets = rng.uniform(0.4, 0.9, 2)
        for b, budget in zip((FIRST, SECOND), budgets, strict=True):
            w.borrower(b, cash=2 * budget, site_class=b)
        default(w)
        for b in (FIRST, SECOND):
            w.value(GPU, rng.uniform(0.014, 0.022), site=b)
        worths = [site_worth(w.economy, w.p, FAILED, b) for b in (FIRST, SECOND)]
        limits = np.minimum(budgets, worths)
        winner, paid = find_acquirer(w.economy, w.p, FAILED, ASK, CURE)
        able = [limit for limit in limits if limit >= ASK + CURE]
        if not able:
            assert (winner, paid) == (-1, 0.0)
            continue
        assert winner == FIRST + int(np.argmax(limits))
        assert paid == pytest.approx(max(ASK, min(able) - CURE if len(able) == 2 else ASK), rel=1e-12)
        assert ASK <= paid <= limits.max() - CURE + 1e-12


# Who may bid


@pytest.mark.parametrize(
    ("links", "taken"),
    [
        ([], False),
        ([(FIRST, FAILED)], True),
        ([(FIRST, SECOND)], False),
        ([(FIRST, LENDER_NODES + 0)], True),
        ([(FIRST, LENDER_NODES + 1)], True),
        ([(FIRST, LENDER_NODES + 2)], False),  # holds the bond: no machine secures it
    ],
)
def test_a_bidder_knows_the_failed_one_or_a_secured_lender(links: list[tuple[int, int]], taken: bool) -> None:
    w = site(trade=links)
    w.borrower(FIRST, cash=10.0)
    default(w)
    release(w)
    assert (acquirer(w) == FIRST) == taken
    assert w.outcomes["units_dumped"] == (0 if taken else 30)


@pytest.mark.parametrize(
    "trouble",
    [
        {"payables": 0.001},
        {"selling": 1},
        {"claims": 1},
        {"status": BorrowerStatus.IN_RESOLUTION, "release_week": BIG},
        {"status": BorrowerStatus.RESOLVED},
        {"pending_cause": Cause.ILLIQUIDITY},
    ],
)
def test_whoever_is_in_trouble_takes_nothing_over(trouble: dict[str, Any]) -> None:
    # SECOND stands behind the failed one in the tables: it would fail later in the same phase.
    w = site()
    default(w)
    w.borrower(SECOND, cash=10.0, **trouble)
    assert find_acquirer(w.economy, w.p, FAILED, ASK, CURE) == (-1, 0.0)


@pytest.mark.parametrize(("bidder", "failed", "taken"), [(0, 0, 1), (0, 1, 1), (1, 0, 0), (1, 1, 1)])
def test_only_miners_run_what_a_miner_ran(bidder: int, failed: int, taken: int) -> None:
    w = site()
    w.borrower(FAILED, kind=failed, sector=failed)
    w.borrower(FIRST, cash=10.0, kind=bidder, sector=bidder)
    assert (BorrowerKind.MINER, BorrowerKind.NEOCLOUD) == (0, 1)
    default(w)
    release(w)
    assert (acquirer(w) == FIRST) == bool(taken)


@pytest.mark.parametrize(("cause", "taken"), [(Cause.ILLIQUIDITY, FIRST), (Cause.FORCED, -1)])
def test_machines_of_an_imposed_failure_are_seized(cause: int, taken: int) -> None:
    w = site()
    w.borrowers[FAILED]["pending_cause"] = cause
    w.borrower(FIRST, cash=10.0)
    default(w)
    release(w)
    assert acquirer(w) == taken
    assert w.outcomes["units_dumped"] == (30 if taken < 0 else 0)


def test_an_empty_site_stays_with_its_landlord() -> None:
    w = site()
    w.borrower(FIRST, cash=10.0)
    for row in (FIRST_LIEN, SECOND_LIEN):
        w.loans[row]["units"] = 0
    w.borrower(FAILED, units={GPU: 0, NEW_GPU: 0})
    default(w)
    release(w)
    assert acquirer(w) == -1
    assert w.market["slots_closed"] == 45
