"""Default and resolution: the stay, seizure, two liens and an estate by hand, the waterfall's properties."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import (
    FACILITIES,
    BorrowerStatus,
    Cause,
    Channel,
    Instrument,
    LoanStatus,
    SaleRule,
)
from hashcredit.simulator.market.auction import trade_machines
from hashcredit.simulator.resolution.default import estate_waterfall, pro_rata, resolve_defaults
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector

FIRST, SECOND, BOND = 0, 1, 2
"""Loan rows of the worked example."""
MIDDLE_GPU, MIDDLE_NEW_GPU = 0.020, 0.030
"""What an orderly sale fetches, M$ a unit."""


def week(w: World) -> None:
    """Resolution and a deep market at fixed prices; then the next week."""
    w.value(GPU, MIDDLE_GPU)
    w.value(NEW_GPU, MIDDLE_NEW_GPU)
    w.value(ASIC, 0.0)
    resolve_defaults(w.economy, w.p, 1, 0)
    trade_machines(w.economy, w.p)
    w.clock["week"] += 1


def two_liens(recourse: int) -> World:
    """A neo-cloud that fails in week 10 with a stay of four weeks. M$ throughout.

        assets   100 GPUs pledged to bank 0, 50 newer GPUs pledged to bank 1, 10 GPUs free,
                 cash 0.3, 2 BTC worth 0.2
        debts    first loan 3.0 (rate 10 %), second loan 0.5 (rate 6 %), bond 2.0 (9 %, bank 2), bills 0.1
        lease    0.02 a week; the landlord may claim ten weeks

    Removal 0.001 and storage 0.0001 a unit; machines fetch 0.02 and 0.03; the estate costs 5 %.
    """
    w = World(
        neoclouds=1,
        banks=3,
        operators=1,
        secondary_market_rule=SaleRule.DEEP,
        secondary_market_deep_margin=0.0,
    )
    w.clock["week"] = 10
    w.borrower(0, units={GPU: 110, NEW_GPU: 50}, cash=0.3, btc=2.0, payables=0.1, lease_week=0.02)
    w.loan(0, 0, 3.0, machine=GPU, units=100, recourse=recourse, rate=0.06)
    w.loan(0, 1, 0.5, machine=NEW_GPU, units=50, recourse=recourse, rate=0.02)
    w.loan(0, 2, 2.0, instrument=Instrument.HIGH_YIELD, rate=0.09)
    w.borrowers[0]["pending_cause"] = Cause.ILLIQUIDITY
    w.borrowers[0]["pending_channel"] = Channel.RENT
    for lender in w.lenders:
        lender["cash"] = 1.0
    w.open()
    return w


def test_default_stops_the_borrower_and_starts_the_stay() -> None:
    w = two_liens(1)
    week(w)
    row = w.borrowers[0]
    assert (row["status"], row["default_week"], row["release_week"]) == (BorrowerStatus.IN_RESOLUTION, 10, 14)
    assert row["cause"] == Cause.ILLIQUIDITY
    # coins are sold (0.2), the landlord claims 10 weeks of 0.02 on top of bills of 0.1
    assert row["cash"] == pytest.approx(0.5, rel=1e-12)
    assert row["payables"] == pytest.approx(0.3, rel=1e-12)
    assert w.loans["status"][:3].tolist() == [LoanStatus.DEFAULTED] * 3
    assert w.loans["claim"][:3].tolist() == [3.0, 0.5, 2.0]
    (event,) = w.events(EventKind.DEFAULT)
    assert (event["agent"], event["units"], event["amount"]) == (0, 160, 5.5)
    assert (event["cause"], event["channel"]) == (Cause.ILLIQUIDITY, Channel.RENT)
    assert (w.outcomes["defaults"], w.outcomes["defaults_neoclouds"], w.outcomes["defaults_miners"]) == (
        1,
        1,
        0,
    )
    assert w.outcomes["defaults_by_cause"][Cause.ILLIQUIDITY] == 1
    assert w.outcomes["debt_defaulted"] == 5.5
    assert w.market["btc_sold"] == pytest.approx(0.2, rel=1e-12)
    w.assert_books_close()


def test_machines_are_seized_when_the_stay_ends_and_not_before() -> None:
    w = two_liens(1)
    for _ in range(4):  # weeks 10 to 13
        week(w)
        assert w.borrowers["units"][0].sum() == 160
        assert w.lenders["units"].sum() == 0
        assert w.economy.machines["inventory"].sum() == 0
    assert w.events(EventKind.SEIZURE) == []
    week(w)
    seizures = [(event["week"], event["agent"], event["units"]) for event in w.events(EventKind.SEIZURE)]
    assert seizures == [(14, 0, 100), (14, 1, 50)]
    assert w.outcomes["units_dumped"] == 150
    # paper value at appraisal: 100 * 0.020 + 50 * 0.036
    assert w.outcomes["paper_value_musd"] == pytest.approx(3.8, rel=1e-12)
    assert w.outcomes["paper_sold_musd"] == pytest.approx(3.8, rel=1e-12)
    assert w.outcomes["proceeds_musd"] == pytest.approx(100 * 0.02 + 50 * 0.03, rel=1e-12)
    w.assert_books_close()


# Claims of the two liens after removal and storage: 3.0 + 0.1 + 0.01 and 0.5 + 0.05 + 0.005.
# Sold for 2.0 and 1.5: a deficiency of 1.11, and a surplus of 0.945 that goes to the estate.
DEFICIENCY = 3.11 - 2.0
SURPLUS = 1.5 - 0.555
# Estate: cash 0.3, coins 0.2, ten free GPUs 0.2, surplus 0.945; its costs are 5 %.
ESTATE = 0.3 + 0.2 + 10 * 0.02 + SURPLUS
LEFT = 0.95 * ESTATE


@pytest.mark.parametrize("recourse", [0, 1])
def test_two_liens_and_the_estate_by_hand(recourse: int) -> None:
    w = two_liens(recourse)
    for _ in range(6):  # weeks 10 to 15: sold in week 14, closed in week 15
        week(w)
    assert w.borrowers["status"][0] == BorrowerStatus.RESOLVED
    # Pari passu: bond 2.0, bills and landlord 0.3, and with recourse the deficiency.
    unsecured = 2.0 + 0.3 + recourse * DEFICIENCY
    share = LEFT / unsecured  # 1.56275 / 3.41 = 0.458284, or / 2.3 = 0.679457
    assert share == pytest.approx(0.4582845 if recourse else 0.6794565, abs=5e-7)
    recovered = w.loans["recovered"][:3]
    expected = [2.0 - 0.11 + recourse * share * DEFICIENCY, 0.5, share * 2.0]
    assert recovered == pytest.approx(expected, rel=1e-12)
    # Discounted to week 10 at 10 %, 6 % and 9 %: four weeks for sales, five for the estate's dividend.
    present = [
        (2.0 - 0.11) * math.exp(-0.10 * 4 / 52) + recourse * share * DEFICIENCY * math.exp(-0.10 * 5 / 52),
        0.5 * math.exp(-0.06 * 4 / 52),
        share * 2.0 * math.exp(-0.09 * 5 / 52),
    ]
    assert w.loans["recovered_pv"][:3] == pytest.approx(present, rel=1e-12)
    assert w.outcomes["resolved_claims"] == 5.5
    assert w.outcomes["resolved_recoveries"] == pytest.approx(sum(present), rel=1e-12)
    # Written off: what is left of the first lien and of the bond.
    lost = DEFICIENCY * (1 - recourse * share) + 2.0 * (1 - share)
    assert w.outcomes["credit_lost"] == pytest.approx(lost, rel=1e-12)
    # Without these losses they would have as much more equity.
    assert w.lenders["losses"].sum() == pytest.approx(lost, rel=1e-12)
    # Lenders remember: a quarter of the way from 0.6 to what they got of the claim.
    learned = [0.6 + 0.25 * (pv / claim - 0.6) for pv, claim in zip(present, (3.0, 0.5, 2.0), strict=True)]
    assert w.lenders["learned_recovery"] == pytest.approx(learned, rel=1e-12)
    w.assert_books_close()


@pytest.mark.parametrize("recourse", [0, 1])
def test_nothing_is_left_of_a_resolved_borrower(recourse: int) -> None:
    w = two_liens(recourse)
    for _ in range(6):
        week(w)
    row = w.borrowers[0]
    assert row["cash"] == pytest.approx(0.0, abs=1e-12)
    assert row["debt"] == pytest.approx(0.0, abs=1e-12)
    assert (row["payables"], row["units"].sum(), row["book"].sum(), row["slots"].sum()) == (0.0, 0, 0.0, 0)
    assert w.loans["principal"].tolist() == [0.0] * FACILITIES
    assert w.loans["status"][:3].tolist() == [LoanStatus.RESOLVED] * 3
    assert w.lenders["loans"] == pytest.approx(0.0, abs=1e-12)
    assert w.lenders["allowance"].tolist() == [0.0] * 3
    # The world got the estate's costs, and its share of bills.
    unsecured = 2.0 + 0.3 + recourse * DEFICIENCY
    world = Sector.REST_OF_WORLD
    assert w.economy.flows[Flow.ESTATE_COSTS, world] == pytest.approx(0.05 * ESTATE, rel=1e-12)
    bills = 0.3 * LEFT / unsecured
    assert w.economy.flows[Flow.PAYABLES_SETTLED, world] == pytest.approx(bills, rel=1e-12)
    assert w.economy.flows[Flow.DISTRIBUTIONS, world] == 0.0
    events = w.events(EventKind.RECOVERY)
    assert [(event["agent"], event["parent"]) for event in events] == [(0, 0), (1, 0), (2, 0)]
    assert len(w.events(EventKind.RESOLUTION)) == 1


def test_what_exceeds_all_claims_goes_to_the_owners() -> None:
    w = World(neoclouds=1, banks=1, operators=1)
    w.borrower(0, cash=2.0, pending_cause=Cause.FORCED)
    w.loan(0, 0, 0.5, instrument=Instrument.HIGH_YIELD, rate=0.0)
    w.open()
    for _ in range(5):
        week(w)
    # 2.0 less 5 % less 0.5
    assert w.borrowers["distributions"][0] == pytest.approx(1.4, rel=1e-12)
    assert w.economy.flows[Flow.DISTRIBUTIONS, Sector.REST_OF_WORLD] == pytest.approx(1.4, rel=1e-12)
    assert w.loans["recovered_pv"][0] == 0.5
    assert w.outcomes["credit_lost"] == 0.0
    w.assert_books_close()


def test_discounted_recovery_counts_at_most_the_claim() -> None:
    # At a rate of -5 % a recovery in full five weeks later would be worth more than the claim.
    w = World(neoclouds=1, banks=1, operators=1)
    w.borrower(0, cash=2.0, pending_cause=Cause.FORCED)
    w.loan(0, 0, 0.5, instrument=Instrument.HIGH_YIELD, rate=-0.05)
    for _ in range(5):
        week(w)
    assert w.loans["recovered_pv"][0] == pytest.approx(0.5 * math.exp(0.05 * 4 / 52), rel=1e-12)
    assert w.outcomes["resolved_recoveries"] == 0.5


def test_pledged_coins_are_sold_at_once() -> None:
    # Safe harbour: 6 coins worth 0.6 repay 0.4 in the week of default, the other 2 go to the estate and on.
    w = World(miners=1, banks=1)
    w.borrower(0, cash=0.0, pending_cause=Cause.FORCED)
    w.loan(0, 0, 0.4, instrument=Instrument.BTC_LOAN, amortising=0, coins=6.0)
    w.open()
    week(w)
    assert w.loans["recovered_pv"][0] == pytest.approx(0.4, rel=1e-12)  # not discounted
    assert w.loans["principal"][0] == pytest.approx(0.0, abs=1e-12)
    assert (w.loans["coins"][0], w.borrowers["btc"][0]) == (0.0, 0.0)
    assert w.borrowers["cash"][0] == pytest.approx(0.2, rel=1e-12)
    assert w.market["btc_sold"] == pytest.approx(0.6, rel=1e-12)
    w.assert_books_close()


def test_underwater_coins_leave_a_claim_on_the_estate() -> None:
    w = World(miners=1, banks=1)
    w.borrower(0, cash=1.0, pending_cause=Cause.FORCED)
    w.loan(0, 0, 0.4, instrument=Instrument.BTC_LOAN, amortising=0, coins=3.0, recourse=1)
    w.open()
    week(w)
    assert w.loans["recovered"][0] == pytest.approx(0.3, rel=1e-12)
    assert w.loans["principal"][0] == pytest.approx(0.1, rel=1e-12)
    for _ in range(4):
        week(w)
    assert w.loans["recovered"][0] == pytest.approx(0.4, rel=1e-12)
    w.assert_books_close()


def test_repaid_collateral_stays_with_the_estate() -> None:
    # A facility on which nothing is owed, and machines let without one: nothing is seized.
    w = World(neoclouds=1, banks=1, operators=1, secondary_market_rule=SaleRule.DEEP)
    w.borrower(0, units={GPU: 5}, cash=1.0, pending_cause=Cause.FORCED)
    w.loan(0, 0, 0.0, machine=GPU, units=3)
    w.contract(0, GPU, 3, loan=0)
    w.contract(0, GPU, 2)
    w.open()
    for _ in range(6):
        week(w)
    assert w.outcomes["units_dumped"] == 0
    assert w.borrowers["status"][0] == BorrowerStatus.RESOLVED
    assert w.outcomes["resolved_claims"] == 0.0
    # 1.0 and five machines at 0.95 * 0.02, less 5 %
    assert w.borrowers["distributions"][0] == pytest.approx(0.95 * (1.0 + 5 * 0.019), rel=1e-12)
    w.assert_books_close()


def test_storage_is_charged_every_week_until_sold() -> None:
    w = World(neoclouds=1, banks=1)  # no bidders: the auction sells nothing
    w.borrower(0, units={GPU: 10}, pending_cause=Cause.FORCED)
    w.loan(0, 0, 1.0, machine=GPU, units=10)
    w.lender(0, cash=1.0)
    w.open()
    for _ in range(4 + 3):
        week(w)
    # removal 10 * 0.001 once, storage 10 * 0.0001 for three weeks: added to the claim, paid by the holder
    costs = 0.01 + 3 * 0.001
    assert w.loans["principal"][0] == pytest.approx(1.0 + costs, rel=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(1.0 - costs, rel=1e-12)
    assert w.loans["recovered"][0] == pytest.approx(-costs, rel=1e-12)
    assert w.borrowers["status"][0] == BorrowerStatus.IN_RESOLUTION
    w.assert_books_close()


def test_reservation_prices_start_together() -> None:
    # A creditor's and the estate's own machines come to the market in the same week, at the same price.
    w = World(neoclouds=1, banks=1)
    w.borrower(0, units={GPU: 20}, pending_cause=Cause.FORCED)
    w.loan(0, 0, 1.0, machine=GPU, units=10)
    for _ in range(4 + 1):
        week(w)
    assert w.economy.lots["reserve"][:2] == pytest.approx([0.012, 0.012], rel=1e-12)


def test_vacated_slots_close_and_a_share_is_to_let() -> None:
    w = World(neoclouds=1, banks=1)
    w.borrower(0, slots=(3, 11, 4), lease_week=0.5, pending_cause=Cause.FORCED, cash=9.0)
    w.open()
    for _ in range(4):
        week(w)
    assert w.market["slots_closed"] == 0  # the stay protects the sites too
    week(w)
    assert w.market["slots_closed"] == 18
    assert w.market["vacant"].tolist() == [1, 5, 2]  # whole slots of half
    assert w.borrowers["lease_week"][0] == 0.0
    w.assert_books_close()


def test_stays_lie_within_their_bounds_and_reach_both() -> None:
    w = World(neoclouds=60, banks=1, resolution_stay_low=2, resolution_stay_high=4)
    w.borrowers["pending_cause"] = Cause.FORCED
    w.clock["week"] = 5
    resolve_defaults(w.economy, w.p, 1, 0)
    stays, counts = np.unique(w.borrowers["release_week"] - 5, return_counts=True)
    assert stays.tolist() == [2, 3, 4]
    # 60 draws of probability 1/3: mean 20, deviation 3.65, so within four of them
    assert (np.abs(counts - 20) < 4 * 3.65).all()


def test_shortest_stay() -> None:
    w = World(neoclouds=1, banks=1, resolution_stay_low=1, resolution_stay_high=1)
    w.borrower(0, units={GPU: 10}, pending_cause=Cause.FORCED)
    w.loan(0, 0, 1.0, machine=GPU, units=10)
    week(w)
    assert w.loans["seized"][0] == 0
    week(w)
    assert w.loans["seized"][0] == 10


# The waterfall alone.


def naive_waterfall(cash: Fraction, cost_share: Fraction, unsecured: Fraction) -> tuple[Fraction, ...]:
    """Exact twin: costs, then claims pari passu, then equity."""
    if cash <= 0:
        return Fraction(0), Fraction(0), Fraction(0)
    costs = cost_share * cash
    left = cash - costs
    if unsecured == 0:
        return costs, Fraction(0), left
    paid = min(left, unsecured)
    return costs, paid / unsecured, left - paid


# Cents of an estate: differences near rounding would test nothing but rounding.
MONEY = st.integers(min_value=0, max_value=10**11).map(lambda cents: cents / 1e8)
SHARE = st.floats(min_value=0.0, max_value=0.9)


@given(cash=MONEY, cost_share=SHARE, unsecured=MONEY)
def test_waterfall_is_its_exact_twin(cash: float, cost_share: float, unsecured: float) -> None:
    got = estate_waterfall(cash, cost_share, unsecured)
    exact = naive_waterfall(Fraction(cash), Fraction(cost_share), Fraction(unsecured))
    # three roundings, relative to the cash for sums of money
    assert got[0] == pytest.approx(float(exact[0]), rel=1e-15)
    assert got[1] == pytest.approx(float(exact[1]), rel=1e-14)
    assert got[2] == pytest.approx(float(exact[2]), abs=1e-14 * max(cash, 1e-8))


@given(cash=MONEY, cost_share=SHARE, claims=st.lists(MONEY, min_size=1, max_size=6))
def test_waterfall_pays_out_exactly_what_there_is(cash: float, cost_share: float, claims: list) -> None:
    costs, share, surplus = estate_waterfall(cash, cost_share, math.fsum(claims))
    assert 0.0 <= share <= 1.0 and costs >= 0.0 and surplus >= 0.0
    paid = math.fsum(share * claim for claim in claims)
    if math.fsum(claims) > 0.0:
        assert costs + paid + surplus == pytest.approx(cash, rel=1e-14)
    # owners come last: before everybody is paid they get no more than the rounding
    assert share == 1.0 or surplus <= 1e-15 * cash or not any(claims)


@given(cash=MONEY, more=MONEY, cost_share=SHARE, unsecured=MONEY)
def test_more_cash_never_hurts_a_claim(cash: float, more: float, cost_share: float, unsecured: float) -> None:
    _, low, left = estate_waterfall(cash, cost_share, unsecured)
    _, high, right = estate_waterfall(cash + more, cost_share, unsecured)
    assert high >= low * (1 - 1e-15)
    assert right >= left - 1e-14 * (cash + more)


def test_waterfall_edges() -> None:
    assert estate_waterfall(0.0, 0.05, 3.0) == (0.0, 0.0, 0.0)
    assert estate_waterfall(-1.0, 0.05, 3.0) == (0.0, 0.0, 0.0)  # an overdrawn account pays nobody
    assert estate_waterfall(1.0, 0.0, 0.0) == (0.0, 0.0, 1.0)
    assert [pro_rata(cash, 4.0) for cash in (1.0, 5.0, -1.0)] == [0.25, 1.0, 0.0]
    assert pro_rata(1.0, 0.0) == 0.0


PREPAID = 0.4


def test_the_estate_pays_customers_pari_passu() -> None:
    w = two_liens(1)
    w.contract(0, GPU, 30, loan=0, rent=0.01, prepaid=PREPAID)
    w.open()
    for _ in range(4):
        week(w)
        w.assert_books_close()
        assert w.borrowers["prepaid"][0] == PREPAID  # contracts sleep
    for _ in range(2):
        week(w)
        w.assert_books_close()
    assert w.borrowers["status"][0] == BorrowerStatus.RESOLVED
    share = LEFT / (2.0 + DEFICIENCY + 0.3 + PREPAID)
    paid = w.economy.flows[Flow.CUSTOMER_PREPAYMENTS, Sector.REST_OF_WORLD]
    assert paid == pytest.approx(share * PREPAID, rel=1e-12)
    assert w.loans["recovered"][2] == pytest.approx(share * 2.0, rel=1e-12)
    assert w.borrowers["prepaid"][0] == 0.0
    lost = w.economy.revaluations[Revaluation.CUSTOMER_PREPAYMENTS]
    assert lost[Sector.NEOCLOUDS] == -lost[Sector.REST_OF_WORLD] == pytest.approx((1 - share) * PREPAID)
    assert w.outcomes["prepayments_lost_musd"] == pytest.approx((1 - share) * PREPAID, rel=1e-12)
