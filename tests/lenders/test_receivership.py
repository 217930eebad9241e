"""The end of a lender by hand: who fails, who is paid first, what is written off, and loans that are sold."""

import pytest
from worlds import GPU, World, put

from hashcredit.agents.dimensions import Channel, Instrument, LenderStatus, LoanStatus, Receivership
from hashcredit.agents.lender import present_value
from hashcredit.simulator.books.ledger import lender_equity
from hashcredit.simulator.credit.cash_flow import operate
from hashcredit.simulator.lenders.capital import manage_lender, manage_lenders
from hashcredit.simulator.lenders.loan_sales import best_buyer, sell_loans, worth_to
from hashcredit.simulator.lenders.receivership import fail_lenders, must_fail, run_off
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.week.rounds import manage_capital

REST, AUTHORITY, GUARANTOR = 0, 1, 2
TRIGGER = 17


def failed(loans: float = 0.0, status: int = LenderStatus.RECEIVERSHIP, **fields) -> World:
    """A private lender in receivership since an event, with what it has and owes."""
    w = World(neoclouds=1, private_credit=1, banks=1)
    if loans > 0.0:
        w.loan(0, 1, loans)
    w.lender(1, status=status, failure_event=TRIGGER, failure_week=0, **fields)
    w.open()
    return w


def after(w: World, index: int = 1) -> dict[str, float]:
    """A week of the receivership: what is left, field by field."""
    run_off(w.economy, w.p, index)
    w.assert_books_close()
    row = w.lenders[index]
    return {name: float(row[name]) for name in ("cash", "repo", "facility", "funding", "guaranteed", "owed")}


# Who fails.


@pytest.mark.parametrize(("hair", "fails"), [(-1e-9, False), (1e-9, True)])
def test_a_lender_without_equity_fails(hair: float, fails: bool) -> None:
    w = failed(10.0, LenderStatus.ALIVE, cash=1.0, allowance=2.0, repo=8.0, funding=1.0 + hair)
    assert must_fail(w.p, w.lenders[1]) == fails
    assert fail_lenders(w.economy, w.p) == fails
    assert len(w.events(EventKind.LENDER_FAILURE)) == w.outcomes["lender_failures"] == fails


def test_a_call_unmet_beyond_its_cure_ends_a_lender() -> None:
    """Solvent, but nobody lends to it: calls of two weeks may be cured, the third week is the end."""
    w = failed(10.0, LenderStatus.ALIVE, cash=0.0, repo=6.0, trigger=TRIGGER)
    put(w.repo, haircut=0.5, opening_haircut=0.5, opening_debt=1.0)
    w.p["credit_enforcement"] = 2
    w.lender(1, called=1.0)
    for week in range(3):
        assert w.lenders["status"][1] == LenderStatus.ALIVE
        w.clock["week"] = week
        manage_capital(w.economy, w.p)
        w.assert_books_close()
    assert lender_equity(w.lenders[1]) > 3.0
    assert (w.lenders["status"][1], w.lenders["failure_week"][1]) == (LenderStatus.RECEIVERSHIP, 2)
    (event,) = w.events(EventKind.LENDER_FAILURE)
    assert (event["channel"], event["parent"]) == (Channel.REPO, TRIGGER)
    assert w.lenders["called"][1] == 0.0


def test_insolvency_comes_before_a_call_as_the_reason() -> None:
    w = failed(1.0, LenderStatus.ALIVE, repo=2.0, called=1.0, call_weeks=9)
    manage_capital(w.economy, w.p)
    (event,) = w.events(EventKind.LENDER_FAILURE)
    assert event["channel"] == Channel.LOAN_LOSSES


def test_undrawn_lines_go_with_the_lender() -> None:
    for channel in (1, 0):
        w = World(neoclouds=1, banks=1, channels_lender_credit=channel)
        w.lender(0, funding=1.0, committed=0.5)
        put(w.economy.orders[0], units=2, machine=GPU, holder=0, offer=0.25, commitment=0.5, reserved=-0.1)
        put(w.borrowers[0], orders=1)
        assert fail_lenders(w.economy, w.p) == 1
        order = w.economy.orders[0]
        if channel:
            assert (order["holder"], order["commitment"], w.lenders["committed"][0]) == (-1, 0.0, 0.0)
            assert order["reserved"] == pytest.approx(0.4, rel=1e-12)
        else:
            assert (order["holder"], order["commitment"], w.lenders["committed"][0]) == (0, 0.5, 0.5)


def test_borrowers_keep_paying() -> None:
    # A loan of 1.0 over two years at 4 + 6 %: 0.10/52 of interest and a hundred-and-fourth of principal.
    w = World(neoclouds=1, banks=1)
    w.borrower(0, units={GPU: 100}, cash=10.0)
    w.loan(0, 0, 1.0, machine=GPU, units=100)
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    w.open()
    operate(w.economy, w.p)
    assert w.lenders["cash"][0] == pytest.approx(0.1 / 52 + 1.0 / 104, rel=1e-9)
    assert w.loans["status"][0] == LoanStatus.PERFORMING
    w.assert_books_close()


# Who is paid.


def test_whoever_holds_a_pledge_is_paid_first_pro_rata() -> None:
    # 3 of cash on 4 of back-leverage and 2 of the facility: a half of each; the others wait.
    w = failed(5.0, cash=3.0, repo=4.0, facility=2.0, funding=3.0, guaranteed=1.0)
    left = after(w)
    assert left == pytest.approx(
        {"cash": 0.0, "repo": 2.0, "facility": 1.0, "funding": 3.0, "guaranteed": 1.0, "owed": 0.0}, abs=1e-12
    )
    assert w.economy.flows[Flow.REPO, Sector.REST_OF_WORLD] == pytest.approx(2.0, rel=1e-12)
    assert w.economy.world["cash"][AUTHORITY] == pytest.approx(1.0, rel=1e-12)
    assert w.repo["room"] == pytest.approx(2.0, rel=1e-12)  # what is repaid can be lent again
    assert w.lenders["status"][1] == LenderStatus.RECEIVERSHIP


def test_what_is_left_goes_to_all_others_alike() -> None:
    # 3 pay 1 of back-leverage; 2 remain for 3 of deposits and 1 of the guarantor: a half of each.
    w = failed(5.0, cash=3.0, repo=1.0, funding=3.0, guaranteed=1.0)
    left = after(w)
    assert (left["repo"], left["funding"], left["guaranteed"]) == pytest.approx((0.0, 1.5, 0.5), abs=1e-12)
    assert w.economy.world["cash"][[REST, GUARANTOR]].tolist() == pytest.approx([1.0 + 1.5, 0.5], rel=1e-12)


def test_other_lenders_are_among_them() -> None:
    # 2 for 3 of deposits and 1 owed to the bank, which carries its claim at nothing: a gain of a half.
    w = World(neoclouds=1, banks=1, private_credit=1, claims={(0, 1): 1.0})
    w.loan(0, 1, 5.0)
    w.lender(1, status=LenderStatus.RECEIVERSHIP, cash=2.0, funding=3.0)
    w.lender(0, cash=1.0, claims=0.0)
    w.outcomes["interlender_loss_musd"] = 1.0
    w.open()
    left = after(w)
    assert (left["funding"], left["owed"]) == pytest.approx((1.5, 0.5), rel=1e-12)
    assert (w.lenders["cash"][0], w.lenders["claims"][0]) == (pytest.approx(1.5, rel=1e-12), 0.0)
    assert w.economy.claim_face[0] == pytest.approx(0.5, rel=1e-12)
    assert w.economy.revaluations[Revaluation.INTERLENDER_LOSSES, Sector.LENDERS] == pytest.approx(0.5)
    assert w.outcomes["interlender_loss_musd"] == pytest.approx(0.5, rel=1e-12)


def test_an_estate_that_is_overdrawn_borrows_from_its_manager() -> None:
    # Storage and removal of its machines are paid whatever the cash: term debt like any other.
    left = after(failed(5.0, cash=-0.3, repo=1.0))
    assert (left["cash"], left["funding"], left["repo"]) == pytest.approx((0.0, 0.3, 1.0), abs=1e-12)


# The end.


def test_what_stays_unpaid_is_written_off_where_it_was_lent() -> None:
    w = failed(cash=1.0, repo=3.0, facility=1.0, funding=2.0, guaranteed=0.5)
    left = after(w)
    assert set(left.values()) == {0.0}
    losses = w.economy.revaluations[Revaluation.LENDER_WRITE_OFFS]
    # a quarter of the secured debts was paid
    assert losses[Sector.REST_OF_WORLD] == pytest.approx(-(2.25 + 2.0), rel=1e-12)
    assert losses[Sector.AUTHORITY] == pytest.approx(-0.75, rel=1e-12)
    assert losses[Sector.GUARANTOR] == pytest.approx(-0.5, rel=1e-12)
    assert losses[Sector.LENDERS] == pytest.approx(5.5, rel=1e-12)
    assert w.outcomes["authority_loss_musd"] == pytest.approx(0.75, rel=1e-12)
    assert lender_equity(w.lenders[1]) == 0.0
    assert w.lenders["status"][1] == LenderStatus.CLOSED
    (event,) = w.events(EventKind.LENDER_CLOSED)
    assert (event["agent"], event["parent"]) == (1, TRIGGER)
    assert event["amount"] == pytest.approx(5.5, rel=1e-12)


def test_claims_of_other_lenders_end_with_it() -> None:
    w = World(neoclouds=1, banks=1, private_credit=1, claims={(0, 1): 1.0})
    w.lender(1, status=LenderStatus.RECEIVERSHIP)
    w.lender(0, claims=0.0)  # written down when it failed
    w.open()
    assert after(w)["owed"] == 0.0
    assert w.economy.claim_face[0] == 0.0
    assert w.economy.revaluations[Revaluation.LENDER_WRITE_OFFS, Sector.LENDERS] == pytest.approx(1.0)
    assert w.lenders["income"].tolist() == pytest.approx([0.0, 1.0])  # the bank lost it long ago


def test_a_surplus_is_the_owners() -> None:
    w = failed(cash=5.0, repo=3.0)
    assert after(w)["cash"] == 0.0
    assert w.lenders["distributions"][1] == pytest.approx(2.0, rel=1e-12)
    assert w.economy.flows[Flow.DISTRIBUTIONS, Sector.REST_OF_WORLD] == pytest.approx(2.0, rel=1e-12)
    w.clock["week"] = 1
    before = w.lenders[1].copy()
    manage_lender(w.economy, w.p, 1)  # nothing happens to it any more
    assert w.lenders[1] == before


@pytest.mark.parametrize("kept", ["loans", "machines"])
def test_it_is_not_over_while_anything_may_come_in(kept: str) -> None:
    w = failed(5.0 * (kept == "loans"), cash=1.0, repo=3.0)
    w.lenders["units"][1, GPU] = kept == "machines"
    run_off(w.economy, w.p, 1)
    assert w.lenders["status"][1] == LenderStatus.RECEIVERSHIP
    assert w.lenders["repo"][1] == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize("cash", [2.0, 0.25])
def test_what_live_lenders_owe_is_called_in_when_nothing_else_is_left(cash: float) -> None:
    """The fund has lent 1 to a bank that lives: its creditors get that."""
    w = World(neoclouds=1, banks=1, private_credit=1, claims={(1, 0): 1.0}, lenders_cash_share=(0, 0, 0))
    w.loan(0, 0, 8.0)
    w.lender(0, cash=cash, funding=cash)
    w.lender(1, status=LenderStatus.RECEIVERSHIP, repo=3.0)
    w.open()
    run_off(w.economy, w.p, 1)
    w.assert_books_close()
    assert (w.lenders["status"][1], w.lenders["claims"][1]) == (LenderStatus.CLOSED, 0.0)
    assert w.lenders["owed"][0] == w.economy.claim_face[0] == 0.0
    assert w.lenders["cash"][0] == max(0.0, cash - 1.0)
    assert w.lenders["funding"][0] == cash + max(0.0, 1.0 - cash)  # what it lacks comes from depositors
    assert w.economy.revaluations[Revaluation.LENDER_WRITE_OFFS, Sector.REST_OF_WORLD] == -2.0
    manage_lenders(w.economy, w.p)
    assert w.lenders["cash"][1] == 0.0  # and no interest comes in any more


def test_a_lender_in_receivership_pays_no_interest_and_nothing_out() -> None:
    w = failed(5.0, repo=3.0, funding=5.0, week_interest=1.0)
    manage_lenders(w.economy, w.p)
    assert w.economy.flows[Flow.FUNDING_INTEREST].tolist() == [0.0] * len(Sector)
    assert w.lenders["distributions"][1] == 0.0
    assert (w.lenders["repo"][1], w.lenders["funding"][1]) == (3.0, 5.0)


def test_with_the_channel_off_nothing_is_closed() -> None:
    w = failed(cash=1.0, repo=3.0)
    w.p["channels_lender_credit"] = 0
    assert after(w)["repo"] == pytest.approx(2.0, rel=1e-12)
    assert w.lenders["status"][1] == LenderStatus.RECEIVERSHIP
    assert w.events(EventKind.LENDER_CLOSED) == []


# Loans that change hands. Costs of capital 6 % and a lender's own spread, hazard 0.1 of what it would lose.

SPREADS = (0.04, 0.02, 0.0)


def auction(room: tuple[float, ...] = (10.0, 10.0, 10.0), **numbers) -> World:
    """A failed fund and three banks; a borrower that knows the first two of them and the fund.

    The loan of 1.0 over two years at 4 + 6 % is secured by 50 GPUs that fetch 0.75 * 0.020 each: 0.75.
    """
    links = [(0, 0), (0, 1), (0, 3)]
    w = World(
        neoclouds=1,
        banks=3,
        private_credit=1,
        credit=links,
        interlender_receivership=Receivership.AUCTION,
        **numbers,
    )
    w.borrower(0, units={GPU: 50})
    w.loan(0, 3, 1.0, machine=GPU, units=50, maturity_week=104)
    for index in range(3):
        w.lender(index, cash=0.1 * room[index], cost_of_capital=SPREADS[index])  # target: a tenth
    w.lender(3, status=LenderStatus.RECEIVERSHIP, repo=1.5, trigger=TRIGGER)
    w.open()
    return w


def worth(spread: float) -> float:
    """Two years of level principal at 10 %, discounted at 6 % + spread + 0.1 (1 - 0.75)."""
    return min(1.0, present_value(1.0, 0.10, 0.06 + spread + 0.1 * 0.25, 2.0, 0.0))


def test_a_loan_is_worth_its_payments_at_the_buyers_rate() -> None:
    w = auction()
    for index, spread in enumerate(SPREADS):
        assert worth_to(w.economy, w.p, 0, w.lenders[index]) == pytest.approx(worth(spread), rel=1e-12)
    assert worth(0.04) < worth(0.02) < 1.0
    # never more than its face, and unsecured ones by experience: 0.6 comes back
    w.loans["rate"][0] = 0.5
    assert worth_to(w.economy, w.p, 0, w.lenders[0]) == 1.0
    put(w.loans[0], rate=0.06, machine=-1, units=0, instrument=Instrument.HIGH_YIELD, fixed_rate=1)
    expected = present_value(1.0, 0.06, 0.06 + 0.04 + 0.1 * 0.4, 2.0, 0.0)
    assert worth_to(w.economy, w.p, 0, w.lenders[0]) == pytest.approx(expected, rel=1e-12)


def test_it_goes_to_the_linked_lender_that_values_it_most() -> None:
    w = auction()
    left = after(w, 3)
    price = worth(0.02)
    assert w.loans["holder"][0] == 1  # the third bank would pay more, but does not know the borrower
    # it had 1.0 of cash and pays out of it
    assert w.lenders["cash"][1] == pytest.approx(1.0 - price, abs=1e-12)
    assert w.lenders["loans"][:, 0].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert left["cash"] == left["repo"] == 0.0  # closed: the loan was all it had
    losses = w.economy.revaluations
    assert losses[Revaluation.LENDER_WRITE_OFFS, Sector.REST_OF_WORLD] == pytest.approx(-(1.5 - price))
    assert losses[Revaluation.LOAN_SALES, Sector.LENDERS] == pytest.approx(0.0, abs=1e-15)
    assert w.lenders["income"][1] == pytest.approx(1.0 - price, abs=1e-12)
    assert w.outcomes["loans_sold_musd"] == 1.0
    (event,) = w.events(EventKind.LOAN_SALE)
    assert (event["agent"], event["counterparty"], event["parent"]) == (3, 1, TRIGGER)
    assert (event["amount"], event["price"]) == pytest.approx((1.0, price), rel=1e-12)


def test_who_has_no_room_is_passed_over() -> None:
    w = auction(room=(10.0, 0.9, 10.0))
    assert best_buyer(w.economy, w.p, 0) == (0, pytest.approx(worth(0.04), rel=1e-12))
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    assert best_buyer(w.economy, w.p, 0) == (-1, 0.0)
    after(w, 3)
    assert (w.loans["holder"][0], w.lenders["status"][3]) == (3, LenderStatus.RECEIVERSHIP)


def test_a_buyer_short_of_cash_funds_it() -> None:
    w = auction(room=(0.0, 10.0, 0.0))
    w.lender(1, cash=0.2, capital_target=0.0)  # no target: room for anything
    w.open()
    after(w, 3)
    assert w.loans["holder"][0] == 1
    assert w.lenders["cash"][1] == pytest.approx(0.0, abs=1e-12)
    assert w.lenders["funding"][1] == pytest.approx(worth(0.02) - 0.2, rel=1e-9)


def test_loans_in_default_are_not_sold() -> None:
    w = auction()
    w.in_resolution(0, default_week=0, release_week=9)
    w.loans["status"][0] = LoanStatus.DEFAULTED
    sell_loans(w.economy, w.p, 3, 9.0, Channel.LENDER_CREDIT)
    assert w.loans["holder"][0] == 3


def test_a_run_off_sells_nothing() -> None:
    for numbers in ({"interlender_receivership": 0}, {"channels_lender_credit": 0}):
        w = auction()
        put(w.p, **numbers)
        after(w, 3)
        assert (w.loans["holder"][0], w.outcomes["loans_sold_musd"]) == (3, 0.0)


def test_no_more_is_sold_than_is_needed() -> None:
    w = auction()
    w.loan(0, 3, 1.0, machine=GPU, units=0)
    sell_loans(w.economy, w.p, 3, 0.5, Channel.REPO)
    assert w.loans["holder"][:2].tolist() == [1, 3]
    assert w.events(EventKind.LOAN_SALE)[0]["channel"] == Channel.REPO
