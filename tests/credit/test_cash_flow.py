"""A week of cash flow by hand: contract and spot, machines switched off, bills, debt service, coins."""

import math

import pytest
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import DSCR_WINDOW, Instrument, LoanStatus
from hashcredit.simulator.books.loans import scheduled_principal, weekly_service
from hashcredit.simulator.credit.cash_flow import operate, revalue_coins
from hashcredit.simulator.investment.customers import let_out
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector

# Yearly numbers below are multiples of 52, so that a week's are round.
EARNING = {GPU: 52 * 0.0002, NEW_GPU: 52 * 0.0004, ASIC: 52 * 0.00003}
COST = {GPU: 52 * 0.00005, NEW_GPU: 52 * 0.0001, ASIC: 52 * 0.00002}


def world(**population) -> World:
    """Machines that earn 0.2, 0.4 and 0.03 k$ a week and cost 0.05, 0.1 and 0.02 k$ to run."""
    w = World(**({"banks": 2} | population))
    for m in (GPU, NEW_GPU, ASIC):
        w.machine(m, earning=EARNING[m], cost=COST[m], depreciation=0.00001)
    return w


def week(w: World, weeks: int = 1) -> None:
    for _ in range(weeks):
        let_out(w.economy, w.p, 1, 0)
        operate(w.economy, w.p)
        w.clock["week"] += 1


def test_week_of_a_neocloud_by_hand() -> None:
    """100 GPUs, 60 of them under a contract at 0.3 k$ a week; a loan of 2.08 at 10 % with 104 weeks to go.

    rent          60 * 0.0003 + 40 * 0.0002 = 0.026
    running       100 * 0.00005 = 0.005
    lease, overhead                 0.006, 0.002
    interest      2.08 * 0.10 / 52 = 0.004
    instalment    2.08 / 104       = 0.02
    cash          1.0 + 0.026 - 0.005 - 0.008 - 0.024 = 0.989
    """
    w = world(neoclouds=1)
    w.borrower(0, units={GPU: 100}, cash=1.0, lease_week=0.006, overhead_week=0.002)
    w.loan(0, 1, 2.08, machine=GPU, units=100)
    w.contract(0, GPU, 60, loan=0, rent=52 * 0.0003)
    w.open()
    week(w)
    assert w.borrowers["cash"][0] == pytest.approx(0.989, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(2.06, rel=1e-12)
    assert w.lenders["cash"].tolist() == pytest.approx([0.0, 0.024], rel=1e-12)
    assert w.lenders["week_interest"][1] == pytest.approx(0.004, rel=1e-12)
    flows = w.economy.flows[:, Sector.NEOCLOUDS]
    by_hand = {
        Flow.COMPUTE_RENT: 0.026,
        Flow.POWER_AND_UPKEEP: -0.005,
        Flow.SITE_LEASES: -0.006,
        Flow.OVERHEAD: -0.002,
        Flow.INTEREST: -0.004,
        Flow.LOAN_REPAYMENTS: -0.02,
    }
    assert {flow: flows[flow] for flow in by_hand} == pytest.approx(by_hand, rel=1e-12)
    assert abs(flows).sum() == pytest.approx(0.063, rel=1e-12)  # and nothing else
    # Cover of the week: (0.026 - 0.005 - 0.008) over 0.024; obligations are the bills and the service.
    assert w.borrowers["cfads"][0, 0] == pytest.approx(0.013, rel=1e-12)
    assert w.borrowers["service"][0, 0] == pytest.approx(0.024, rel=1e-12)
    assert w.borrowers["obligations"][0] == pytest.approx(0.032, rel=1e-12)
    assert w.market["active"] == 100.0
    # Profit: 0.026 - 0.005 - 0.008 - 0.004 less depreciation of 100 * 0.00001
    assert w.borrowers["income"][0] == pytest.approx(0.008, rel=1e-12)
    assert w.borrowers["book"][0, GPU] == pytest.approx(1.999, rel=1e-12)
    w.assert_books_close()


def test_week_of_a_miner_by_hand() -> None:
    """1,000 ASICs mine 0.03 and cost 0.02 to run; obligations of 0.1 make a buffer of 1.0.

    Cash of 0.99 and the 0.03 mined exceed the buffer by 0.02; half of what was mined would be kept (0.015),
    which is less: 0.15 coins.
    """
    w = world(miners=1)
    w.borrower(0, units={ASIC: 1000}, cash=0.99, obligations=0.1)
    w.open()
    week(w)
    assert w.borrowers["btc"][0] == pytest.approx(0.15, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(0.99 + 0.03 - 0.015 - 0.02, rel=1e-12)
    assert w.economy.flows[Flow.MINING_REVENUE, Sector.MINERS] == pytest.approx(0.03, rel=1e-12)
    assert w.economy.flows[Flow.COMPUTE_RENT].tolist() == [0.0] * len(Sector)
    assert w.borrowers["cfads"][0, 0] == pytest.approx(0.01, rel=1e-12)
    w.assert_books_close()


@pytest.mark.parametrize(
    ("cash", "coins"),
    [(0.5, 0.0), (0.96, 0.0), (0.975, 0.05), (0.985, 0.15), (5.0, 0.15)],  # buffer 1.0, 0.03 mined
)
def test_coins_are_kept_from_what_exceeds_the_buffer(cash: float, coins: float) -> None:
    w = world(miners=1)
    w.borrower(0, units={ASIC: 1000}, cash=cash, obligations=0.1)
    week(w)
    assert w.borrowers["btc"][0] == pytest.approx(coins, abs=1e-12)


def test_machines_that_do_not_cover_their_cost_are_off_but_their_lease_is_owed() -> None:
    w = world(neoclouds=1)
    w.machine(GPU, on=(1, 0, 0, 0))
    w.borrower(0, units={GPU: 100}, cash=1.0, site_class=1, lease_week=0.006, overhead_week=0.002)
    w.open()
    week(w)
    assert w.borrowers["cash"][0] == pytest.approx(1.0 - 0.008, rel=1e-12)
    assert w.market["active"] == 0.0
    assert w.borrowers["book"][0, GPU] == pytest.approx(1.999, rel=1e-12)  # idle machines age too
    w.assert_books_close()


def test_contracted_machines_run_whatever_spot_does() -> None:
    # Off at spot, but 60 bill 0.3 k$ and cost 0.05 k$ a week.
    w = world(neoclouds=1)
    w.machine(GPU, on=0)
    w.borrower(0, units={GPU: 100}, cash=1.0)
    w.contract(0, GPU, 60, rent=52 * 0.0003)
    w.open()
    week(w)
    assert w.borrowers["cash"][0] == pytest.approx(1.0 + 60 * 0.00025, rel=1e-12)
    assert (w.market["active"], w.market["let"], w.market["contract_share"]) == (60.0, 60.0, 1.0)
    w.assert_books_close()


def test_contract_ends_and_its_units_earn_spot() -> None:
    w = world(neoclouds=1)
    w.borrower(0, units={GPU: 100}, cash=1.0)
    w.contract(0, GPU, 60, rent=52 * 0.0003, end_week=1)
    w.open()
    week(w)
    assert w.borrowers["cash"][0] == pytest.approx(1.0 + 60 * 0.0003 + 40 * 0.0002 - 0.005, rel=1e-12)
    assert w.market["contract_share"] == 0.6
    week(w)
    assert (w.contracts["units"][0], w.borrowers["contracts"][0]) == (0, 0)
    assert w.borrowers["cash"][0] == pytest.approx(1.021 + 0.015, rel=1e-12)
    assert w.market["contract_share"] == 0.0
    assert (w.outcomes["let_throughput"], w.outcomes["running_throughput"]) == (60.0, 200.0)
    assert w.events(EventKind.OFFTAKER_DEFAULT) == []
    w.assert_books_close()


def test_customer_fails_when_its_hazard_is_used_up() -> None:
    # Grade 3 fails at 5.2 a year, 0.1 a week in calm and 0.2 under stress 2: 0.35 lasts one and a half weeks.
    w = world(neoclouds=1)
    w.borrower(0, units={GPU: 100}, cash=1.0)
    w.contract(0, GPU, 60, rent=52 * 0.0003, hazard_left=0.35, customer_grade=3)
    w.market["offtaker_stress"] = 2.0
    week(w)
    assert w.contracts["units"][0] == 60
    assert w.contracts["hazard_left"][0] == pytest.approx(0.15, rel=1e-12)
    week(w)
    assert w.contracts["units"][0] == 0
    (event,) = w.events(EventKind.OFFTAKER_DEFAULT)
    assert (event["week"], event["counterparty"], event["units"]) == (1, 0, 60)


# Not enough money.


def test_bills_come_before_debt_and_the_rest_is_owed() -> None:
    """Cash 0.05 pays an overdue bill of 0.01, the lease of 0.02 and half of an overhead of 0.04."""
    w = world(neoclouds=1)
    w.borrower(0, cash=0.05, payables=0.01, lease_week=0.02, overhead_week=0.04)
    w.loan(0, 0, 1.04, machine=GPU)
    w.open()
    week(w)
    flows = w.economy.flows[:, Sector.NEOCLOUDS]
    assert flows[Flow.PAYABLES_SETTLED] == pytest.approx(-0.01, rel=1e-12)
    assert flows[Flow.SITE_LEASES] == pytest.approx(-0.02, rel=1e-12)
    assert flows[Flow.OVERHEAD] == pytest.approx(-0.02, rel=1e-12)
    assert w.borrowers["payables"][0] == pytest.approx(0.02, rel=1e-12)
    assert w.borrowers["weeks_payables"][0] == 1
    # Interest of 1.04 * 0.1 / 52 = 0.002 is added to the face, with the instalment of 0.01 it is overdue.
    assert w.loans["principal"][0] == pytest.approx(1.042, rel=1e-12)
    assert w.loans["overdue"][0] == pytest.approx(0.012, rel=1e-12)
    assert w.loans["weeks_overdue"][0] == 1
    assert w.lenders["income"][0] == pytest.approx(0.002, rel=1e-12)
    assert w.economy.revaluations[Revaluation.CAPITALISED_INTEREST, Sector.LENDERS] == pytest.approx(0.002)
    (event,) = w.events(EventKind.MISSED_PAYMENT)
    assert event["amount"] == pytest.approx(0.012, rel=1e-12)
    w.assert_books_close()


def test_unpaid_power_is_owed_too() -> None:
    # A contract that bills nothing keeps 60 machines running at 0.05 k$; there is cash for a third of it.
    w = world(neoclouds=1)
    w.machine(GPU, on=0)
    w.borrower(0, units={GPU: 100}, cash=0.001)
    w.contract(0, GPU, 60)
    w.open()
    week(w)
    assert w.borrowers["cash"][0] == pytest.approx(0.0, abs=1e-12)
    assert w.borrowers["payables"][0] == pytest.approx(0.002, rel=1e-12)
    assert w.borrowers["cfads"][0, 0] == pytest.approx(-0.003, rel=1e-12)  # paid or not
    w.assert_books_close()


def test_secured_debt_is_served_before_unsecured() -> None:
    """Cash 0.013: interest 0.002 and 0.01 of the secured instalment, then 0.001 of the bond's interest."""
    w = world(neoclouds=1)
    w.borrower(0, cash=0.013)
    w.loan(0, 1, 1.04, instrument=Instrument.HIGH_YIELD, rate=0.1)  # first row, served last
    w.loan(0, 0, 1.04, machine=GPU)
    w.open()
    week(w)
    assert w.lenders["cash"].tolist() == pytest.approx([0.012, 0.001], rel=1e-12)
    assert w.loans["overdue"][:2].tolist() == pytest.approx([0.001, 0.0], abs=1e-12)
    assert w.loans["principal"][:2].tolist() == pytest.approx([1.041, 1.03], rel=1e-12)
    assert w.loans["weeks_overdue"][:2].tolist() == [1, 0]
    w.assert_books_close()


def test_interest_comes_before_principal() -> None:
    w = world(neoclouds=1)
    w.borrower(0, cash=0.005)
    w.loan(0, 0, 1.04, machine=GPU)
    w.open()
    week(w)
    # 0.002 of interest in full, 0.003 of the instalment of 0.01
    assert w.economy.flows[Flow.INTEREST, Sector.LENDERS] == pytest.approx(0.002, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(1.037, rel=1e-12)
    assert w.loans["overdue"][0] == pytest.approx(0.007, rel=1e-12)
    w.assert_books_close()


def test_arrears_are_caught_up() -> None:
    w = world(neoclouds=1)
    w.borrower(0, cash=0.0)
    w.loan(0, 0, 1.04, machine=GPU)
    w.open()
    week(w, 2)
    assert w.loans["weeks_overdue"][0] == 2
    # 1.04 * (1 + 0.1 / 52)^2 is owed; 0.01 of the first instalment and 1.03 / 103 of the second are due
    assert w.loans["principal"][0] == pytest.approx(1.04 * (1 + 0.1 / 52) ** 2, rel=1e-12)
    interest = 1.04 * ((1 + 0.1 / 52) ** 2 - 1)
    assert w.loans["overdue"][0] == pytest.approx(0.02 + interest, rel=1e-10)
    w.borrower(0, cash=1.0)
    w.opening.borrowers["cash"][0] += 1.0  # a gift, in the opening books too
    w.borrowers["opening_equity"][0] += 1.0
    week(w)
    assert (w.loans["weeks_overdue"][0], w.loans["overdue"][0]) == (0, 0.0)
    assert w.loans["principal"][0] == pytest.approx(1.04 - 0.03, rel=1e-10)
    w.assert_books_close()


def test_arrears_are_part_of_what_is_due() -> None:
    """Cash 0.015 covers interest of 0.002 and an instalment of 1.02 / 104, but not 0.02 overdue besides."""
    w = world(neoclouds=1)
    w.borrower(0, cash=0.015)
    w.loan(0, 0, 1.04, machine=GPU, overdue=0.02)
    w.open()
    week(w)
    assert (w.borrowers["cash"][0], w.lenders["cash"][0]) == (0.0, pytest.approx(0.015, rel=1e-12))
    assert w.loans["overdue"][0] == pytest.approx(0.02 + 1.02 / 104 - 0.013, rel=1e-12)
    assert w.loans["weeks_overdue"][0] == 1
    w.assert_books_close()


def test_coins_are_sold_for_bills_and_debt() -> None:
    # Due: lease 0.02, interest 0.002, instalment 0.01. Three tenths of a coin.
    w = world(miners=1)
    w.borrower(0, cash=0.002, btc=1.0, lease_week=0.02)
    w.loan(0, 0, 1.04, machine=GPU)
    w.open()
    week(w)
    assert w.borrowers["btc"][0] == pytest.approx(0.7, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(0.0, abs=1e-12)
    assert w.loans["principal"][0] == pytest.approx(1.03, rel=1e-12)
    w.assert_books_close()


def test_no_more_coins_are_sold_than_a_bill_needs() -> None:
    """A lease of 0.02 and cash of 0.002: coins for 0.018, at 0.1 each."""
    w = world(miners=1)
    w.borrower(0, cash=0.002, btc=1.0, lease_week=0.02)
    w.open()
    week(w)
    assert w.borrowers["btc"][0] == pytest.approx(0.82, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(0.0, abs=1e-12)


def test_pledged_coins_are_not_spent() -> None:
    w = world(miners=1)
    w.borrower(0, cash=0.0, lease_week=0.02)
    w.loan(0, 0, 0.1, instrument=Instrument.BTC_LOAN, amortising=0, coins=5.0)
    w.open()
    week(w)
    assert w.loans["coins"][0] == 5.0
    assert w.borrowers["payables"][0] == pytest.approx(0.02, rel=1e-12)
    w.assert_books_close()


# Debt over its life.


def test_level_amortisation_repays_exactly_at_maturity() -> None:
    w = world(neoclouds=1)
    w.borrower(0, cash=2.0)
    w.loan(0, 0, 1.0, machine=GPU, units=0, maturity_week=12, rate=0.06)
    w.open()
    week(w, 12)
    assert w.loans["principal"][0] == pytest.approx(1 / 13, rel=1e-12)  # 13 payments: weeks 0 to 12
    assert w.loans["status"][0] == LoanStatus.PERFORMING
    week(w)
    assert w.loans["principal"][0] == 0.0
    assert w.loans["status"][0] == LoanStatus.REPAID
    # Interest on 13/13, 12/13, ... 1/13: 7 weeks' worth of the full face
    assert w.borrowers["cash"][0] == pytest.approx(2.0 - 1.0 - 7 * 0.1 / 52, rel=1e-12)
    w.assert_books_close()


def test_bullet_pays_interest_and_falls_due_at_maturity() -> None:
    w = world(neoclouds=1)
    w.borrower(0, cash=2.0)
    w.loan(0, 0, 1.0, instrument=Instrument.CONVERTIBLE, maturity_week=3, rate=0.052)
    w.open()
    week(w, 3)
    assert w.loans["principal"][0] == 1.0
    assert w.borrowers["cash"][0] == pytest.approx(2.0 - 3 * 0.001, rel=1e-12)
    week(w)
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["cash"][0] == pytest.approx(2.0 - 1.0 - 4 * 0.001, rel=1e-12)
    # The repayment of a bullet is not part of the service that cover is measured against.
    assert w.borrowers["service"][0, :4].tolist() == pytest.approx([0.001] * 4, rel=1e-12)
    w.assert_books_close()


def test_policy_rate_has_a_floor_only_where_the_coupon_floats() -> None:
    w = world(neoclouds=1)
    floating = w.loans[w.loan(0, 0, 1.0, rate=0.03, floor=0.05, amortising=0)]
    fixed = w.loans[w.loan(0, 0, 1.0, rate=0.03, floor=0.05, fixed_rate=1, amortising=0)]
    assert weekly_service(floating, 0.02, 0) == pytest.approx(0.08 / 52, rel=1e-12)
    assert weekly_service(floating, 0.07, 0) == pytest.approx(0.10 / 52, rel=1e-12)
    assert weekly_service(fixed, 0.07, 0) == pytest.approx(0.03 / 52, rel=1e-12)


@pytest.mark.parametrize(("week_now", "due"), [(0, 0.08), (5, 0.16), (9, 0.8), (10, 0.8), (30, 0.8)])
def test_instalment_divides_what_is_not_overdue(week_now: int, due: float) -> None:
    # 0.8 to pay in weeks 0 to 9: ten instalments, five, one; after maturity all at once.
    w = world(neoclouds=1)
    loan = w.loans[w.loan(0, 0, 1.0, overdue=0.2, maturity_week=9)]
    assert scheduled_principal(loan, week_now) == pytest.approx(due, rel=1e-12)


@pytest.mark.parametrize(
    ("balloon", "week_now", "level", "due"),
    [
        (0.3, 0, 0.05, 0.05),  # 0.8 not overdue: half a unit in weeks 0 to 9
        (0.3, 5, 0.10, 0.10),
        (0.3, 9, 0.50, 0.80),  # the last instalment, and the balloon
        (0.3, 30, 0.50, 0.80),
        (0.8, 4, 0.0, 0.0),
        (0.9, 9, 0.0, 0.80),  # so much has been prepaid that only a part of the balloon is left
    ],
)
def test_a_balloon_is_left_until_maturity(balloon: float, week_now: int, level: float, due: float) -> None:
    w = world(neoclouds=1)
    loan = w.loans[w.loan(0, 0, 1.0, overdue=0.2, maturity_week=9, balloon=balloon, rate=0.012)]
    assert scheduled_principal(loan, week_now) == pytest.approx(due, rel=1e-12, abs=1e-15)
    # interest of 1.2 + 4 % is counted as service, the balloon is not
    assert weekly_service(loan, 0.04, week_now) == pytest.approx(0.052 / 52 + level, rel=1e-12)


def test_a_balloon_by_hand() -> None:
    """0.6 of 1.0 in three instalments of 0.2, and 0.4 with the third; interest of 0.052 a year."""
    w = world(neoclouds=1)
    w.borrower(0, cash=2.0)
    w.loan(0, 0, 1.0, machine=GPU, units=0, maturity_week=2, rate=0.052, fixed_rate=1, balloon=0.4)
    w.open()
    week(w, 2)
    assert w.loans["principal"][0] == pytest.approx(0.6, rel=1e-12)
    assert w.borrowers["service"][0, :2].tolist() == pytest.approx([0.201, 0.2008], rel=1e-12)
    week(w)
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["cash"][0] == pytest.approx(2.0 - 1.0 - 0.001 * (1.0 + 0.8 + 0.6), rel=1e-12)
    assert w.borrowers["service"][0, 2] == pytest.approx(0.2006, rel=1e-12)
    w.assert_books_close()


def test_cover_window_remembers_thirteen_weeks() -> None:
    w = world(neoclouds=1)
    w.borrower(0, units={GPU: 100}, cash=9.0)
    week(w, 5)
    w.machine(GPU, on=0)
    week(w, DSCR_WINDOW - 2)
    earned = 100 * 0.00015
    # weeks 0 to 15 have passed, the window holds 3 to 15: earning weeks 3 and 4
    assert w.borrowers["cfads_window"][0] == pytest.approx(2 * earned, rel=1e-12)
    week(w, 40)
    assert w.borrowers["cfads_window"][0] == pytest.approx(0.0, abs=1e-15)


def test_coins_are_marked_pledged_or_not() -> None:
    w = world(miners=1)
    w.borrower(0, btc=3.0)
    w.loan(0, 0, 0.1, instrument=Instrument.BTC_LOAN, amortising=0, coins=5.0)
    w.open()
    w.market["btc_price"] = 90_000.0
    revalue_coins(w.economy, 100_000.0)
    # eight coins lose 0.01 each
    assert w.borrowers["income"][0] == pytest.approx(-0.08, rel=1e-12)
    w.assert_books_close()


# Buyers.


def test_week_of_a_buyer() -> None:
    # 10 GPUs at 0.2 less 0.05 and 100 ASICs at 0.03 less 0.02 k$ a week; newer GPUs are off.
    w = world(neoclouds=1, operators=1)
    w.machine(NEW_GPU, on=(1, 1, 0, 1))
    w.buyer(0, units={GPU: 10, NEW_GPU: 7, ASIC: 100}, site_class=2)
    w.open()
    week(w)
    assert w.buyers["cash"][0] == pytest.approx(0.0015 + 0.001, rel=1e-12)
    assert w.market["active"] == 10.0
    # depreciation 0.00001 a unit, idle ones too
    assert w.buyers["book"][0].sum() == pytest.approx(0.2 + 7 * 0.036 + 0.2 - 117 * 0.00001, rel=1e-12)
    w.assert_books_close()


def test_book_value_stops_at_zero() -> None:
    w = world(neoclouds=1)
    w.machine(GPU, depreciation=0.006)
    w.borrower(0, units={GPU: 10})
    w.open()
    week(w, 4)  # 0.020 a unit at the start
    assert w.borrowers["book"][0, GPU] == 0.0
    assert w.economy.revaluations[Revaluation.DEPRECIATION, Sector.NEOCLOUDS] == pytest.approx(-0.2)
    assert math.isclose(w.market["active"], 10.0)
    w.assert_books_close()
