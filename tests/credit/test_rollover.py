"""Rollover by hand: why a bullet is refused, at what price it is extended, sweeps, conversion, BTC loans."""

import pytest
from rolling import TRIGGER, WEEK, bond, reason, roll
from worlds import World, put

from hashcredit.agents.dimensions import (
    Cause,
    Channel,
    Instrument,
    LenderStatus,
    LoanStatus,
    Receivership,
)
from hashcredit.agents.lender import refinances
from hashcredit.simulator.books.ledger import pay
from hashcredit.simulator.books.loans import set_maturity
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.lenders.receivership import run_off
from hashcredit.simulator.lenders.repo import call_repo
from hashcredit.simulator.opening.population import UNREACHABLE, set_strikes
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

# Which loans are looked at.


def test_a_borrower_knows_when_its_next_loan_matures() -> None:
    """Of three loans one is extended now, one matures in four weeks, and one becomes due before that."""
    w = bond()
    other = w.loan(0, 0, 0.01, instrument=Instrument.HIGH_YIELD, maturity_week=WEEK + 30)
    w.loan(0, 0, 0.01, instrument=Instrument.HIGH_YIELD, maturity_week=WEEK + 4)
    w.open()
    roll(w)
    assert w.loans["maturity_week"][:3].tolist() == [WEEK + 104, WEEK + 30, WEEK + 4]
    assert w.borrowers["first_maturity"][0] == WEEK + 4
    set_maturity(w.economy, w.loans[other], WEEK + 2)
    assert w.borrowers["first_maturity"][0] == WEEK + 2
    roll(w)
    assert w.loans["maturity_week"][other] == WEEK + 1 + 104
    assert w.borrowers["first_maturity"][0] == WEEK + 4


# Refusals.


def test_nothing_speaks_against_it() -> None:
    w = bond()
    assert reason(w) is None
    # cost of capital 6 %, spread of grade 1 4 %
    assert (w.loans["fixed_rate"][0], w.loans["rate"][0]) == (1, pytest.approx(0.10, rel=1e-12))


@pytest.mark.parametrize(
    ("covenant", "cover", "refused"),
    [(0.5, 0.99, True), (0.5, 1.0, False), (1.2, 1.19, True), (1.2, 1.2, False)],
)
def test_cash_flow_has_to_cover_debt_service_whatever_the_covenant(covenant, cover, refused) -> None:
    """A covenant below one does not let a bond be rolled over that earnings do not serve."""
    w = bond(credit_dscr_covenant=covenant)
    w.borrower(0, cfads_window=cover)
    assert (reason(w) is not None) == refused


def test_a_lender_in_receivership_refuses() -> None:
    w = bond()
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    assert reason(w) == (Channel.LENDER_CREDIT, TRIGGER)


@pytest.mark.parametrize(
    ("funding", "refused"),
    [(0.9 - 1e-9, False), (0.9 + 1e-9, True), (0.94, True), (0.96, True)],  # target 0.1, minimum 0.05
)
def test_a_lender_short_of_capital_refuses(funding: float, refused: bool) -> None:
    w = bond()
    w.lender(0, funding=funding)
    w.open()
    assert reason(w) == ((Channel.LENDER_CREDIT, TRIGGER) if refused else None)


@pytest.mark.parametrize(("haircut", "refused"), [(0.3, False), (0.31, True)])
def test_a_lender_that_is_called_refuses(haircut: float, refused: bool) -> None:
    # Back-leverage of 0.7 fits loans of 1.0 less 0.3; equity of 0.3 is well over its target.
    w = bond("private_credit")
    w.lender(0, repo=0.7)
    put(w.repo, haircut=haircut, opening_haircut=haircut, opening_debt=0.7)
    w.open()
    call_repo(w.economy, w.p)
    assert reason(w) == ((Channel.LENDER_CREDIT, TRIGGER) if refused else None)


@pytest.mark.parametrize(("losses", "refused"), [(0.0, True), (0.05, True), (0.07, False)])
def test_losses_are_ignored_without_the_channel(losses: float, refused: bool) -> None:
    # Equity of 0.04 on a loan of 1.0, at a target of 0.1.
    w = bond(channels_lender_credit=0)
    w.lender(0, funding=0.96, losses=losses)
    w.open()
    assert reason(w) == ((Channel.LENDER_CREDIT, TRIGGER) if refused else None)


WEAK = [
    {"cfads_window": 1.19},  # cover below 1.2
    {"payables": 0.21},  # debts of 1.21 on assets of 2.4 at one half
]


@pytest.mark.parametrize("weakness", WEAK)
def test_a_weak_borrower_is_refused_for_what_weakened_it(weakness: dict) -> None:
    w = bond()
    w.borrower(0, **weakness)
    w.open()
    assert reason(w) == (Channel.RENT, -1)  # nothing is remembered: rents feed a neo-cloud
    w = bond()
    w.borrower(0, trigger_channel=Channel.OFFTAKER, trigger_event=0, trigger_week=WEEK - 12, **weakness)
    w.open()
    assert reason(w) == (Channel.OFFTAKER, 0)
    w = bond()
    w.borrower(0, trigger_channel=Channel.OFFTAKER, trigger_event=0, trigger_week=WEEK - 13, **weakness)
    w.open()
    assert reason(w) == (Channel.RENT, -1)


@pytest.mark.parametrize("strength", [{"cfads_window": 1.2}, {"payables": 0.19}])
def test_just_good_enough(strength: dict) -> None:
    w = bond()
    w.borrower(0, **strength)
    w.open()
    assert reason(w) is None


def test_a_weak_borrower_of_a_weak_lender_is_its_lenders_victim() -> None:
    w = bond()
    w.borrower(0, cfads_window=0.5)
    w.lender(0, funding=0.92)
    w.open()
    assert reason(w) == (Channel.LENDER_CREDIT, TRIGGER)


def test_refinancing_in_figures() -> None:
    good = (1.2, 1.2, 5.0, 10.0, 0.5, 0.1, 0.1)
    assert refinances(*good)
    for place, value in ((0, 1.19), (2, 5.01), (3, 9.99), (4, 0.49), (5, 0.09)):
        assert not refinances(*good[:place], value, *good[place + 1 :])


def test_who_fails_this_week_is_not_refinanced_and_sells_no_shares() -> None:
    w = bond()
    w.borrower(0, pending_cause=Cause.MARGIN, listed=1, cash=0.0, obligations=1.0)
    w.open()
    roll(w)
    assert w.clock["events"] == 0
    assert w.loans["maturity_week"][0] == WEEK + 1
    assert w.borrowers["issuance"][0] == 0.0


# A sweep instead of a default.

SWEEP = {"maturity_sweep": 1}


def swept(**borrower) -> World:
    """A bond with the clause, refused for its cover of 0.5; the borrower's buffer is ten weeks of 0.05."""
    w = bond(loan=SWEEP)
    w.borrower(0, cfads_window=0.5, obligations=0.05, **borrower)
    w.open()
    roll(w)
    return w


def test_a_refusal_becomes_a_sweep_where_the_contract_says_so() -> None:
    w = swept(listed=1)
    loan = w.loans[0]
    # 52 weeks more, at 6 + 4 % and 2 % on top
    assert (loan["sweeping"], loan["maturity_week"], loan["fixed_rate"]) == (1, WEEK + 52, 1)
    assert loan["rate"] == pytest.approx(0.12, rel=1e-12)
    (refusal,) = w.events(EventKind.REFINANCING_REFUSED)
    (sweep,) = w.events(EventKind.CASH_SWEEP)
    assert (sweep["amount"], sweep["channel"], sweep["parent"]) == (1.0, Channel.RENT, 0)
    assert (refusal["channel"], refusal["parent"]) == (Channel.RENT, -1)
    assert w.outcomes["refinancings_refused"] == 1
    assert w.borrowers["issuance"][0] == 0.0  # nothing is due, so no shares are sold for it


def test_all_cash_above_the_buffer_goes_to_the_loan_every_week() -> None:
    w = swept(cash=1.2)
    paid = []
    for earned in (0.0, 0.1, 0.0, -0.2, 0.3, 0.5):  # M$ a week
        pay(w.economy, int(Flow.COMPUTE_RENT), w.economy.world[0], w.borrowers[0], max(earned, 0.0))
        pay(w.economy, int(Flow.OVERHEAD), w.borrowers[0], w.economy.world[0], max(-earned, 0.0))
        before = w.loans["principal"][0]
        enforce_covenants(w.economy, w.p)
        w.assert_books_close()
        paid.append(before - w.loans["principal"][0])
        w.clock["week"] += 1
    # Buffer 0.5: 0.7 of 1.2; then 0.1; nothing; nothing of 0.3; 0.1 of 0.6; and the last 0.1 of 1.0.
    assert paid == pytest.approx([0.7, 0.1, 0.0, 0.0, 0.1, 0.1], abs=1e-12)
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["cash"][0] == pytest.approx(0.9, rel=1e-12)


def test_a_sweep_starts_once() -> None:
    w = swept()
    w.clock["week"] = WEEK + 51
    roll(w)
    assert w.loans["maturity_week"][0] == WEEK + 52  # due next week
    assert len(w.events(EventKind.REFINANCING_REFUSED)) == 2
    assert len(w.events(EventKind.CASH_SWEEP)) == 1


def test_a_sweep_ends_with_a_refinancing() -> None:
    w = swept()
    w.clock["week"] = WEEK + 51
    w.borrower(0, cfads_window=1.3)
    roll(w)
    loan = w.loans[0]
    assert (loan["sweeping"], loan["maturity_week"]) == (0, WEEK + 51 + 104)
    assert loan["rate"] == pytest.approx(0.10, rel=1e-12)


def test_no_sweep_without_the_clause() -> None:
    w = bond()
    w.borrower(0, cfads_window=0.5)
    w.open()
    assert reason(w) == (Channel.RENT, -1)
    assert w.events(EventKind.CASH_SWEEP) == []
    assert w.loans["sweeping"][0] == 0


# Conversion.


@pytest.mark.parametrize(("strike", "converted"), [(1.4 * (1 - 1e-12), True), (1.4 * (1 + 1e-12), False)])
def test_convertibles_convert_at_their_strike(strike: float, converted: bool) -> None:
    # Equity at appraisal: 2.4 - 1.0
    w = bond(instrument=Instrument.CONVERTIBLE)
    w.borrower(0, strike=strike)
    w.open()
    roll(w)
    assert len(w.events(EventKind.CONVERSION)) == converted
    assert (w.loans["status"][0] == LoanStatus.REPAID) == converted
    assert w.loans["maturity_week"][0] == WEEK + (1 if converted else 104)


def test_books_of_a_conversion() -> None:
    # Shares for 1.0: the holder sells them at once, and has its money; the borrower has its cash as before.
    w = bond(instrument=Instrument.CONVERTIBLE)
    w.borrower(0, strike=1.0, cfads_window=0.1)  # cover does not matter
    w.lender(0, status=LenderStatus.RECEIVERSHIP, cash=0.2)  # nor does the holder
    w.open()
    roll(w)
    borrower, lender, flows = w.borrowers[0], w.lenders[0], w.economy.flows
    assert (borrower["cash"], borrower["issuance"], borrower["debt"].sum()) == (2.0, 1.0, 0.0)
    assert (lender["cash"], lender["loans"].sum()) == (1.2, 0.0)
    assert flows[Flow.EQUITY_INJECTIONS, Sector.REST_OF_WORLD] == -1.0
    assert flows[Flow.EQUITY_INJECTIONS, Sector.NEOCLOUDS] == 1.0
    assert flows[Flow.LOAN_REPAYMENTS, Sector.LENDERS] == 1.0
    (event,) = w.events(EventKind.CONVERSION)
    assert (event["agent"], event["counterparty"], event["amount"]) == (0, 0, 1.0)
    assert (w.outcomes["equity_raised_musd"], w.outcomes["refinancings_refused"]) == (0.0, 0)


def test_bonds_do_not_convert() -> None:
    w = bond()
    w.borrower(0, strike=0.1)
    w.open()
    roll(w)
    assert w.events(EventKind.CONVERSION) == []


def test_strikes_are_half_over_the_first_weeks_equity() -> None:
    w = bond()
    set_strikes(w.economy, w.p)
    assert w.borrowers["strike"][0] == pytest.approx(1.5 * 1.4, rel=1e-12)
    w.borrower(0, payables=1.4)  # no equity: nobody ever converts
    set_strikes(w.economy, w.p)
    assert w.borrowers["strike"][0] == UNREACHABLE


# BTC loans.


@pytest.mark.parametrize(
    ("principal", "status", "channel", "parent"),
    [
        (0.7, LenderStatus.ALIVE, Channel.BTC_PRICE, -1),  # out of margin: 0.65 of 10 coins at 0.1
        (0.4, LenderStatus.RECEIVERSHIP, Channel.LENDER_CREDIT, TRIGGER),
    ],
)
def test_btc_loan_that_is_not_rolled_costs_its_coins(
    principal: float, status: int, channel: int, parent: int
) -> None:
    w = World(miners=1, banks=1)
    w.clock["week"] = WEEK
    w.borrower(0)
    w.loan(0, 0, principal, instrument=Instrument.BTC_LOAN, amortising=0, coins=10.0, maturity_week=WEEK + 1)
    w.lender(0, status=status, trigger=TRIGGER)
    w.open()
    roll(w)
    assert w.loans["status"][0] == LoanStatus.REPAID
    assert w.borrowers["btc"][0] == pytest.approx(10.0 - principal / 0.1, rel=1e-12)
    row = w.borrowers[0]
    assert (row["trigger_channel"], row["trigger_event"], row["trigger_week"]) == (channel, parent, WEEK)


def btc_loan(status: int = LenderStatus.RECEIVERSHIP, principal: float = 0.4, **numbers) -> World:
    """A BTC loan of a lender that is in trouble, on 10 coins at 0.1, which matures next week; two banks."""
    w = World(miners=1, banks=2, private_credit=1, **numbers)
    w.clock["week"] = WEEK
    w.loan(0, 2, principal, instrument=Instrument.BTC_LOAN, amortising=0, coins=10.0, maturity_week=WEEK + 1)
    w.lender(2, status=status, trigger=TRIGGER)
    w.lender(0, cash=1.0, cost_of_capital=0.2)
    w.lender(1, cash=1.0)
    w.open()
    return w


@pytest.mark.parametrize("trouble", [{"status": LenderStatus.RECEIVERSHIP}, {"called": 0.1}])
def test_btc_loan_of_a_lender_in_trouble_finds_another_one(trouble: dict) -> None:
    w = btc_loan(LenderStatus.ALIVE)
    w.lender(2, **trouble)
    roll(w)
    loan = w.loans[0]
    assert (loan["holder"], loan["maturity_week"]) == (1, WEEK + 52)  # the one that values it most
    assert (loan["principal"], loan["coins"], w.borrowers["btc"][0]) == (0.4, 10.0, 0.0)
    assert w.market["btc_sold"] == 0.0
    # at its face: nobody gains or loses
    assert w.lenders["cash"].tolist() == pytest.approx([1.0, 0.6, 0.4], rel=1e-12)
    assert w.lenders["income"].tolist() == [0.0] * 3
    (event,) = w.events(EventKind.LOAN_SALE)
    assert (event["agent"], event["counterparty"]) == (2, 1)
    assert (event["channel"], event["parent"]) == (Channel.LENDER_CREDIT, TRIGGER)


@pytest.mark.parametrize(
    "obstacle",
    [
        {"status": LenderStatus.RECEIVERSHIP},
        {"cash": 0.0},  # no equity: no room
        {"capital_target": 3.0, "capital_minimum": 2.0},  # 1.0 carries a third
        {"called": 0.1},
    ],
)
def test_btc_loan_without_an_able_lender_is_repaid_from_its_coins(obstacle: dict) -> None:
    w = btc_loan()
    for index in (0, 1):
        w.lender(index, **obstacle)
    w.open()
    roll(w)
    assert (w.loans["status"][0], w.borrowers["btc"][0]) == (LoanStatus.REPAID, pytest.approx(6.0, rel=1e-12))
    assert w.lenders["cash"][2] == pytest.approx(0.4, rel=1e-12)
    assert w.borrowers["trigger_channel"][0] == Channel.LENDER_CREDIT


def test_nobody_takes_over_a_btc_loan_out_of_margin() -> None:
    w = btc_loan(principal=0.7)
    roll(w)
    assert (w.loans["status"][0], w.loans["holder"][0]) == (LoanStatus.REPAID, 2)


def test_a_btc_loan_stays_with_the_estate_until_it_matures() -> None:
    w = btc_loan()
    w.loans["maturity_week"][0] = WEEK + 2
    roll(w)
    assert (w.loans["holder"][0], w.loans["status"][0]) == (2, LoanStatus.PERFORMING)
    assert w.clock["events"] == 0


def test_an_estate_sells_a_btc_loan_with_its_coins() -> None:
    w = btc_loan(interlender_receivership=Receivership.AUCTION)
    w.loans["maturity_week"][0] = WEEK + 20
    run_off(w.economy, w.p, 2)
    assert (w.loans["holder"][0], w.loans["coins"][0]) == (1, 10.0)
    w.assert_books_close()
