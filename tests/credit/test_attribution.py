"""Who is to blame: the channel and the event behind every failure, by hand and in twenty runs."""

import numpy as np
import pytest
from worlds import ASIC, GPU, World

from hashcredit.agents.dimensions import (
    BorrowerStatus,
    Cause,
    Channel,
    Instrument,
    LenderStatus,
    LoanStatus,
    SaleRule,
)
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.credit.cash_flow import earn, service_debt
from hashcredit.simulator.credit.covenants import enforce_covenants
from hashcredit.simulator.credit.distress import arrears, trace_trouble
from hashcredit.simulator.investment.customers import let_out
from hashcredit.simulator.lenders.capital import write_down_loans
from hashcredit.simulator.machines.earnings import mark_appraisals
from hashcredit.simulator.market.auction import trade_machines
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.week.rounds import manage_capital

# Channels by hand.


def chain(w: World, event: int) -> list[EventKind]:
    """Kinds of events from one of them up to where it began."""
    kinds = []
    while event >= 0:
        row = w.economy.events[event]
        kinds.append(EventKind(row["kind"]))
        assert row["parent"] < event
        event = row["parent"]
    return kinds


def test_from_a_sale_to_another_default() -> None:
    """Borrower 1 fails in week 0; its estate sells 500 GPUs at 0.010 in week 4, half the volume that counts.

    The appraisal falls by 0.5 * 500 / 1000 * 0.010 to 0.0175. Borrower 0 owes 1.0 on 100 of them at an
    advance rate of a half: its base is 0.875, the call of 0.125 in week 5 takes all its cash. In weeks 6, 7
    and 8 it pays nothing; two weeks are grace. Its 100 GPUs of over 1.75 cover its debt: illiquid, by way of
    machine prices.
    """
    w = World(
        neoclouds=2,
        banks=1,
        operators=1,
        secondary_market_rule=SaleRule.DEEP,
        secondary_market_deep_margin=0.0,
        marking_depth_share=500 / 600,
    )
    w.borrower(0, units={GPU: 100}, cash=0.125)
    w.loan(0, 0, 1.0, machine=GPU, units=100, borrowing_base=1, advance_rate=0.5)
    w.borrower(1, units={GPU: 500}, pending_cause=Cause.FORCED, pending_channel=Channel.EXOGENOUS)
    w.open()
    for week in range(9):
        if week > 5:
            service_debt(w.economy, w.p, 0)
        w.value(GPU, 0.010)
        enforce_covenants(w.economy, w.p)
        resolve_defaults(w.economy, w.p, 1, 0)
        trade_machines(w.economy, w.p)
        mark_appraisals(w.economy, w.p)
        w.assert_books_close()
        w.clock["week"] += 1
    first, second = w.events(EventKind.DEFAULT)
    assert (first["agent"], first["week"], first["parent"]) == (1, 0, -1)
    assert (second["agent"], second["week"]) == (0, 8)
    assert (second["cause"], second["channel"]) == (Cause.ILLIQUIDITY, Channel.MACHINE_PRICE)
    (missed,) = w.events(EventKind.MISSED_PAYMENT)
    assert missed["week"] == 6
    (call,) = w.events(EventKind.BORROWING_BASE_CALL)
    assert call["week"] == 5
    assert (call["price"], call["amount"]) == pytest.approx((0.0175, 0.125), rel=1e-12)
    kinds = chain(w, int(w.borrowers["default_event"][0]))
    assert kinds == [EventKind.DEFAULT, EventKind.BORROWING_BASE_CALL, EventKind.DEFAULT]


def remembering(week: int, **borrower) -> tuple[int, int]:
    """Whom a neo-cloud blames in some week for what a call in week 10 cost it."""
    w = World(neoclouds=1, banks=1)
    w.clock["week"] = week
    w.borrower(0, trigger_channel=Channel.MACHINE_PRICE, trigger_event=4, trigger_week=10, **borrower)
    return trace_trouble(w.economy, 0)


def test_memory_lasts_as_long_as_the_window_of_cover() -> None:
    assert remembering(10) == (Channel.MACHINE_PRICE, 4)
    assert remembering(22) == (Channel.MACHINE_PRICE, 4)  # the thirteenth week
    assert remembering(23) == (Channel.RENT, -1)


def test_without_an_event_the_market_is_to_blame() -> None:
    w = World(miners=1, neoclouds=1, banks=1)
    w.borrower(1, units={ASIC: 1000})
    assert trace_trouble(w.economy, 1) == (Channel.RENT, -1)  # a neo-cloud
    # ASICs earn 0.0015 a year and GPUs 0.010: a thousand earn as much as 150.
    for gpus, channel in ((0, Channel.BTC_PRICE), (150, Channel.BTC_PRICE), (151, Channel.RENT)):
        w.borrower(0, units={ASIC: 1000, GPU: gpus})
        assert trace_trouble(w.economy, 0) == (channel, -1)
    w.borrower(0, units={ASIC: 0, GPU: 0})  # nothing earns anything: a miner all the same
    assert trace_trouble(w.economy, 0) == (Channel.BTC_PRICE, -1)


def contracted(hazard_left: float) -> World:
    """A contract on 10 GPUs ends in week 20 because the customer fails (at 0), or because it is over."""
    w = World(neoclouds=1, banks=1)
    w.clock["week"] = 20
    w.borrower(0, units={GPU: 10})
    w.loan(0, 0, 0.1, machine=GPU, units=10)
    w.contract(0, GPU, 10, loan=0, rent=0.02, hazard_left=hazard_left, end_week=20 + (hazard_left <= 0.0))
    let_out(w.economy, w.p, 1, 0)
    earn(w.economy, w.p, 0)
    assert w.contracts["units"][0] == 0
    return w


def test_customers_are_to_blame_for_the_contract_that_they_broke() -> None:
    w = contracted(0.0)
    (event,) = w.events(EventKind.OFFTAKER_DEFAULT)
    assert (event["units"], event["channel"], event["parent"]) == (10, Channel.OFFTAKER, -1)
    assert trace_trouble(w.economy, 0) == (Channel.OFFTAKER, 0)
    w.clock["week"] = 32
    w.loans["weeks_overdue"][0], w.loans["overdue"][0] = 3, 0.05
    enforce_covenants(w.economy, w.p)
    row = w.borrowers[0]
    assert (row["pending_channel"], row["pending_parent"]) == (Channel.OFFTAKER, 0)


def test_nobody_is_to_blame_for_a_contract_that_is_over() -> None:
    w = contracted(0.5)
    assert w.events(EventKind.OFFTAKER_DEFAULT) == []
    assert trace_trouble(w.economy, 0) == (Channel.RENT, -1)


def test_margin_calls() -> None:
    # Ten coins at 0.1 behind 0.7: called. Behind 1.2: sold, and the rest is fatal by way of BTC.
    w = World(miners=1, banks=1)
    w.borrower(0, units={GPU: 100})  # it earns rents
    w.loan(0, 0, 0.7, instrument=Instrument.BTC_LOAN, amortising=0, coins=10.0)
    w.open()
    enforce_covenants(w.economy, w.p)
    assert trace_trouble(w.economy, 0) == (Channel.BTC_PRICE, 0)
    w = World(miners=1, banks=1)
    w.borrower(0)
    w.loan(0, 0, 1.2, instrument=Instrument.BTC_LOAN, amortising=0, coins=10.0)
    w.open()
    enforce_covenants(w.economy, w.p)
    resolve_defaults(w.economy, w.p, 1, 0)
    (default,) = w.events(EventKind.DEFAULT)
    assert (default["cause"], default["channel"]) == (Cause.MARGIN, Channel.BTC_PRICE)
    assert chain(w, int(w.borrowers["default_event"][0])) == [EventKind.DEFAULT, EventKind.MARGIN_CALL]


def test_sweeps_under_a_covenant_come_from_rents() -> None:
    w = World(miners=1, banks=1)
    w.borrower(0, units={GPU: 100}, cash=2.0, obligations=0.1, cfads_window=1.1, service_window=1.0)
    w.loan(0, 0, 5.0, machine=GPU, units=100, dscr_covenant=1.2, cash_sweep=1)
    w.open()
    enforce_covenants(w.economy, w.p)
    (breach,) = w.events(EventKind.DSCR_BREACH)
    assert breach["channel"] == Channel.RENT
    assert trace_trouble(w.economy, 0) == (Channel.RENT, 0)


def test_machines_that_the_living_sell_carry_their_own_trouble_on() -> None:
    # A borrower in distress sells its free machines: what cost it its cash is what moves the price.
    w = World(neoclouds=2, banks=1, operators=1, secondary_market_rule=SaleRule.DEEP)
    w.borrower(0, units={GPU: 10}, payables=0.1, trigger_event=6)
    w.value(GPU, 0.010)
    enforce_covenants(w.economy, w.p)
    trade_machines(w.economy, w.p)
    (sale,) = w.events(EventKind.SALE)
    assert (sale["units"], sale["parent"]) == (10, 6)
    assert w.economy.machines["trigger"][GPU] == 6


# Lenders.


def two_claims(losses: tuple[float, float]) -> World:
    """Claims of the defaults 40 and 41 on a bank with equity of 2.0: faces of 1.0 on 10 and on 20 GPUs."""
    w = World(neoclouds=2, banks=1)
    for b, units in enumerate((10, 20)):
        w.in_resolution(b, default_week=0, release_week=9, default_event=40 + b, units={GPU: units})
        allowance = {"allowance": losses[b]}
        w.loan(b, 0, 1.0, machine=GPU, units=units, status=LoanStatus.DEFAULTED, **allowance)
    w.lender(0, allowance=sum(losses))
    w.open()
    write_down_loans(w.economy, w.p)
    w.assert_books_close()
    return w


@pytest.mark.parametrize(
    ("before", "trigger"),
    [
        # Expected of 10 and 20 GPUs at 0.75 * 0.020: 0.15 and 0.30, so losses of 0.85 and 0.70.
        ((0.0, 0.0), 41),  # both cost it: the last one counts
        ((0.0, 0.7), 40),
        ((0.0, 0.9), 40),  # the second is written up again
        ((0.9, 0.0), 41),
        ((0.9, 0.9), -1),
    ],
)
def test_a_lender_remembers_the_last_default_that_cost_it(before: tuple[float, float], trigger: int) -> None:
    w = two_claims(before)
    assert w.loans["allowance"][w.loans["status"] == LoanStatus.DEFAULTED] == pytest.approx([0.85, 0.70])
    assert w.lenders["trigger"][0] == trigger


def test_a_lender_fails_of_its_borrowers() -> None:
    # Assets of 2.0 less write-downs of 1.55: funding of 0.44 leaves it alive, 0.46 does not.
    for funding, alive in ((0.44, True), (0.46, False)):
        w = two_claims((0.0, 0.0))
        w.lender(0, funding=funding)
        w.open()
        manage_capital(w.economy, w.p)
        assert (w.lenders["status"][0] == LenderStatus.ALIVE) == alive
    (failure,) = w.events(EventKind.LENDER_FAILURE)
    assert (failure["channel"], failure["parent"]) == (Channel.LOAN_LOSSES, 41)


def test_trouble_travels_through_a_lender() -> None:
    """Borrower 1 fails and costs the bank its capital; the bank calls borrower 0, whose bond has a clause.

    Its claim of 1.0 on 10 GPUs is worth 0.15. Equity of 2.3 - 1.4 is 0.9 before and 0.05 after, of net loans
    of 1.45: under a minimum of a tenth. Borrower 0 is over its base and serves its loan: any other bank would
    wait.
    """
    w = World(neoclouds=2, banks=2, credit_enforcement=1)
    w.borrower(0, units={GPU: 100}, cfads_window=13 * 0.05)
    w.loan(0, 0, 1.3, machine=GPU, units=100, borrowing_base=1, advance_rate=0.5, weeks_over_base=7)
    w.loan(0, 1, 0.2, instrument=Instrument.HIGH_YIELD, cross_default=1)
    w.borrower(1, units={GPU: 10}, pending_cause=Cause.FORCED, pending_channel=Channel.EXOGENOUS)
    w.loan(1, 0, 1.0, machine=GPU, units=10)
    w.lender(0, capital_minimum=0.1, funding=1.4)
    w.open()
    enforce_covenants(w.economy, w.p)  # it can wait
    resolve_defaults(w.economy, w.p, 1, 0)
    write_down_loans(w.economy, w.p)
    w.clock["week"] += 1
    enforce_covenants(w.economy, w.p)
    resolve_defaults(w.economy, w.p, 1, 0)
    w.assert_books_close()
    assert (w.borrowers["status"] == BorrowerStatus.IN_RESOLUTION).all()
    assert w.borrowers["cause"][0] == Cause.CROSS_DEFAULT
    last = int(w.borrowers["default_event"][0])
    assert chain(w, last) == [EventKind.DEFAULT, EventKind.ACCELERATION, EventKind.DEFAULT]
    assert w.economy.events[last]["channel"] == Channel.LENDER_CREDIT


# Runs.

BASELINE = Scenario.load()
FAILURES = ("default", "facility_default", "hand_back", "lender_failure")


@pytest.mark.parametrize("replicate", range(20))
def test_every_failure_of_the_baseline_names_its_channel_and_its_parent(replicate: int) -> None:
    run = simulate(BASELINE, seed=1, replicate=replicate)
    log = run.events
    failed = log[log["kind"].isin(FAILURES)]
    assert len(failed) > 0
    assert failed["week"].between(0, BASELINE.horizon_weeks - 1).all()
    assert not failed["channel"].isin(("none", "")).any()
    borrowers = failed[failed["kind"] != "lender_failure"]
    assert not borrowers["cause"].isin(("none", "")).any()
    assert ((failed["parent"] >= -1) & (failed["parent"] < failed.index)).all()
    # what led to a failure was known before it, and is of a kind that can
    led = failed[failed["parent"] >= 0]
    above = log.loc[led["parent"]]
    assert (above["week"].to_numpy() <= led["week"].to_numpy()).all()
    kinds = dict(zip(led.index, above["kind"], strict=True))
    allowed = {
        "margin": {"margin_call"},
        "cross_default": {"acceleration"},
        "acceleration": {"acceleration", "facility_default"},
    }
    for event, kind in kinds.items():
        cause = log["cause"][event]
        assert kind in allowed.get(cause, {kind}), (event, cause, kind)
    assert (failed.loc[failed["cause"].isin(allowed), "parent"] >= 0).all()
    lenders = led[led["kind"] == "lender_failure"]
    assert lenders["channel"].isin(("loan_losses", "repo", "interlender")).all()
    losses = {"default", "facility_default", "hand_back", "interlender_loss"}
    assert set(log["kind"][lenders["parent"]]) <= losses | {"lender_failure"}
    # whom losses bring down knows whose they were; a call has no parent of its own
    assert (failed.query("kind == 'lender_failure' and channel == 'loan_losses'")["parent"] >= 0).all()
    # tables and log agree
    gone = run.tables["borrowers"].query("default_event >= 0")
    assert sorted(gone["default_event"]) == log.index[log["kind"] == "default"].tolist()
    assert np.array_equal(log["agent"][gone["default_event"]], gone.index)


@pytest.mark.parametrize(
    ("week", "amortising", "matured"), [(9, 0, False), (10, 0, True), (11, 0, True), (10, 1, False)]
)
def test_a_bullet_has_matured_in_the_week_in_which_it_falls_due(week, amortising, matured) -> None:
    w = World(neoclouds=1, banks=1)
    w.clock["week"] = week
    w.loan(0, 0, 1.0, maturity_week=10, amortising=amortising, overdue=1.0, weeks_overdue=1)
    assert arrears(w.economy, 0) == (1, matured, True)
