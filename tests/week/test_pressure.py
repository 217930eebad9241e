"""Lenders that cannot wait: what they call and sell, how often, and a chain of failures link by link."""

import pytest
from worlds import GPU, World, put

from hashcredit.agents.dimensions import (
    BorrowerStatus,
    Cause,
    Channel,
    Enforcement,
    Instrument,
    LenderStatus,
    LoanStatus,
)
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.credit.pressure import act_under_pressure, cash_needed, in_breach
from hashcredit.simulator.lenders.repo import set_haircut
from hashcredit.simulator.market.auction import trade_dumped, trade_machines
from hashcredit.simulator.state.codes import EventKind, Sector
from hashcredit.simulator.week.rounds import end_pressures, fund_overdrafts
from hashcredit.simulator.week.step import further_rounds, losses, repo, resolution, secondary_market

TRIGGER = 17
BREACH = {"instrument": Instrument.HIGH_YIELD, "weeks_under_dscr": 9}
"""An unsecured loan under its cover for longer than the two weeks that it may be."""


def called(call: float = 1.0, loans: int = 2, **numbers) -> World:
    """A fund (lender 0) with loans of 1 to as many borrowers, called; a bank that can buy them."""
    w = World(**({"neoclouds": loans, "private_credit": 1, "banks": 1} | numbers))
    fund, bank = 1, 0  # rows: banks come first
    for b in range(loans):
        w.loan(b, fund, 1.0, machine=GPU, units=100)
        w.borrower(b, units={GPU: 100})
    w.lender(fund, called=call, repo=1.0, trigger=TRIGGER)
    w.lender(bank, cash=10.0)
    w.open()
    return w


# Who acts, and when.


def test_it_acts_once_a_spell() -> None:
    w = called()
    assert act_under_pressure(w.economy, w.p) == 1
    assert w.lenders["pressed_since"].tolist() == [-1, 0]
    assert act_under_pressure(w.economy, w.p) == 0
    w.clock["week"] = 1
    end_pressures(w.economy, w.p)  # it is still called
    assert act_under_pressure(w.economy, w.p) == 0
    w.lender(1, called=0.0)
    end_pressures(w.economy, w.p)
    assert w.lenders["pressed_since"][1] == -1
    w.lender(1, called=0.5)
    assert act_under_pressure(w.economy, w.p) == 1
    assert w.lenders["pressed_since"][1] == 1


def test_a_call_that_comes_back_in_the_same_week_finds_it_idle() -> None:
    w = called()
    assert act_under_pressure(w.economy, w.p) == 1
    w.lender(1, called=0.0)
    assert act_under_pressure(w.economy, w.p) == 0
    w.lender(1, called=0.5)
    assert act_under_pressure(w.economy, w.p) == 0  # or rounds might go on for ever


@pytest.mark.parametrize(
    ("fields", "numbers", "acts"),
    [
        ({"called": 0.0}, {}, 0),
        ({"called": 0.1}, {}, 1),
        ({"called": 0.1}, {"channels_repo": 0}, 0),
        ({"called": 0.0, "capital_minimum": 0.6}, {}, 1),  # equity of 1 on loans of 2
        ({"called": 0.0, "capital_minimum": 0.6}, {"channels_lender_credit": 0}, 1),
        ({"called": 0.0, "capital_minimum": 0.6, "losses": 0.3}, {"channels_lender_credit": 0}, 0),
        ({"called": 0.0, "status": LenderStatus.RECEIVERSHIP}, {}, 1),
        ({"called": 0.0, "status": LenderStatus.RECEIVERSHIP}, {"channels_lender_credit": 0}, 0),
    ],
)
def test_who_is_pressed(fields: dict, numbers: dict, acts: int) -> None:
    w = called(**numbers)
    w.lender(1, **fields)
    assert act_under_pressure(w.economy, w.p) == acts


# What it calls.


@pytest.mark.parametrize(
    ("weeks", "over"),
    [({"weeks_over_base": 2}, False), ({"weeks_over_base": 3}, True), ({"weeks_under_dscr": 3}, True)],
)
def test_a_breach_is_one_after_its_cure(weeks: dict, over: bool) -> None:
    w = called(call=1e-6)
    put(w.loans[0], **weeks)
    assert in_breach(w.loans[0]) == over
    act_under_pressure(w.economy, w.p)
    assert len(w.events(EventKind.ACCELERATION)) == over
    w.assert_books_close()
    if over:
        (event,) = w.events(EventKind.ACCELERATION)
        assert (event["agent"], event["counterparty"]) == (1, 0)
        assert (event["channel"], event["parent"]) == (Channel.REPO, TRIGGER)
        assert w.loans["status"][0] == LoanStatus.DEFAULTED  # secured: the machines, and no more


def test_under_its_capital_it_is_the_credit_channel() -> None:
    w = called(call=0.0)
    w.lender(1, capital_minimum=0.6)
    put(w.loans[0], weeks_over_base=3)
    act_under_pressure(w.economy, w.p)
    assert w.events(EventKind.ACCELERATION)[0]["channel"] == Channel.LENDER_CREDIT


def test_who_has_failed_or_must_fail_is_left_alone() -> None:
    w = called(loans=3)
    for b in range(3):
        put(w.loans[12 * b], weeks_over_base=3)
    put(w.borrowers[0], pending_cause=Cause.MARGIN)
    put(w.borrowers[1], status=BorrowerStatus.IN_RESOLUTION)
    act_under_pressure(w.economy, w.p)
    (event,) = w.events(EventKind.ACCELERATION)
    assert event["counterparty"] == 2


def test_never_is_never() -> None:
    w = called(credit_enforcement=Enforcement.NEVER)
    put(w.loans[0], weeks_over_base=9)
    assert act_under_pressure(w.economy, w.p) == 1
    assert w.events(EventKind.ACCELERATION) == []


# What it sells. The loans of 1 at 4 + 6 % are worth par to the bank: 6 % and nothing to lose.


@pytest.mark.parametrize(("call", "sold"), [(0.5, 1), (1.0, 1), (1.5, 2), (9.0, 3)])
def test_it_sells_until_the_call_is_met(call: float, sold: int) -> None:
    w = called(call, loans=3)
    w.lender(1, cash=0.0)
    act_under_pressure(w.economy, w.p)
    w.assert_books_close()
    assert [int(holder) for holder in w.loans["holder"][::12]] == [0] * sold + [1] * (3 - sold)
    assert w.lenders["cash"][1] == pytest.approx(float(sold), rel=1e-12)
    assert w.outcomes["loans_sold_musd"] == pytest.approx(float(sold), rel=1e-12)
    assert {event["channel"] for event in w.events(EventKind.LOAN_SALE)} == {Channel.REPO}


def test_what_it_needs() -> None:
    # Loans of 2, equity of 1: at a target of 0.8 it can carry 1.25, so 0.75 must go.
    w = called(call=0.3)
    lender = w.lender(1, capital_target=0.8, capital_minimum=0.0)
    assert cash_needed(w.p, lender) == 0.3  # over its minimum: only the call
    put(lender, capital_minimum=0.6)
    assert cash_needed(w.p, lender) == pytest.approx(0.75, rel=1e-12)
    put(lender, called=0.9)
    assert cash_needed(w.p, lender) == 0.9
    put(lender, losses=0.3)  # equity of 1.3, had it not lost that
    put(w.p, channels_lender_credit=0)
    assert cash_needed(w.p, lender) == 0.9
    put(lender, called=0.0)
    assert cash_needed(w.p, lender) == 0.0
    put(w.p, channels_lender_credit=1)
    put(lender, repo=9.0)  # no equity at all
    assert cash_needed(w.p, lender) == pytest.approx(2.0, rel=1e-12)


def test_nobody_buys_a_loan_that_has_just_been_called() -> None:
    """The fund calls an unsecured loan: its borrower fails in the next round, and the loan stays with it."""
    w = called(call=9.0)
    put(w.loans[0], machine=-1, units=0, **BREACH)
    act_under_pressure(w.economy, w.p)
    assert w.borrowers["pending_cause"][0] == Cause.CROSS_DEFAULT
    assert w.loans["holder"][[0, 12]].tolist() == [1, 0]


def test_a_failed_lender_calls_and_does_not_sell_here() -> None:
    w = called(call=0.0)
    w.lender(1, status=LenderStatus.RECEIVERSHIP)
    put(w.loans[0], weeks_over_base=3)
    act_under_pressure(w.economy, w.p)
    assert len(w.events(EventKind.ACCELERATION)) == 1
    assert w.outcomes["loans_sold_musd"] == 0.0


# Machines. Ten seized GPUs, appraised at 0.020: the reserve of the first week is 0.012, scrap 0.0012.


def seized(call: float, **numbers) -> World:
    w = World(neoclouds=1, banks=1, scrap_dealers=1, trade=[(1, 1)], **numbers)  # the dealer and the bank
    w.in_resolution(0, default_week=0, release_week=0)
    w.loan(0, 0, 1.0, status=LoanStatus.DEFAULTED, machine=GPU, seized=10)
    w.lender(0, called=call)
    w.buyer(0, cash=10.0)
    w.open()
    return w


@pytest.mark.parametrize("call", [0.0, 0.1])
def test_who_is_called_takes_what_the_parts_fetch(call: float) -> None:
    w = seized(call, secondary_market_sell_share=0.5)
    trade_machines(w.economy, w.p)
    w.assert_books_close()
    gpu = w.economy.machines[GPU]
    if call:
        assert (gpu["offered"], gpu["traded"], w.lenders["units"][0, GPU]) == (10, 10, 0)
        assert w.lenders["cash"][0] == pytest.approx(10 * 0.0012, rel=1e-12)
    else:
        assert (gpu["offered"], gpu["traded"], w.lenders["units"][0, GPU]) == (5, 0, 10)


def test_who_is_called_after_the_sale_sells_in_the_next_round() -> None:
    w = seized(0.0, secondary_market_sell_share=0.5)
    trade_machines(w.economy, w.p)
    w.lender(0, called=0.1)
    trade_dumped(w.economy, w.p)  # it has not acted yet
    assert w.economy.machines["traded"][GPU] == 0
    act_under_pressure(w.economy, w.p)
    trade_dumped(w.economy, w.p)
    w.assert_books_close()
    gpu = w.economy.machines[GPU]
    # ten were on sale this week, five of them twice, and all are sold
    assert (gpu["offered"], gpu["traded"], gpu["inventory"]) == (10, 10, 10)
    assert w.events(EventKind.SALE)[0]["price"] == pytest.approx(0.0012, rel=1e-12)
    trade_dumped(w.economy, w.p)  # nothing is left
    assert gpu["traded"] == 10


# A chain. Money by hand, without interest:
#
#   borrower 0   owes 10 to bank A                                   fails in this week's resolution
#   bank A       loans 10, deposits 5, owes B 3: equity 2            0.4 * 10 is lost: it fails, in round 1
#   bank B       loans 10, claim 3, deposits 12: equity 1            its claim is lost: it fails, in round 1
#   borrower 1   owes 10 to B, in breach, and 5 to the fund          B calls: it fails, in round 2
#   the fund     loans 15, back-leverage 6 at a haircut of a half    10 carry 5: called in round 2, it calls
#   borrower 2   owes 10 to the fund, in breach                      it fails, in round 3
#
# In round 3 nobody fails or acts: the fund has acted, and its equity was 9 less 2 and 4. So three rounds.

A, B, PLEDGER = 0, 1, 2
ALIVE, FAILED = BorrowerStatus.ALIVE, BorrowerStatus.IN_RESOLUTION


def chain(**channels) -> World:
    """The chain after a week's funding and its phases from resolution to further rounds."""
    w = World(
        neoclouds=3,
        banks=2,
        private_credit=1,
        claims={(B, A): 3.0},
        lenders_cash_share=(0.0, 0.0, 0.0),
        repo_volatility_weight=0.5,
        **channels,
    )
    w.loan(0, A, 10.0, instrument=Instrument.HIGH_YIELD)
    w.loan(1, B, 10.0, **BREACH)
    w.loan(1, PLEDGER, 5.0, instrument=Instrument.HIGH_YIELD)
    w.loan(2, PLEDGER, 10.0, **BREACH)
    w.lender(A, funding=5.0)
    w.lender(B, funding=12.0)
    w.lender(PLEDGER, repo=6.0)
    w.economy.haircut_path[:] = 0.2
    # appraisals moved by 0.7 a year: 0.2 + 0.5 (0.7 - 0.1) is a half
    put(w.market, policy_rate=0.0, cost_of_capital=0.0)
    put(w.repo, price_variance=0.49, opening_haircut=0.2, opening_debt=1.0)
    put(w.borrowers[0], pending_cause=Cause.ILLIQUIDITY, pending_channel=Channel.RENT)
    w.open()
    set_haircut(w.economy, w.p)
    for phase in (resolution, secondary_market, repo, losses, further_rounds):
        phase(w.economy, w.p, 1, 0)
        w.assert_books_close()
    return w


def failures(w: World) -> tuple[list[int], list[int]]:
    """Status of borrowers and of lenders."""
    return w.borrowers["status"].tolist(), w.lenders["status"].tolist()


def ancestors(w: World, event: int) -> list[tuple[int, int]]:
    """Kinds and agents from an event to its first cause."""
    found = []
    while event >= 0:
        row = w.economy.events[event]
        found.append((int(row["kind"]), int(row["agent"])))
        event = int(row["parent"])
    return found


def test_the_whole_chain_in_one_week() -> None:
    w = chain()
    assert failures(w) == ([FAILED] * 3, [LenderStatus.RECEIVERSHIP] * 2 + [LenderStatus.ALIVE])
    assert w.outcomes["most_rounds"] == w.clock["rounds"] == 3
    assert w.outcomes["defaults"] == 3 and w.outcomes["lender_failures"] == 2
    assert w.repo["haircut"] == pytest.approx(0.5, rel=1e-12)
    assert w.lenders["called"][PLEDGER] == pytest.approx(6.0, rel=1e-12)  # nothing is left to pledge
    assert ancestors(w, int(w.borrowers["default_event"][2])) == [
        (EventKind.DEFAULT, 2),
        (EventKind.ACCELERATION, PLEDGER),
        (EventKind.DEFAULT, 1),
        (EventKind.ACCELERATION, B),
        (EventKind.INTERLENDER_LOSS, B),
        (EventKind.LENDER_FAILURE, A),
        (EventKind.DEFAULT, 0),
    ]
    channels = [int(event["channel"]) for event in w.events(EventKind.DEFAULT)]
    assert channels == [Channel.RENT, Channel.LENDER_CREDIT, Channel.REPO]
    channels = [int(event["channel"]) for event in w.events(EventKind.LENDER_FAILURE)]
    assert channels == [Channel.LOAN_LOSSES, Channel.INTERLENDER]
    (call,) = w.events(EventKind.REPO_CALL)
    assert (call["agent_kind"], call["agent"]) == (Sector.LENDERS, PLEDGER)
    assert call["amount"] == pytest.approx(1.0, rel=1e-12)


def test_without_interlender_losses_the_second_bank_lives() -> None:
    # Round 1: A fails and is pressed. Round 2: nothing.
    w = chain(channels_interlender=0)
    assert failures(w) == ([FAILED, ALIVE, ALIVE], [LenderStatus.RECEIVERSHIP, 0, 0])
    assert w.outcomes["most_rounds"] == 2
    assert w.lenders["cash"][B] == 3.0


def test_without_lender_credit_the_failed_bank_calls_nothing() -> None:
    w = chain(channels_lender_credit=0)
    assert failures(w) == ([FAILED, ALIVE, ALIVE], [LenderStatus.RECEIVERSHIP] * 2 + [LenderStatus.ALIVE])
    assert w.outcomes["most_rounds"] == 2


def test_without_repo_the_fund_is_not_called() -> None:
    # At the haircut of the first week 10 of loans carry 8.
    w = chain(channels_repo=0)
    assert failures(w) == ([FAILED, FAILED, ALIVE], [LenderStatus.RECEIVERSHIP] * 2 + [LenderStatus.ALIVE])
    assert w.outcomes["most_rounds"] == 2
    assert w.repo["haircut"] == 0.2
    assert w.events(EventKind.REPO_CALL) == []


def test_without_any_channel_the_first_failure_is_the_last() -> None:
    w = chain(channels_repo=0, channels_interlender=0, channels_lender_credit=0, channels_fire_sale=0)
    assert failures(w) == ([FAILED, ALIVE, ALIVE], [LenderStatus.RECEIVERSHIP, 0, 0])


def test_the_next_week_finds_the_fund_still_pressed() -> None:
    # What it holds in breach is called by its covenants, at once, as for every lender in trouble.
    w = chain()
    w.clock["week"] = 1
    assert act_under_pressure(w.economy, w.p) == 0
    w.loan(2, PLEDGER, 0.0)  # nothing new to call
    before = int(w.clock["events"])
    enforce_covenants(w.economy, w.p)
    assert w.clock["events"] == before


def test_a_lender_that_the_week_has_overdrawn_finds_cash():
    """A fund beyond its limit, a bank from depositors; a lender with cash is left alone."""
    w = World(neoclouds=1, banks=2, private_credit=1)
    bank, rich, fund = 0, 1, 2
    for index, cash in ((bank, -0.3), (rich, 2.0), (fund, -0.5)):
        w.lender(index, cash=cash)
    w.open()
    fund_overdrafts(w.economy)
    assert w.lenders["cash"].tolist() == [0.0, 2.0, 0.0]
    assert w.lenders["repo"].tolist() == [0.0, 0.0, 0.5]
    assert w.lenders["funding"][bank] - w.lenders["funding"][rich] == pytest.approx(0.3, rel=1e-12)
    w.assert_books_close()
