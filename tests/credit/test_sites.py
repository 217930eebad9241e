"""Loans on rack slots: the sweep, what the slots of a failed tenant bring, and an extension, by hand."""

import pytest
import sites
from worlds import GPU, World

from hashcredit.agents.dimensions import BorrowerStatus, Cause, Cooling, Instrument, LoanStatus
from hashcredit.simulator.credit.rollover import roll
from hashcredit.simulator.credit.sites import pledged_slots, price_of_slots, sweep_sites
from hashcredit.simulator.lenders.capital import expected_recovery
from hashcredit.simulator.lenders.loan_sales import expected_share
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.state.codes import Flow, Sector

SITE_LOAN = {"instrument": Instrument.PROJECT_FINANCE, "slots": 15, "slot_class": Cooling.AIR, "rate": 0.06}
SWEEP_WEEK = 12
SLOT = 0.010


def world(principal: float = 0.5, debts: float = 0.5, **numbers) -> World:
    """A neo-cloud with sixty air slots at .010, fifteen of them pledged; a bond is the rest of its debts."""
    w = World(neoclouds=1, banks=1, costs_retrofit=(0.0001, SLOT, 0.003), **numbers)
    w.clock["week"] = SWEEP_WEEK
    w.borrower(0, slots=(0, 60, 0), cash=1.0)
    w.loan(0, 0, principal, balloon=0.3, **SITE_LOAN)
    if debts > principal:
        w.loan(0, 0, debts - principal, instrument=Instrument.HIGH_YIELD)
    w.lender(0, cash=1.0)
    w.open()
    return w


# While the tenant lives.


def test_a_quarter_of_all_debts_sweeps_its_part_of_free_cash_flow() -> None:
    """Half of a quarter of .9 less .5."""
    w = world(debts=2.0, credit_site_sweep=0.5)
    w.borrower(0, cfads_window=0.9, service_window=0.5, obligations=0.01)
    sweep_sites(w.economy, w.p)
    assert w.loans["principal"][0] == pytest.approx(0.5 - 0.05, rel=1e-12)
    assert w.borrowers["cash"][0] == pytest.approx(0.95, rel=1e-12)
    assert w.loans["balloon"][0] == 0.3  # instalments fall first
    w.assert_books_close()


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ({"obligations": 0.097}, 0.03),  # of 1.0 ten weeks are kept
        ({"obligations": 0.2}, 0.0),
        ({"reserved": 0.98}, 0.02),  # for machines on order
        ({"service_window": 1.0}, 0.0),  # no free cash flow
        ({"status": BorrowerStatus.IN_RESOLUTION}, 0.0),
    ],
)
def test_the_sweep_leaves_the_buffer_and_what_is_on_order(fields: dict, amount: float) -> None:
    w = world(debts=2.0, credit_site_sweep=0.5)
    w.borrower(0, **({"cfads_window": 0.9, "service_window": 0.5} | fields))
    sweep_sites(w.economy, w.p)
    assert w.loans["principal"][0] == pytest.approx(0.5 - amount, rel=1e-12)


def test_it_sweeps_once_in_a_cover_window() -> None:
    w = world(debts=2.0, credit_site_sweep=0.5)
    w.borrower(0, cfads_window=0.9, service_window=0.5)
    for week in range(SWEEP_WEEK + 1, SWEEP_WEEK + 14):
        w.clock["week"] = week
        sweep_sites(w.economy, w.p)
    assert w.loans["principal"][0] == pytest.approx(0.45, rel=1e-12)


def test_a_loan_that_is_swept_away_frees_its_slots() -> None:
    w = world(principal=0.04, debts=0.04, credit_site_sweep=0.5)
    w.borrower(0, cfads_window=0.9, service_window=0.5)
    assert pledged_slots(w.economy, 0, Cooling.AIR) == 15
    sweep_sites(w.economy, w.p)
    assert (w.loans["status"][0], w.loans["slots"][0]) == (LoanStatus.REPAID, 0)
    assert pledged_slots(w.economy, 0, Cooling.AIR) == 0
    w.assert_books_close()


def test_it_is_extended_on_the_terms_of_a_new_one() -> None:
    w = world(credit_site_tenor_weeks=208, credit_site_balloon=0.5)
    assert roll(w.economy, w.p, 0)
    loan = w.loans[0]
    assert loan["maturity_week"] == SWEEP_WEEK + 208
    assert (loan["principal"], loan["balloon"], loan["amortising"]) == (0.5, 0.25, 1)


def test_its_holder_and_buyers_expect_what_secures_it() -> None:
    """.4 of fifteen slots at .010, and .2 of the claim by the guarantor."""
    w = world(credit_site_recovery=0.4, credit_site_backstop=0.2)
    assert expected_share(w.economy, w.p, 0, w.lenders[0]) == pytest.approx((0.06 + 0.1) / 0.5, rel=1e-12)
    w.loans["claim"][0] = 0.5
    assert expected_recovery(w.economy, w.p, 0) == pytest.approx(0.16, rel=1e-12)


# When it fails.


def resolved(w: World) -> None:
    """The borrower fails, its stay of four weeks passes, and its estate is closed."""
    w.borrowers["pending_cause"][0] = Cause.FORCED
    for _ in range(5):
        resolve_defaults(w.economy, w.p, 1, 0)
        w.clock["week"] += 1
    assert w.borrowers["status"][0] == BorrowerStatus.RESOLVED
    w.assert_books_close()


def test_the_landlord_pays_for_the_slots_that_it_takes_back() -> None:
    """.06 for the slots; the estate of 1.0, less 5 %, has .95 for the other .44 and .15 of the landlord."""
    w = world()
    w.borrower(0, lease_week=0.015)
    resolved(w)
    assert w.loans["recovered"][0] == pytest.approx(0.5, rel=1e-12)
    assert w.economy.flows[Flow.SLOT_BUILDING, Sector.REST_OF_WORLD] == pytest.approx(-0.06, rel=1e-12)
    assert w.economy.flows[Flow.RECOVERIES, Sector.LENDERS] == pytest.approx(0.5, rel=1e-12)
    assert w.loans["slots"][0] == 0
    assert w.market["slots_closed"] == 60


@pytest.mark.parametrize(
    ("backstop", "recovered", "guarantor"), [(0.0, 0.06, 0.0), (0.5, 0.31, 0.25), (1.0, 0.5, 0.44)]
)
def test_the_guarantor_pays_its_share_of_the_claim(backstop, recovered, guarantor) -> None:
    w = world(credit_site_backstop=backstop)
    w.borrower(0, cash=0.0)
    w.open()
    resolved(w)
    assert w.loans["recovered"][0] == pytest.approx(recovered, rel=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(1.0 + recovered, rel=1e-12)
    assert w.economy.flows[Flow.RECOVERIES, Sector.GUARANTOR] == pytest.approx(-guarantor, abs=1e-15)
    assert w.outcomes["credit_lost"] == pytest.approx(0.5 - recovered, abs=1e-12)


def test_a_claim_gets_no_more_than_it_is() -> None:
    w = world(principal=0.03, credit_site_backstop=1.0)
    w.borrower(0, cash=0.0)
    w.open()
    resolved(w)
    assert w.lenders["cash"][0] == pytest.approx(1.03, rel=1e-12)
    assert w.economy.flows[Flow.SLOT_BUILDING, Sector.REST_OF_WORLD] == pytest.approx(-0.03, rel=1e-12)


def test_a_rival_that_takes_the_site_over_pays_for_its_slots() -> None:
    """.4 of ten slots at .001, beside price and cure; the machines are booked without it."""
    slots = 0.4 * 10 * 0.001
    w = sites.site()
    w.loan(sites.FAILED, 2, 0.2, **(SITE_LOAN | {"slots": 10}))
    w.borrower(sites.FIRST, cash=3.0)
    sites.default(w)
    assert price_of_slots(w.economy, w.p, sites.FAILED) == pytest.approx(slots, rel=1e-12)
    sites.release(w)
    assert sites.acquirer(w) == sites.FIRST
    paid = sites.price(w) + sites.CURE
    assert w.borrowers["cash"][sites.FIRST] == pytest.approx(3.0 - paid - slots, rel=1e-12)
    assert w.borrowers["book"][sites.FIRST].sum() == pytest.approx(paid, rel=1e-12)
    share = w.loans["recovered"][sites.BOND] / 0.5  # of what is left the estate pays as much as of a bond
    assert w.loans["recovered"][3] == pytest.approx(slots + share * (0.2 - slots), rel=1e-12)
    assert w.borrowers["units"][sites.FIRST, GPU] == 30


def test_a_rival_that_cannot_pay_for_the_slots_does_not_get_the_site() -> None:
    """Half of its cash is a speck more than ask and cure, or than these and the slots."""
    needed = sites.ASK + sites.CURE
    for cash, expected in ((2 * needed + 0.004, -1), (2 * (needed + 0.004) + 0.001, sites.FIRST)):
        w = sites.site()
        w.loan(sites.FAILED, 2, 0.2, **(SITE_LOAN | {"slots": 10}))
        w.borrower(sites.FIRST, cash=cash)
        sites.default(w)
        sites.release(w)
        assert sites.acquirer(w) == expected
