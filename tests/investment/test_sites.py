"""Loans on the rack slots that an order adds: sizing, promise and draw by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ordering import ARRIVAL, DEPOSIT, PRICE, arrived, ordered, world
from worlds import GPU, NEW_GPU, World

from hashcredit.agents.dimensions import Cooling, Instrument, LoanStatus, MachineKind
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.books.orders import release_commitments
from hashcredit.simulator.investment.leases import review_borrower
from hashcredit.simulator.investment.plans import delay_of, see, weigh
from hashcredit.simulator.investment.sites import add_to_loan, draw_on_site, most_units, site_gain, site_offer
from hashcredit.simulator.lenders.underwriting import find_lender

CUSTOMER = 2
"""Grade of the only customers there are."""
SLOT = 0.010
OFFER = 0.5 * PRICE
"""Half of the price of a machine that is let."""
SITE = 0.8 * SLOT
RENT = 0.030 * (1 - math.exp(-0.1)) / 0.1
CASH_FLOW = (RENT + 0.020) / 2 - 0.003 - 0.001
"""A year of the contract and one on demand, less power and lease, M$ a year."""
MACHINE_SERVICE = OFFER * (1 / 2 + 0.5 * 0.10)
"""Two years, at 4 % and the customer's 6."""
SITE_SERVICE = 0.5 / 4 + 0.5 * 1.5 * 0.10
"""Of a loan of one: four years, and half of it is left then."""
LEFT = CASH_FLOW - 1.2 * MACHINE_SERVICE
"""What the machine's loan leaves at a cover of 1.2."""


def site_world(cash: float = 0.48, slot: float = SLOT, **numbers) -> World:
    """As `ordering.world`, with a customer who has signed and lenders who lend .8 of what a slot costs.

    Of .48 half is spent: .030 on a machine in one of the five free slots, .022 on one in a new slot.
    """
    terms = {"credit_site_advance": 0.8, "investment_search_weeks": 1e-3}
    w = world(cash, **(terms | {"costs_retrofit": (0.0001, slot, 0.003)} | numbers))
    w.machine(NEW_GPU, full_rent=0.030)
    w.market["term_pool"] = (0.0, 0.0, 80.0, 0.0)
    return w


def offered(w: World, rent: float = RENT, holder: int = 0) -> float:
    return site_offer(w.economy, w.p, 0, NEW_GPU, holder, CUSTOMER, rent, 0.0, OFFER)


# How much.


def test_the_offer_is_a_share_of_the_cost_of_the_slot() -> None:
    assert offered(site_world()) == pytest.approx(SITE, rel=1e-12)


def test_the_offer_is_no_more_than_the_rent_covers_after_the_loan_on_the_machine() -> None:
    # A dear slot: .8 of .050 is .040, of which .0295 are covered
    w = site_world(slot=0.050)
    assert LEFT / (1.2 * SITE_SERVICE) < 0.8 * 0.050
    assert offered(w) == pytest.approx(LEFT / (1.2 * SITE_SERVICE), rel=1e-10)


def test_nothing_is_left_where_cover_limits_the_loan_on_the_machine() -> None:
    w = site_world()
    w.machine(NEW_GPU, cost=0.003 + LEFT)
    assert offered(w) == 0.0


def test_nobody_lends_on_slots_without_a_customer_or_a_lender_or_while_it_is_off() -> None:
    assert offered(site_world(), rent=0.0) == 0.0
    assert offered(site_world(), holder=-1) == 0.0
    assert offered(site_world(credit_site_advance=0.0)) == 0.0


def test_a_site_loan_needs_a_row_beside_that_of_the_machines() -> None:
    w = site_world()
    for _ in range(10):
        w.loan(0, 0, 0.001)
    assert offered(w) > 0.0  # two are left
    row = w.loan(0, 0, 0.001)
    assert offered(w) == 0.0
    w.loans["instrument"][row] = Instrument.PROJECT_FINANCE
    w.loans["slots"][row], w.loans["slot_class"][row] = 1, Cooling.AIR
    w.borrowers["debt"][0][Instrument.PROJECT_FINANCE] = 0.001
    assert offered(w) > 0.0  # on the row that it has
    w.loans["slot_class"][row] = Cooling.LIQUID
    assert offered(w) == 0.0


def test_what_it_is_worth_to_the_borrower_by_hand() -> None:
    """A bullet of four years at 10 %, discounted at 20."""
    w = site_world(credit_site_balloon=1.0)
    paid = 0.10 * (1 - math.exp(-0.8)) / 0.2 + math.exp(-0.8)
    gain = site_gain(w.economy, w.p, w.borrowers[0], CUSTOMER, 2.0)
    assert gain == pytest.approx(2.0 * (1 - paid), rel=1e-12)


def test_an_order_is_worth_more_by_it_for_each_new_slot() -> None:
    # At .06 + .14 a year, 13 weeks before it arrives
    worth = {}
    for advance in (0.0, 0.8):
        w = site_world(credit_site_advance=advance)
        lender = find_lender(w.economy, w.p, 0, NEW_GPU, CUSTOMER, RENT, 0.0)
        delay = delay_of(w.economy, w.p, 0, MachineKind.GPU)
        prospect = see(w.economy, w.p, 0, NEW_GPU, delay)
        choice = weigh(w.economy, w.p, 0, prospect, CUSTOMER, RENT, 0.0, *lender, 9.0, False)
        worth[advance] = choice.worth
        assert (choice.units, choice.slots) == (11, 6 if advance else 0)  # as many as may be added
    gain = math.exp(-0.2 / 4) * 6 * site_gain(w.economy, w.p, w.borrowers[0], CUSTOMER, SITE)
    assert worth[0.8] - worth[0.0] == pytest.approx(gain, rel=1e-9)


CENTS = st.integers(1, 300)


@given(
    means=st.integers(0, 2000), each=CENTS, beyond=st.integers(-299, 300), free=st.integers(0, 12),
    units=st.integers(0, 20),
)  # fmt: skip
def test_most_units_are_the_most_that_fit(means, each, beyond, free, units) -> None:
    """Against trying every number; where new slots bring money they are all taken, if the first can be."""
    fits = [n for n in range(units + 1) if n * each + max(0, n - free) * beyond <= means]
    got = most_units(float(means), float(each), float(beyond), free, units)
    if each + beyond > 0:
        assert got in fits and max(fits) - got <= 0, (got, fits)
    elif means > free * each:
        assert got == units
    else:
        assert got == min(units, means // each)


@given(means=st.floats(0, 1e6), each=st.floats(1e-3, 10.0), free=st.integers(0, 50), units=st.integers(0, 99))
def test_without_a_site_loan_it_is_the_plain_ratio_bit_for_bit(means, each, free, units) -> None:
    assert most_units(means, each, 0.0, free, units) == int(min(float(units), means / each))


# Promise and draw.


def test_it_is_promised_with_the_order() -> None:
    """.24 pays five machines in free slots at .030 and four in new ones at .022."""
    w = site_world()
    assert ordered(w) == 9
    order = w.economy.orders[0]
    assert (order["site_slots"], order["grade"]) == (4, CUSTOMER)
    assert order["site_offer"] == pytest.approx(SITE, rel=1e-12)
    assert w.lenders["committed"][0] == pytest.approx(9 * OFFER + 4 * SITE, rel=1e-12)
    own = 9 * (PRICE + SLOT - OFFER) - 4 * SITE
    assert order["reserved"] == pytest.approx(own - 9 * DEPOSIT, rel=1e-12)
    w.assert_books_close()


def test_without_it_own_cash_pays_for_fewer_machines() -> None:
    w = site_world(cash=0.49, credit_site_advance=0.0)
    assert ordered(w) == 8  # .245 at .030
    assert w.economy.orders["site_slots"][0] == 0


def test_the_draw_by_hand() -> None:
    w = site_world()
    ordered(w)
    assert arrived(w) == 9
    borrower, lender = w.borrowers[0], w.lenders[0]
    machines, site = w.loans[0], w.loans[1]
    assert (site["status"], site["instrument"]) == (LoanStatus.PERFORMING, Instrument.PROJECT_FINANCE)
    assert (site["slots"], site["slot_class"], site["units"], site["machine"]) == (4, Cooling.AIR, 0, -1)
    assert site["principal"] == pytest.approx(4 * SITE, rel=1e-12)
    assert site["balloon"] == pytest.approx(2 * SITE, rel=1e-12)
    assert (site["maturity_week"], site["rate"]) == (ARRIVAL + 208, 0.06)
    assert (site["recourse"], site["dscr_covenant"]) == (1, 0.0)
    assert machines["principal"] == pytest.approx(9 * OFFER, rel=1e-12)
    assert borrower["slots"][Cooling.AIR] == 64
    assert borrower["cash"] == pytest.approx(0.48 + 9 * OFFER + 4 * SITE - 9 * PRICE - 4 * SLOT, rel=1e-12)
    assert lender["committed"] == 0.0
    assert lender["cash"] == pytest.approx(10.0 - 9 * OFFER - 4 * SITE, rel=1e-12)
    assert w.outcomes["site_loans_musd"] == pytest.approx(4 * SITE, rel=1e-12)
    assert w.outcomes["new_lending_musd"] == pytest.approx(9 * OFFER, rel=1e-12)
    w.assert_books_close()


def test_nothing_is_drawn_on_slots_that_are_there_by_then() -> None:
    w = site_world()
    ordered(w)
    w.borrowers["slots"][0, Cooling.AIR] += 3
    w.opening.borrowers["slots"][0, Cooling.AIR] += 3
    assert arrived(w) == 9
    assert w.loans["slots"][1] == 1
    assert w.loans["principal"][1] == pytest.approx(SITE, rel=1e-12)
    assert w.lenders["committed"][0] == 0.0
    w.assert_books_close()


def test_slots_that_cost_less_by_then_get_no_more_than_their_cost() -> None:
    w = site_world()
    ordered(w)
    w.p["costs_retrofit"] = (0.0001, 0.006, 0.003)
    arrived(w)
    assert w.loans["principal"][1] == pytest.approx(4 * 0.006, rel=1e-12)


def test_who_steps_in_for_a_failed_lender_lends_on_machines_only() -> None:
    w = site_world(cash=2.0, banks=2)
    assert ordered(w) == 11
    release_commitments(w.economy, 0)
    assert w.economy.orders["site_slots"][0] == 0
    assert w.lenders["committed"].tolist() == [0.0, 0.0]
    assert arrived(w) == 11
    assert w.borrowers["debt"][0][Instrument.PROJECT_FINANCE] == 0.0
    assert w.borrowers["debt"][0][Instrument.MACHINE_LOAN] > 0.0
    w.assert_books_close()


def test_short_of_cash_it_counts_what_is_lent_on_slots() -> None:
    """.010 a machine (price less deposit and loan), .002 a new slot: all nine for .098."""
    w = site_world()
    ordered(w)
    w.borrowers["cash"][0] = w.opening.borrowers["cash"][0] = 9 * 0.010 + 4 * 0.002
    assert arrived(w) == 9
    assert w.borrowers["cash"][0] == pytest.approx(0.0, abs=1e-12)


def test_a_further_draw_is_added_to_the_loan_of_the_same_lender() -> None:
    """.032 at 6 % until week ARRIVAL + 208 and .016 at 9 %, half a year later: means by a third."""
    w = site_world()
    ordered(w)
    arrived(w)
    w.borrowers["slots"][0, Cooling.AIR] += 2
    order = w.economy.orders[1]
    order["machine"], order["grade"], order["site_slots"], order["site_offer"] = NEW_GPU, CUSTOMER, 2, SITE
    w.clock["week"] = ARRIVAL + 26
    w.p["credit_spread_by_grade"] = (0.02, 0.04, 0.09, 0.10)
    draw_on_site(w.economy, w.p, 0, order, 0, 5)  # five are needed, two were promised
    loan = w.loans[1]
    assert (loan["slots"], w.borrowers["facilities"][0]) == (6, 2)
    assert loan["principal"] == pytest.approx(6 * SITE, rel=1e-12)
    assert loan["balloon"] == pytest.approx(3 * SITE, rel=1e-12)
    assert loan["rate"] == pytest.approx(0.07, rel=1e-12)
    assert loan["maturity_week"] == ARRIVAL + 208 + 9


def test_a_balloon_that_a_sweep_has_eaten_into_does_not_come_back() -> None:
    w = site_world()
    ordered(w)
    arrived(w)
    loan = w.loans[1]
    loan["balloon"] = 9.0  # more than is owed: all of it is due at the end
    add_to_loan(w.economy, w.p, loan, w.economy.orders[0], SITE)
    assert loan["balloon"] == pytest.approx(4 * SITE + 0.5 * SITE, rel=1e-12)


def test_slots_that_secure_a_loan_are_not_left() -> None:
    w = World(neoclouds=1, banks=1, costs_lease_exit_weeks=1.0)
    w.borrower(0, units={GPU: 10}, cash=9.0, slots=(0, 40, 0))
    w.loan(0, 0, 0.5, instrument=Instrument.PROJECT_FINANCE, slots=25, slot_class=Cooling.AIR)
    w.open()
    review_borrower(w.economy, w.p, 0)
    assert w.borrowers["slots"][0].tolist() == [0, 25, 0]
    w.assert_books_close()


# In a run.

SMALL = {
    "horizon_weeks": 40,
    "population.miners": 2,
    "population.neoclouds": 6,
    "investment.hurdle": -0.3,
    "investment.decision_weeks": 4,
    "investment.lead_weeks": 9,
    "investment.search_weeks": 1.0,
}


def small(**changes) -> Scenario:
    fields = {f"credit.site_{name}": value for name, value in changes.items()}
    return Scenario.load().with_changes(SMALL | fields)


def test_off_it_leaves_everything_as_it_was() -> None:
    """Without an advance none of the other terms is read: the same to the last bit."""
    plain = simulate(small(), seed=2)
    other = simulate(small(tenor_weeks=52, balloon=0.0, sweep=1.0, recovery=1.0, backstop=1.0), seed=2)
    assert plain.summary["site_loans_musd"] == 0.0
    assert (plain.tables["loans"]["slots"] == 0).all()
    np.testing.assert_array_equal(plain.series.to_numpy(), other.series.to_numpy())
    assert (plain.events["amount_musd"] == other.events["amount_musd"]).all()


def test_in_a_run_it_is_drawn_and_the_books_close() -> None:
    run = simulate(small(advance=0.8), seed=2, check=True)
    assert run.summary["site_loans_musd"] > 0.0
    loans = run.tables["loans"]
    sites = loans[loans["instrument"] == "project_finance"]
    assert sites["slots"].sum() > 0
    assert (sites["machine"] == "").all() or (sites["machine"].isna()).all()
