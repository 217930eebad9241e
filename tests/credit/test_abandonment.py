"""What a creditor gives up: pledged machines not worth their removal, seized ones not worth their storage."""

import pytest
from worlds import GPU, World

from hashcredit.agents.dimensions import BorrowerStatus, Cause, Channel, LoanStatus, SaleRule
from hashcredit.simulator.credit.claims import default_facility
from hashcredit.simulator.lenders.capital import expected_recovery
from hashcredit.simulator.market.auction import trade_machines
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import EventKind

# A GPU is appraised at 0.020, and three quarters of that are expected of a forced sale.
EXPECTED = 0.015


def facility(recourse: int, **numbers: float) -> World:
    """A facility of 1.4 on 100 GPUs that failed in week 10 while its borrower lives on; nobody buys."""
    w = World(
        miners=1, banks=1, trade=[], credit_hand_back=0, secondary_market_rule=SaleRule.AUCTION, **numbers
    )
    w.clock["week"] = 10
    w.borrower(0, units={GPU: 100}, cash=5.0)
    w.loan(0, 0, 1.4, machine=GPU, units=100, recourse=recourse, maturity_week=113)
    w.contract(0, GPU, 30, loan=0, rent=0.002, end_week=99)
    w.open()
    default_facility(w.economy, w.p, 0, int(Cause.ACCELERATION), int(Channel.MACHINE_PRICE), -1)
    return w


def week(w: World) -> None:
    """Resolution and the market; then the next week."""
    resolve_defaults(w.economy, w.p, 1, 0)
    trade_machines(w.economy, w.p)
    w.assert_books_close()
    w.clock["week"] += 1


@pytest.mark.parametrize(("cost", "taken"), [(EXPECTED, False), (0.99 * EXPECTED, True)])
def test_machines_are_taken_if_they_bring_more_than_their_removal(cost: float, taken: bool) -> None:
    w = facility(0, resolution_removal_cost=cost)
    loan, borrower = w.loans[0], w.borrowers[0]
    assert (loan["seized"], w.lenders["units"][0, GPU]) == ((100, 100) if taken else (0, 0))
    assert borrower["units"][GPU] == (0 if taken else 100)
    assert (loan["units"], w.contracts["units"].sum()) == (0, 0)  # free of the pledge, and of the customer
    assert loan["principal"] == pytest.approx(1.4 + (100 * cost if taken else 0.0), rel=1e-12)
    assert (w.outcomes["units_dumped"], w.outcomes["units_abandoned"]) == ((100, 0) if taken else (0, 100))
    events = w.events(EventKind.ABANDONMENT)
    assert [(event["agent"], event["units"], event["parent"]) for event in events] == [(0, 100, 0)][taken:]
    w.assert_books_close()


@pytest.mark.parametrize(("recourse", "paid"), [(0, 0.0), (1, 1.4)])
def test_what_a_claim_without_its_machines_recovers(recourse: int, paid: float) -> None:
    """Nothing, or with recourse all that its borrower can pay; never less than nothing."""
    w = facility(recourse, resolution_removal_cost=1.0)
    week(w)
    assert w.loans["status"][0] == LoanStatus.RESOLVED
    assert w.loans["recovered"][0] == pytest.approx(paid, abs=1e-12)
    assert w.outcomes["credit_lost"] == pytest.approx(1.4 - paid, abs=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(5.0 - paid, rel=1e-12)
    assert w.borrowers["status"][0] == BorrowerStatus.ALIVE


def test_a_holder_expects_nothing_of_machines_that_it_will_not_take() -> None:
    """Of those its allowance counts nothing but its experience, before the end of the stay as after it."""
    for cost, expected in ((0.9 * EXPECTED, 1.5), (EXPECTED, 0.6 * 2.0)):
        w = World(miners=1, banks=1, resolution_removal_cost=cost)
        w.borrower(0, units={GPU: 100})
        w.loan(0, 0, 2.0, machine=GPU, units=100, status=LoanStatus.DEFAULTED)
        w.lender(0, learned_recovery=0.6)
        assert expected_recovery(w.economy, w.p, 0) == pytest.approx(expected, rel=1e-12)


def test_machines_are_stored_as_long_as_they_are_worth_it() -> None:
    """Storage of 0.004 a week, 0.015 expected: after three weeks yes, after four no. Removal takes none."""
    storage = 0.004
    w = facility(0, secondary_market_storage_cost=storage, resolution_removal_weeks=0)
    for held in range(4):
        week(w)
        assert (w.loans["weeks_held"][0], w.loans["seized"][0]) == (held, 100)
    week(w)
    assert (w.loans["seized"][0], w.lenders["units"][0, GPU], w.loans["paper_value"][0]) == (0, 0, 0.0)
    assert w.economy.machines["scrapped"][GPU] == w.outcomes["units_abandoned"] == 100
    (event,) = w.events(EventKind.ABANDONMENT)
    assert (event["week"], event["units"], event["amount"]) == (14, 100, pytest.approx(2.0, rel=1e-12))
    week(w)
    assert w.loans["status"][0] == LoanStatus.RESOLVED
    # removal of 0.001 and four weeks: what was paid in vain, and no more than the machines promised
    assert w.loans["recovered"][0] == pytest.approx(-100 * (0.001 + 4 * storage), rel=1e-12)


def test_without_the_rule_everything_pledged_is_taken_and_kept() -> None:
    w = facility(0, resolution_removal_cost=EXPECTED, resolution_abandonment=0,
                 secondary_market_storage_cost=0.01, resolution_removal_weeks=0)  # fmt: skip
    assert w.loans["seized"][0] == w.outcomes["units_dumped"] == 100
    for _ in range(6):
        week(w)
    assert (w.loans["seized"][0], w.outcomes["units_abandoned"]) == (100, 0)
    assert w.loans["principal"][0] == pytest.approx(1.4 + 100 * (EXPECTED + 6 * 0.01), rel=1e-12)
