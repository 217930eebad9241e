"""Lenders' and outsiders' own accounts: write-downs, funding, distributions, failure, fresh money, slots."""

import pytest
from worlds import GPU, NEW_GPU, World, put

from hashcredit.agents.dimensions import Instrument, LenderStatus, LoanStatus
from hashcredit.simulator.books.ledger import lender_equity, lending_equity, post_principal, write_off
from hashcredit.simulator.books.loans import repay
from hashcredit.simulator.lenders.capital import write_down_loans
from hashcredit.simulator.lenders.funding import capacity_of
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.week.rounds import manage_capital

WORLD = Sector.REST_OF_WORLD


# Write-downs.


def claim(principal: float, **fields) -> World:
    """A claim on a borrower in resolution; its bank carries it with enough cash to live."""
    w = World(neoclouds=1, banks=1)
    w.in_resolution(0, default_week=0, release_week=9, units={GPU: 20})
    w.loan(0, 0, principal, status=LoanStatus.DEFAULTED, **fields)
    w.lender(0, cash=5.0)
    w.open()
    write_down_loans(w.economy, w.p)
    return w


def test_allowance_is_what_collateral_will_not_fetch() -> None:
    # 10 pledged and 6 seized GPUs at 0.75 * 0.020: 0.24 of a claim of 0.5
    w = claim(0.5, machine=GPU, units=10, seized=6)
    assert w.loans["allowance"][0] == pytest.approx(0.26, rel=1e-12)
    assert w.lenders["allowance"][0] == pytest.approx(0.26, rel=1e-12)
    assert w.lenders["income"][0] == pytest.approx(-0.26, rel=1e-12)
    w.assert_books_close()
    w.machine(GPU, appraisal=0.025)  # expects 0.3: a part is written back
    write_down_loans(w.economy, w.p)
    assert w.lenders["allowance"][0] == pytest.approx(0.2, rel=1e-12)
    assert w.economy.revaluations[Revaluation.WRITE_DOWNS, Sector.LENDERS] == pytest.approx(-0.2, rel=1e-12)
    w.assert_books_close()


def test_allowance_is_never_negative() -> None:
    assert claim(0.1, machine=GPU, units=10).loans["allowance"][0] == 0.0


def test_unsecured_claims_are_judged_by_experience() -> None:
    w = claim(0.5, instrument=Instrument.HIGH_YIELD)
    assert w.loans["allowance"][0] == pytest.approx(0.5 * (1 - 0.6), rel=1e-12)
    w = claim(0.5, machine=GPU)  # all collateral sold
    assert w.loans["allowance"][0] == pytest.approx(0.2, rel=1e-12)


def test_performing_loans_are_not_written_down() -> None:
    w = World(neoclouds=1, banks=1)
    w.loan(0, 0, 1.0, machine=GPU, units=1)
    write_down_loans(w.economy, w.p)
    assert w.lenders["allowance"][0] == 0.0


def test_write_off_uses_the_allowance_up() -> None:
    w = claim(0.5, machine=GPU, units=10)  # allowance 0.35
    write_off(w.economy, w.loans[0], w.borrowers[0], w.lenders[0])
    assert (w.loans["principal"][0], w.lenders["allowance"][0]) == (0.0, 0.0)
    assert w.lenders["loans"][0].sum() == 0.0
    assert w.borrowers["debt"][0].sum() == 0.0
    # 0.35 was lost before, the rest now; the borrower gains what is forgiven
    assert w.lenders["income"][0] == pytest.approx(-0.5, rel=1e-12)
    assert w.borrowers["income"][0] == pytest.approx(0.5, rel=1e-12)
    w.assert_books_close()


# A lender's week.


def lender(cash: float, loans: float, funding: float, interest: float = 0.0, **numbers) -> World:
    """A bank that keeps a tenth of its loans in cash, pays out half of what it earns, needs 10 % equity."""
    w = World(**({"neoclouds": 1, "banks": 1} | numbers))
    w.loan(0, 0, loans)
    w.lender(0, cash=cash, funding=funding, week_interest=interest)
    w.open()
    return w


def test_week_of_a_lender_by_hand() -> None:
    """Loans 10, cash 1.2, funding 5.2 at 4 %: a cost of 0.004; interest of 0.024 leaves 0.02, half paid out.

    Cash 1.2 - 0.004 - 0.01 = 1.186 exceeds a tenth of loans by 0.186, which repays funding.
    """
    w = lender(1.2, 10.0, 5.2, 0.024)
    manage_capital(w.economy, w.p)
    assert w.economy.flows[Flow.FUNDING_INTEREST, WORLD] == pytest.approx(0.004, rel=1e-12)
    assert w.lenders["distributions"][0] == pytest.approx(0.01, rel=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(1.0, rel=1e-12)
    assert w.lenders["funding"][0] == pytest.approx(5.2 - 0.186, rel=1e-12)
    assert w.lenders["week_interest"][0] == 0.0
    w.assert_books_close()


def test_short_cash_is_funded() -> None:
    w = lender(0.3, 10.0, 5.2)
    manage_capital(w.economy, w.p)
    assert w.lenders["cash"][0] == pytest.approx(1.0, rel=1e-12)
    assert w.lenders["funding"][0] == pytest.approx(5.2 + 0.7 + 0.004, rel=1e-12)
    w.assert_books_close()


def test_no_more_funding_is_repaid_than_there_is() -> None:
    w = lender(4.0, 10.0, 0.52)
    manage_capital(w.economy, w.p)
    assert w.lenders["funding"][0] == pytest.approx(0.0, abs=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(4.0 - 0.52 - 0.52 * 0.04 / 52, rel=1e-12)
    manage_capital(w.economy, w.p)  # nothing left to repay
    assert w.lenders["cash"][0] == pytest.approx(4.0 - 0.5204, rel=1e-12)
    w.assert_books_close()


def test_depositors_take_the_policy_rate_and_others_the_cost_of_capital() -> None:
    w = World(neoclouds=1, banks=1, private_credit=1, bond_funds=1)
    w.lenders["funding"] = 5.2
    w.lenders["cash"] = 9.0
    w.open()
    manage_capital(w.economy, w.p)
    # 5.2 / 52 at 4 % and at 6 %
    assert w.lenders["income"].tolist() == pytest.approx([-0.004, -0.006, -0.006], rel=1e-12)


@pytest.mark.parametrize(
    ("equity", "interest", "paid"),
    [(1.001, 0.024, 0.01), (0.999, 0.024, 0.0), (3.0, 0.003, 0.0)],  # target 1.0; a loss pays nothing
)
def test_distributions_need_capital_and_earnings(equity: float, interest: float, paid: float) -> None:
    # Cash plays with the funding cost of 0.004: equity is tested after it.
    w = lender(equity + 0.004 - 10.0 + 5.2, 10.0, 5.2, interest)
    w.lenders["cash"][0] += 50.0  # so that cash never limits it
    w.lenders["allowance"][0] += 50.0
    manage_capital(w.economy, w.p)
    assert w.lenders["distributions"][0] == pytest.approx(paid, abs=1e-12)


def test_no_distribution_without_cash() -> None:
    w = lender(0.008, 10.0, 5.2, 0.024)
    manage_capital(w.economy, w.p)
    assert w.lenders["distributions"][0] == pytest.approx(0.004, rel=1e-12)  # what the funding cost left


def test_lender_fails_when_its_equity_is_gone() -> None:
    # Equity 10 + 1 - 10.5 = 0.5 less allowances and a funding cost of 10.5 * 0.04 / 52
    w = lender(1.0, 10.0, 10.5)
    w.clock["week"] = 7
    w.lender(0, allowance=0.49)
    manage_capital(w.economy, w.p)
    assert w.lenders["status"][0] == LenderStatus.ALIVE
    assert w.lenders["failure_week"][0] == -1
    w.lender(0, allowance=0.499)
    manage_capital(w.economy, w.p)
    assert w.lenders["status"][0] == LenderStatus.RECEIVERSHIP
    assert (w.lenders["failure_week"][0], w.outcomes["lender_failures"]) == (7, 1)
    (event,) = w.events(EventKind.LENDER_FAILURE)
    assert event["amount"] == pytest.approx(lender_equity(w.lenders[0]), rel=1e-12)
    manage_capital(w.economy, w.p)  # it fails once
    assert w.outcomes["lender_failures"] == 1


def test_lender_in_receivership_pays_nothing_out() -> None:
    w = lender(5.0, 10.0, 5.2, 0.024, banks=1)
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    manage_capital(w.economy, w.p)
    assert w.lenders["distributions"][0] == 0.0


# What losses cost a lender, and what it would have without them.


def twins(kind: str, **numbers) -> World:
    """Two lenders alike, each with a loan of 2.0 to keep and one of 1.0; cash of 0.5, debts of 1.5."""
    w = World(neoclouds=2, **{kind: 2}, **numbers)
    put(w.repo, haircut=0.2, opening_haircut=0.2, room=1e6)
    for index in range(2):
        w.loan(index, index, 2.0)
        w.loan(index, index, 1.0)
        w.borrower(index, cash=1.0)
        debt = "repo" if kind == "private_credit" else "funding"
        w.lender(index, cash=0.5, capital_target=0.2, **{debt: 1.5})
    w.open()
    return w


LOST, PAID = 1, 13
"""Rows of the second loan of each borrower."""


@pytest.mark.parametrize("kind", ["banks", "private_credit"])
@pytest.mark.parametrize("repo", [0, 1])
def test_without_the_channel_a_loss_is_as_good_as_a_repayment(kind: str, repo: int) -> None:
    """One loan is repaid, its twin is lost: with `lender_credit` off both lenders can lend as much.

    By funding too, but for a fund while calls are on: what it can borrow is what it has.
    """
    w = twins(kind, channels_lender_credit=0, channels_repo=repo)
    repay(w.economy, w.loans[PAID], w.borrowers[1], w.lenders[1], 1.0)
    w.loans["status"][LOST] = LoanStatus.DEFAULTED
    w.in_resolution(0, default_week=0, release_week=9)
    write_down_loans(w.economy, w.p)
    assert w.lenders["losses"][0] == pytest.approx(0.4, rel=1e-12)
    assert lending_equity(w.p, w.lenders[0]) == pytest.approx(lender_equity(w.lenders[1]), rel=1e-12)
    write_off(w.economy, w.loans[LOST], w.borrowers[0], w.lenders[0])
    assert w.lenders["losses"].tolist() == pytest.approx([1.0, 0.0], rel=1e-12)
    hurt, sound = (capacity_of(w.economy, w.p, row) for row in w.lenders)
    if kind == "banks":
        assert sound == pytest.approx(2.0 / 0.2 - 2.0, rel=1e-12)
    else:  # cash of 1.5 less 0.2, and 1.6 that loans of 2.0 carry less 1.5 drawn, at a fifth
        assert sound == pytest.approx((1.3 + 0.1) / 0.2, rel=1e-12)
    if kind == "private_credit" and repo:
        assert hurt == pytest.approx(sound - 1.0 / 0.2, rel=1e-12)
    else:
        assert hurt == pytest.approx(sound, rel=1e-12)
    w.p["channels_lender_credit"] = 1
    assert capacity_of(w.economy, w.p, w.lenders[0]) == pytest.approx(sound - 1.0 / 0.2, rel=1e-12)


def test_what_comes_back_is_no_loss_any_more() -> None:
    w = claim(0.5, machine=GPU, units=10, seized=6)
    w.machine(GPU, appraisal=0.025)
    write_down_loans(w.economy, w.p)
    assert w.lenders["losses"][0] == pytest.approx(0.2, rel=1e-12)
    post_principal(w.loans[0], w.borrowers[0], w.lenders[0], -0.45)  # that much is recovered
    write_off(w.economy, w.loans[0], w.borrowers[0], w.lenders[0])
    assert w.lenders["losses"][0] == pytest.approx(0.05, rel=1e-12)


@pytest.mark.parametrize(("channel", "paid"), [(1, 0.0), (0, 0.01)])
def test_payouts_are_judged_by_the_same_equity(channel: int, paid: float) -> None:
    # As in the week by hand, but equity of 0.8 under a target of 1.0; it has lost 0.3.
    w = lender(1.204, 10.0, 10.4)
    w.p["channels_lender_credit"] = channel
    w.lender(0, losses=0.3, week_interest=0.02 + 10.4 * 0.04 / 52)
    w.open()
    manage_capital(w.economy, w.p)
    assert w.lenders["distributions"][0] == pytest.approx(paid, abs=1e-12)


# Outsiders.


def test_spent_cash_comes_back_with_a_lag() -> None:
    # A fiftieth of the gap a week: after n weeks 0.98^n of it is left.
    w = World(neoclouds=1, banks=1, operators=1)
    w.buyer(0, cash=4.0, cash_target=10.0)
    w.open()
    for _ in range(30):
        manage_capital(w.economy, w.p)
    assert w.buyers["cash"][0] == pytest.approx(10.0 - 6.0 * 0.98**30, rel=1e-12)
    assert w.buyers["issuance"][0] == pytest.approx(6.0 * (1 - 0.98**30), rel=1e-12)
    assert w.economy.flows[Flow.EQUITY_INJECTIONS, WORLD] == pytest.approx(-6.0 * (1 - 0.98**30), rel=1e-12)
    w.assert_books_close()


def test_excess_cash_is_distributed_at_once() -> None:
    w = World(neoclouds=1, banks=1, operators=1)
    w.buyer(0, cash=12.5, cash_target=10.0)
    w.open()
    manage_capital(w.economy, w.p)
    assert (w.buyers["cash"][0], w.buyers["distributions"][0]) == (10.0, 2.5)
    w.assert_books_close()


def test_slots_are_rebuilt_at_a_finite_rate() -> None:
    # 30 slots in 100 weeks: 0.3 a week, the fraction is kept. 33 slots, 18 full: 15 free of 30 wanted.
    w = World(neoclouds=1, banks=1, operators=1)
    w.buyer(0, units={GPU: 10, NEW_GPU: 8}, slots=(0, 33, 0), slots_target=(0, 30, 0))
    w.open()
    built = []
    for _ in range(10):
        manage_capital(w.economy, w.p)
        built.append(int(w.buyers["slots"][0, 1]) - 33)
    assert built[:6] == [0, 0, 0, 1, 1, 1]  # 0.3, 0.6, 0.9, 1.2, 1.5, 1.8
    assert built[7] == 2  # 2.4
    assert w.market["slots_built"] == built[-1]
    w.assert_books_close()
    for _ in range(100):
        manage_capital(w.economy, w.p)
    assert w.buyers["slots"][0].tolist() == [0, 48, 0]  # 30 free again, and no more
    assert w.market["slots_built"] == 15
    w.assert_books_close()


def test_scrap_dealers_build_no_slots() -> None:
    w = World(neoclouds=1, banks=1, scrap_dealers=1)
    w.buyer(0, slots_target=(0, 30, 0))
    for _ in range(10):
        manage_capital(w.economy, w.p)
    assert w.buyers["slots"][0].sum() == 0
