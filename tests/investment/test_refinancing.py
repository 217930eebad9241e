"""Top-ups by hand: on which facility, by whom, how much, whether it pays, and what is written."""

import pytest
from planning import OFFER, OWN, bought, world
from worlds import GPU, NEW_GPU, World

from hashcredit.agents.dimensions import LenderStatus, LoanStatus
from hashcredit.agents.lender import present_value
from hashcredit.simulator.investment.refinancing import best_top_up, top_up, top_up_gain
from hashcredit.simulator.lenders.funding import capacity_of
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

OWED = 0.2
"""M$ left of a loan on 50 of the neo-cloud's 55 GPUs at 0.020, of which its bank lends a half: 0.5."""
MATURITY = 50
"""38 weeks from the week of the plan."""


def amortised(units: int = 50, owed: float = OWED, cash: float = 0.0, **numbers) -> World:
    """The planner of `planning` without cash, whose old machines carry more than it owes on them."""
    w = world(cash=cash, **({"credit_top_up": 1} | numbers))
    w.loan(0, 0, owed, machine=GPU, units=units, maturity_week=MATURITY)
    w.open()
    return w


def best(w: World) -> tuple[int, int, float]:
    return best_top_up(w.economy, w.p, 0)


# How much, and by whom.


def test_machines_carry_more_than_is_owed_on_them() -> None:
    assert best(amortised()) == (0, 0, pytest.approx(0.3, rel=1e-12))
    assert best(amortised(credit_top_up=0)) == (-1, -1, 0.0)
    assert best(amortised(owed=0.5 + 1e-9)) == (-1, -1, 0.0)


def test_cover_limits_it_as_it_limits_any_loan() -> None:
    """0.0055 less 0.003 covers 1.2 times 0.003858 of a loan over two years at 4 + 4 %."""
    w = amortised(owed=0.1)
    w.machine(GPU, earning=0.0055)
    assert best(w)[2] == pytest.approx(50 * 0.0025 / (1.2 * 0.54) - 0.1, rel=1e-10)


def test_the_facility_and_the_lender_that_bring_most() -> None:
    w = amortised(units=20, owed=0.1, banks=3)
    w.loan(0, 1, 0.1, machine=GPU, units=30, maturity_week=MATURITY)
    w.lender(1, cash=10.0, advance_rate=0.4)
    w.lender(2, cash=10.0, advance_rate=0.45)
    w.open()
    assert best(w) == (1, 0, pytest.approx(0.2, rel=1e-12))  # a half of 0.6 less 0.1
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    assert best(w) == (1, 2, pytest.approx(0.45 * 0.6 - 0.1, rel=1e-12))
    w.loans["amortising"][1] = 0  # a sweep
    assert best(w) == (0, 2, pytest.approx(0.45 * 0.4 - 0.1, rel=1e-12))


@pytest.mark.parametrize(("room", "money"), [(0.35, 0.15), (0.2, 0.0), (0.9, 0.3)])
def test_another_lender_has_to_carry_the_whole_loan(room: float, money: float) -> None:
    w = amortised(banks=2)
    w.lender(0, status=LenderStatus.RECEIVERSHIP)
    w.lender(1, cash=0.1 * room)  # ten times its equity
    w.open()
    assert best(w)[2] == pytest.approx(money, rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(("room", "money"), [(0.15, 0.15), (-0.1, 0.0), (0.9, 0.3)])
def test_its_holder_only_the_new_money(room: float, money: float) -> None:
    w = amortised()
    w.lender(0, cash=0.1 * (room + OWED) - OWED)
    w.open()
    assert best(w)[2] == pytest.approx(money, rel=1e-10, abs=1e-15)


# Whether it pays.


def test_gain_by_hand() -> None:
    """At 6 + 14 %: 0.2 for 38 weeks at 4 + 6 % is not paid any more, 0.5 over two years at 4 + 4 % is."""
    w = amortised()
    old = present_value(OWED, 0.10, 0.20, 38 / 52, 0.0)
    new = present_value(0.5, 0.08, 0.20, 2.0, 0.0)
    assert top_up_gain(w.economy, w.p, 0, 0, 0.3) == pytest.approx(0.3 + old - new, rel=1e-12)
    w.p["credit_balloon_share"] = 0.4
    new = present_value(0.5, 0.08, 0.20, 2.0, 0.2)
    assert top_up_gain(w.economy, w.p, 0, 0, 0.3) == pytest.approx(0.3 + old - new, rel=1e-12)


def test_a_plan_without_means_tops_up_by_what_it_lacks() -> None:
    """Eleven machines, as many as slots allow, take 11 x 0.023 beside their own loan, of 0.3 offered."""
    w = amortised()
    assert bought(w) == 11
    money = 11 * OWN
    assert w.loans["principal"][:2].tolist() == pytest.approx([OWED + money, 11 * OFFER], rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(5 * 0.001, rel=1e-9)  # five slots are there already
    assert w.outcomes["new_lending_musd"] == pytest.approx(money + 11 * OFFER, rel=1e-12)
    (event,) = w.events(EventKind.REFINANCING)
    assert (event["agent"], event["counterparty"], event["units"]) == (0, 0, 50)
    assert event["amount"] == pytest.approx(money, rel=1e-12)
    w.assert_books_close()


def test_a_plan_with_means_leaves_its_loans_alone() -> None:
    for numbers in ({"credit_top_up": 0}, {"cash": 1.0}):
        w = amortised(**numbers)
        assert bought(w) == (11 if "cash" in numbers else 0)
        assert w.loans["principal"][0] == OWED
        assert w.events(EventKind.REFINANCING) == []


@pytest.mark.parametrize("cheap", [False, True])
def test_a_cheap_old_loan_is_not_given_up_for_a_small_gain(cheap: bool) -> None:
    """Machines worth 0.046 gain five free slots about 0.025, at a discount of 8 % and a loan at 4 + 10 %.

    A loan of 0.2 for 19 years without interest is worth about 0.1 less than its face.
    """
    w = amortised()
    w.value(NEW_GPU, 0.046)
    w.borrower(0, grade=3, cost_of_capital=0.02)
    if cheap:
        w.loans["rate"][0] = -0.04
        w.loans["maturity_week"][0] = 1000
    w.open()
    assert bought(w) == (0 if cheap else 5)
    assert len(w.events(EventKind.REFINANCING)) == (0 if cheap else 1)


def test_shares_pay_what_a_top_up_does_not() -> None:
    """Of 0.138 for six machines 0.1 comes from the machines that are there, 0.038 from shares."""
    w = amortised(units=20, owed=0.1)
    w.borrower(0, listed=1, issued_week=-100)
    w.open()
    assert bought(w) == 6
    (event,) = w.events(EventKind.REFINANCING)
    assert event["amount"] == pytest.approx(0.1, rel=1e-12)
    assert w.outcomes["equity_raised_musd"] == pytest.approx(6 * OWN - 0.1, rel=1e-9)
    w.assert_books_close()


def test_a_lender_does_not_lend_the_same_room_twice() -> None:
    """Room for 0.2, which may all go into the top-up: so four machines are ordered, at 0.041, without a loan.

    They take 0.164 of it. On arrival the bank is asked anew, and lends what is left.
    """
    w = amortised()
    w.lender(0, capital_target=10.2 / 0.4)
    w.open()
    assert bought(w) == 4
    assert w.loans["principal"][:2].tolist() == pytest.approx([OWED + 4 * 0.041, 0.2 - 4 * 0.041], rel=1e-9)
    assert w.lenders["committed"][0] == 0.0
    assert capacity_of(w.economy, w.p, w.lenders[0]) == pytest.approx(0.0, abs=1e-12)


def test_who_is_behind_or_in_breach_is_not_refinanced() -> None:
    for trouble in ("weeks_overdue", "weeks_over_base", "weeks_under_dscr"):
        w = amortised()
        w.loans[trouble][0] = 1
        assert bought(w) == 0


# What is written.


def test_a_top_up_repays_the_old_loan_to_the_cent() -> None:
    """Another bank pays 0.5: 0.2 to the old one, 0.3 to the borrower. Machines and contract stay."""
    w = amortised(banks=2, credit_balloon_share=0.4)
    w.lender(1, cash=10.0)
    w.contract(0, GPU, 30, loan=0, customer_grade=2, rent=0.02, end_week=60)
    clauses = {"borrowing_base": 1, "recourse": 0, "cross_default": 1}
    for name, value in clauses.items():
        w.loans[name][0] = value
    w.loans["customer_grade"][0] = 0
    w.open()
    top_up(w.economy, w.p, 0, 1, 0.3)
    loan = w.loans[0]
    assert (loan["status"], loan["holder"], loan["principal"]) == (LoanStatus.PERFORMING, 1, 0.5)
    assert (loan["machine"], loan["units"], loan["balloon"]) == (GPU, 50, 0.4 * 0.5)
    assert {name: loan[name] for name in clauses} == clauses
    assert (loan["advance_rate"], loan["maturity_week"]) == (0.5, 12 + 104)
    assert (loan["customer_grade"], loan["rate"], loan["fixed_rate"]) == (2, 0.06, 0)  # the worst behind it
    assert w.contracts["loan"][0] == 0
    assert w.lenders["cash"].tolist() == [10.0 + OWED, 10.0 - 0.5]
    assert w.lenders["loans"].sum(axis=1).tolist() == [0.0, 0.5]
    assert w.borrowers["cash"][0] == pytest.approx(0.3, rel=1e-15)
    assert w.borrowers["debt"][0].sum() == 0.5
    flows = w.economy.flows
    assert flows[Flow.LOAN_DRAWDOWNS, Sector.NEOCLOUDS] == 0.5
    assert flows[Flow.LOAN_REPAYMENTS, Sector.LENDERS] == OWED
    assert w.outcomes["new_lending_musd"] == 0.3
    w.assert_books_close()


def test_its_holder_funds_only_the_new_money() -> None:
    w = amortised(private_credit=1, banks=0)
    w.lender(0, cash=0.25)
    w.open()
    top_up(w.economy, w.p, 0, 0, 0.3)
    assert w.lenders["repo"][0] == pytest.approx(0.05, rel=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(0.0, abs=1e-15)
    w.assert_books_close()
