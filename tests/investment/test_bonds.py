"""Convertibles and high yield for growth: who may issue, how much, and what is written."""

import math

import pytest
from worlds import GPU, World

from hashcredit.agents.dimensions import FACILITIES, Instrument, LoanStatus
from hashcredit.simulator.investment.bonds import (
    bond_market,
    issue_bond,
    most_bonds,
    most_of,
    raise_for_growth,
)
from hashcredit.simulator.lenders.underwriting import ask_lenders

CONVERTIBLE, HIGH_YIELD = Instrument.CONVERTIBLE.value, Instrument.HIGH_YIELD.value


def world(**numbers) -> World:
    """A listed neo-cloud with assets of 210, no debt, and a bank that advances half and has room for 900."""
    terms = {
        "neoclouds_bond_share": 0.2,
        "equity_window_tolerance": 0.1,
    }
    w = World(neoclouds=1, banks=1, **(terms | numbers))
    w.borrower(0, units={GPU: 10_000}, cash=10.0, grade=1, listed=1)
    w.lender(0, cash=90.0, capital_target=0.1)
    w.open()
    return w


def offer(w: World, instrument: int = HIGH_YIELD) -> tuple[int, float]:
    ask_lenders(w.economy, w.p, 0)
    market = bond_market(w.economy, w.p, 0)
    most = most_of(w.p, w.economy.borrowers[0], market, instrument)
    return (market.holder, most) if most > 0.0 else (-1, 0.0)


def issue(w: World, instrument: int, wanted: float) -> float:
    return issue_bond(w.economy, w.p, 0, instrument, *offer(w, instrument), wanted)


def test_a_bond_is_at_most_a_share_of_assets() -> None:
    w = world()
    assert offer(w) == (0, pytest.approx(0.2 * 210, rel=1e-12))
    assert offer(w, CONVERTIBLE) == (0, pytest.approx(0.2 * 210, rel=1e-12))
    assert most_bonds(w.economy, w.p, 0) == pytest.approx(42.0, rel=1e-12)
    w.loan(0, 0, 30.0, instrument=HIGH_YIELD, amortising=0)
    w.open()
    assert offer(w) == (0, pytest.approx(12.0, rel=1e-12))


def test_all_debts_stay_within_what_is_advanced_on_all_assets() -> None:
    w = world()
    w.loan(0, 0, 100.0)
    w.open()
    assert offer(w)[1] == pytest.approx((0.5 * 210 - 100.0) / 0.5, rel=1e-12)
    w.loan(0, 0, 3.0)
    w.open()
    assert offer(w) == (-1, 0.0)  # four are less than the smallest bond


def test_who_finds_no_market() -> None:
    w = world()
    w.borrower(0, listed=0)
    assert offer(w, CONVERTIBLE) == (-1, 0.0)
    assert offer(w)[0] == 0
    w.market["rent_index"] = 0.89 * w.market["rent_average"]
    assert offer(w) == (-1, 0.0)
    w.market["rent_index"] = w.market["rent_average"]
    w.borrower(0, cfads_window=1.1, service_window=1.0)  # under a cover of 1.2
    assert offer(w) == (-1, 0.0)
    w.borrower(0, cfads_window=1.3)
    assert offer(w)[0] == 0
    w.lender(0, cash=-9.0)
    assert offer(w) == (-1, 0.0)


def test_a_row_is_kept_for_the_loan_of_the_order() -> None:
    w = world()
    for _ in range(FACILITIES - 2):
        w.loan(0, 0, 0.0)
    assert offer(w)[0] == 0
    w.loan(0, 0, 0.0)
    assert offer(w) == (-1, 0.0)


def test_a_bond_by_hand() -> None:
    """It brings what is wanted, as a bullet with a fixed coupon and without a pledge; the books close."""
    w = world()
    assert issue(w, HIGH_YIELD, 20.0) == 20.0
    loan = w.loans[0]
    assert (loan["status"], loan["instrument"], loan["rank"]) == (LoanStatus.PERFORMING, HIGH_YIELD, 1)
    assert (loan["principal"], loan["rate"], loan["fixed_rate"], loan["amortising"]) == (20.0, 0.09, 1, 0)
    assert (loan["maturity_week"], loan["units"]) == (260, 0)
    assert (w.borrowers["cash"][0], w.lenders["cash"][0]) == (30.0, 70.0)
    assert w.outcomes["bonds_issued_musd"] == 20.0
    w.assert_books_close()


def test_the_smallest_bond_and_the_largest() -> None:
    w = world()
    assert raise_for_growth(w.economy, w.p, 0, 0.0) == 0.0
    assert issue(w, HIGH_YIELD, 1.0) == 5.0
    assert offer(w)[1] == pytest.approx(0.2 * 215 - 5.0, rel=1e-12)  # of a kind: the other is not touched
    assert raise_for_growth(w.economy, w.p, 0, 1000.0) == pytest.approx(0.2 * 215, rel=1e-12)


def test_a_first_convertible_sets_the_strike() -> None:
    w = world()
    w.borrower(0, strike=math.inf)
    assert raise_for_growth(w.economy, w.p, 0, 10.0) == 10.0
    assert w.borrowers["strike"][0] == pytest.approx(1.5 * 210.0, rel=1e-12)
    w.borrower(0, strike=7.0)
    issue(w, CONVERTIBLE, 6.0)
    assert w.borrowers["strike"][0] == 7.0
