"""Facilities that fail alone: hand-back, acceleration, cross-default, and what becomes of the claim."""

import math

import pytest
from worlds import ASIC, GPU, World, put

from hashcredit.agents.dimensions import (
    FACILITIES,
    BorrowerStatus,
    Cause,
    Channel,
    Instrument,
    LoanStatus,
    SaleRule,
)
from hashcredit.simulator import Scenario
from hashcredit.simulator.books.loans import empty_row, facilities_of
from hashcredit.simulator.credit.claims import default_facility
from hashcredit.simulator.credit.control import list_cash_flows, vehicle_cash_flow
from hashcredit.simulator.credit.covenants import enforce_covenants, is_calm, use_value
from hashcredit.simulator.investment.drawing import open_facility
from hashcredit.simulator.lenders.capital import write_down_loans
from hashcredit.simulator.market.auction import trade_machines
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.week.step import open_economy

# Hand-back. 100 GPUs at site class 0 earn 0.010 less 0.002 a year each: 0.8 / 52 a week. A face of P at
# 4 + 6 % with 104 instalments left is due P (0.10 + 0.50) / 52 a week: cover is one at P = 0.8 / 0.6 = 4/3.


def vehicle(principal: float, use: float, weeks: int = 1, rent: float | None = None, **loan) -> World:
    """A facility whose machines are worth `use` to their owner, all together, seen in a review a week.

    With a `rent`, 40 of its 100 units are let for it (M$ a unit and year) until week 52.
    """
    w = World(neoclouds=1, banks=1, credit_hand_back=1, credit_review_weeks=weeks)
    w.borrower(0, units={GPU: 100}, cash=50.0, lease_week=0.01)
    w.loan(0, 0, principal, machine=GPU, units=100, **({"recourse": 0} | loan))
    if rent is not None:
        w.contract(0, GPU, 40, loan=0, rent=rent, end_week=52)
    w.lender(0, cash=1.0)
    w.value(GPU, use / 100, site=0)
    w.open()
    return w


def handed_back(w: World) -> bool:
    """Whether this week's covenants end the facility."""
    enforce_covenants(w.economy, w.p)
    w.assert_books_close()
    back = w.loans["status"][0] == LoanStatus.DEFAULTED
    assert len(w.events(EventKind.HAND_BACK)) == w.outcomes["hand_backs"] == back
    return bool(back)


@pytest.mark.parametrize(
    ("principal", "use", "back"),
    [
        (1.4, 1.4 * (1 - 1e-9), True),
        (1.4, 1.4 * (1 + 1e-9), False),  # worth more than is owed on them
        (4 / 3 * (1 + 1e-9), 0.5, True),
        (4 / 3 * (1 - 1e-9), 0.5, False),  # worth little, but they earn their service
    ],
)
def test_both_conditions_are_needed(principal: float, use: float, back: bool) -> None:
    assert handed_back(vehicle(principal, use)) == back


def test_owners_with_recourse_hand_nothing_back() -> None:
    assert not handed_back(vehicle(1.4, 0.1, recourse=1))


def test_hand_back_can_be_switched_off() -> None:
    w = vehicle(1.4, 0.1)
    w.p["credit_hand_back"] = 0
    assert not handed_back(w)


def test_contracts_count_in_both() -> None:
    """40 of the units are let at 0.020 for a year; the others earn spot.

    Cash flow 60 * 0.008 + 40 * 0.018 = 1.2 a year, so cover is one at a face of 2.0. Use is 100 v and what
    forty bring over a year on demand at 6 %, where 0.010 falls by 10 % a year and 0.020 does not:
    40 (0.020 (1 - exp(-0.06)) / 0.06 - 0.010 (1 - exp(-0.16)) / 0.16) = 40 (0.0194118 - 0.0092410)
    = 0.406832.
    """
    w = vehicle(2.1, 1.0, rent=0.020)
    assert vehicle_cash_flow(w.economy, 0, 0) == pytest.approx(1.2 / 52, rel=1e-12)
    assert use_value(w.economy, w.p, 0) == pytest.approx(1.406832, abs=1e-6)
    w.contract(0, GPU, 7, rent=0.1)  # on machines that are not pledged: not the vehicle's
    assert vehicle_cash_flow(w.economy, 0, 0) == pytest.approx(1.2 / 52, rel=1e-12)
    assert use_value(w.economy, w.p, 0) == pytest.approx(1.406832, abs=1e-6)
    assert not handed_back(vehicle(1.99, 1.0, rent=0.020))
    assert handed_back(vehicle(2.01, 1.0, rent=0.020))
    assert handed_back(vehicle(2.01, 2.01 - 0.406834, rent=0.020))
    assert not handed_back(vehicle(2.01, 2.01 - 0.406830, rent=0.020))
    # A contract under water binds: 40 (0.004 * 0.970591 - 0.009241) = -0.214346.
    w = vehicle(1.4, 1.0, rent=0.004)
    assert vehicle_cash_flow(w.economy, 0, 0) == pytest.approx((0.48 + 0.08) / 52, rel=1e-12)
    assert use_value(w.economy, w.p, 0) == pytest.approx(1.0 - 0.214346, abs=1e-6)
    # With spot rents below cost the free units stand still, and a contract is worth all above its cost.
    w.machine(GPU, earning=0.001)
    assert vehicle_cash_flow(w.economy, 0, 0) == pytest.approx(0.08 / 52, rel=1e-12)
    assert use_value(w.economy, w.p, 0) == pytest.approx(1.0 + 0.4 * 0.002 * 97.0591, abs=1e-6)


def test_one_look_at_the_contracts_tells_the_cash_flow_of_every_vehicle() -> None:
    # Of every borrower in a drawn opening the same bits as facility by facility.
    setup = prepare(Scenario.load(), 1)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 1, 0)
    assert len(set(economy.contracts["loan"][economy.contracts["units"] > 0])) > 30
    for b, borrower in enumerate(economy.borrowers):
        list_cash_flows(economy, b)
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            if economy.loans["machine"][row] >= 0:
                alone = vehicle_cash_flow(economy, row, borrower["site_class"])
                assert economy.vehicle_flows[row - first] == alone


def test_a_calm_loan_has_nothing_to_be_looked_at() -> None:
    w = vehicle(1.4, 0.1, recourse=1)
    loan = w.loans[0]
    put(loan, dscr_covenant=1.2, borrowing_base=0)
    assert is_calm(loan, 1.2, True) and not is_calm(loan, 1.19, True)
    for field, value in (("borrowing_base", 1), ("controlled", 1), ("sweeping", 1), ("recourse", 0)):
        before = loan[field].item()
        put(loan, **{field: value})
        assert not is_calm(loan, 1.2, True)
        put(loan, **{field: before})
    put(loan, recourse=0)
    assert is_calm(loan, 1.2, False)  # its vehicle is not reviewed this week
    put(loan, instrument=Instrument.BTC_LOAN)
    assert not is_calm(loan, 1.2, False)


def test_reviews_take_turns() -> None:
    # Every third week, each borrower in a week of its own: one week of three, and the same one again.
    def reviewed(b: int) -> list[int]:
        found = []
        for week in range(6):
            w = World(neoclouds=3, banks=1, credit_hand_back=1, credit_review_weeks=3)
            w.clock["week"] = week
            w.borrower(b, units={GPU: 100})
            row = w.loan(b, 0, 1.4, machine=GPU, units=100, recourse=0, maturity_week=week + 103)
            w.value(GPU, 0.001)
            enforce_covenants(w.economy, w.p)
            if w.loans["status"][row] == LoanStatus.DEFAULTED:
                found.append(week)
        return found

    turns = [reviewed(b) for b in range(3)]
    assert sorted(first for first, _ in turns) == [0, 1, 2]
    assert all(second == first + 3 for first, second in turns)


# What becomes of the claim. Prices of a deep market: 0.012 a unit. Removal 0.001 a unit, storage 0.0001 a
# unit and week, removal takes three weeks (the plain world's).


def week(w: World) -> None:
    """Covenants, resolution and the market; then the next week."""
    w.value(GPU, 0.010, site=0)
    w.value(GPU, 0.012, site=2)
    w.value(ASIC, 0.0)
    enforce_covenants(w.economy, w.p)
    resolve_defaults(w.economy, w.p, 1, 0)
    trade_machines(w.economy, w.p)
    w.assert_books_close()
    w.clock["week"] += 1


def claim(
    recourse: int, cash: float, btc: float = 0.0, bonds: tuple[float, ...] = (), free: int = 0
) -> World:
    """Week 10: a face of 1.4 at 4 + 6 % on 100 GPUs, accelerated if it has recourse, else to be handed back.

    Bonds, at 0 % and with bank 1, have no part in it; nor have seven ASICs and so many free GPUs.
    """
    deep = {"secondary_market_rule": SaleRule.DEEP, "secondary_market_deep_margin": 0.0}
    w = World(miners=1, banks=2, operators=1, credit_hand_back=1, credit_review_weeks=1, **deep)
    w.clock["week"] = 10
    w.borrower(0, units={GPU: 100 + free, ASIC: 7}, cash=cash, btc=btc, lease_week=0.01)
    w.loan(0, 0, 1.4, machine=GPU, units=100, recourse=recourse, maturity_week=113)
    w.contract(0, GPU, 30, loan=0, rent=0.002, end_week=99)
    for face in bonds:
        w.loan(0, 1, face, instrument=Instrument.HIGH_YIELD, rate=0.0)
    w.lender(0, cash=1.0)
    w.open()
    if recourse:
        default_facility(w.economy, w.p, 0, int(Cause.ACCELERATION), int(Channel.MACHINE_PRICE), -1)
    return w


def test_machines_go_at_once_and_are_sold_after_their_removal() -> None:
    w = claim(0, cash=5.0)
    week(w)
    loan, borrower, lender = w.loans[0], w.borrowers[0], w.lenders[0]
    (back,) = w.events(EventKind.HAND_BACK)
    assert (back["week"], back["agent"], back["counterparty"], back["units"]) == (10, 0, 0, 100)
    assert (back["cause"], back["channel"], back["parent"]) == (Cause.HAND_BACK, Channel.RENT, -1)
    assert back["amount"] == 1.4
    (seizure,) = w.events(EventKind.SEIZURE)
    assert (seizure["week"], seizure["units"], seizure["parent"]) == (10, 100, 0)
    assert (loan["claim"], loan["default_week"], loan["default_event"]) == (1.4, 10, 0)
    assert (loan["seized"], loan["units"], w.contracts["units"].sum()) == (100, 0, 0)
    assert (lender["units"][GPU], borrower["units"][GPU], borrower["racked"][1]) == (100, 0, 0)
    # The borrower keeps its site, its ASICs, its cash and its life.
    assert (borrower["slots"][1], borrower["lease_week"], borrower["units"][ASIC]) == (100, 0.01, 7)
    assert (borrower["cash"], borrower["status"], borrower["pending_cause"]) == (5.0, 0, 0)
    assert (w.outcomes["defaults"], w.outcomes["facility_defaults"], w.outcomes["hand_backs"]) == (0, 1, 1)
    assert w.outcomes["debt_defaulted"] == 1.4
    # Removal 0.1 and a week's storage 0.01: paid by the holder, added to the claim.
    assert loan["principal"] == pytest.approx(1.51, rel=1e-12)
    assert lender["cash"] == pytest.approx(1.0 - 0.11, rel=1e-12)
    for _ in range(2):  # weeks 11 and 12
        week(w)
        assert (loan["seized"], w.economy.machines["offered"][GPU]) == (100, 0)
    week(w)
    (sale,) = w.events(EventKind.SALE)
    assert (sale["week"], sale["units"], sale["agent"], sale["parent"]) == (13, 100, 0, 0)
    assert w.economy.machines["trigger"][GPU] == 0
    # 1.4 + 0.1 + four weeks of 0.01 less 1.2
    assert loan["principal"] == pytest.approx(0.34, rel=1e-12)
    assert loan["status"] == LoanStatus.DEFAULTED


def discounted(weeks: int) -> float:
    """At the contract rate of 10 %, to the claim's own default week."""
    return math.exp(-0.10 * weeks / 52)


COLLATERAL = -0.1 - 0.01 * sum(map(discounted, range(4))) + 1.2 * discounted(3)
"""Removal and four weeks' storage, then the sale in the fourth week: 1.06 in cash, 1.0532 discounted."""


def test_without_recourse_the_loss_is_written_off() -> None:
    w = claim(0, cash=5.0)
    for _ in range(5):  # weeks 10 to 14
        week(w)
    loan, borrower = w.loans[0], w.borrowers[0]
    assert loan["status"] == LoanStatus.RESOLVED
    assert loan["recovered"] == pytest.approx(1.06, rel=1e-12)
    assert loan["recovered_pv"] == pytest.approx(COLLATERAL, rel=1e-12)
    assert pytest.approx(1.0532, abs=5e-5) == COLLATERAL
    assert w.outcomes["credit_lost"] == pytest.approx(0.34, rel=1e-12)
    assert w.outcomes["resolved_claims"] == 1.4
    assert w.outcomes["resolved_recoveries"] == pytest.approx(COLLATERAL, rel=1e-12)
    # a quarter of the way from 0.6 to what was recovered of the claim
    assert w.lenders["learned_recovery"][0] == pytest.approx(0.6 + 0.25 * (COLLATERAL / 1.4 - 0.6), rel=1e-12)
    (recovery,) = w.events(EventKind.RECOVERY)
    assert (recovery["week"], recovery["parent"]) == (14, 0)
    # the owner: not a dollar poorer in cash, nothing owed any more, free to go on
    assert (borrower["cash"], borrower["debt"].sum(), borrower["claims"]) == (5.0, 0.0, 0)
    assert borrower["status"] == BorrowerStatus.ALIVE
    assert w.lenders["loans"][0].sum() == 0.0


def test_deficiency_with_recourse_is_paid_from_cash_and_coins() -> None:
    # 0.34 is missing: cash of 0.2 and 1.4 of two coins at 0.1.
    w = claim(1, cash=0.2, btc=2.0)
    for _ in range(5):
        week(w)
    loan, borrower = w.loans[0], w.borrowers[0]
    assert loan["status"] == LoanStatus.RESOLVED
    assert loan["recovered"] == pytest.approx(1.4, rel=1e-12)
    assert loan["recovered_pv"] == pytest.approx(COLLATERAL + 0.34 * discounted(4), rel=1e-12)
    assert w.outcomes["credit_lost"] == pytest.approx(0.0, abs=1e-12)
    assert (borrower["cash"], borrower["btc"]) == pytest.approx((0.0, 0.6), abs=1e-12)
    assert (borrower["status"], borrower["claims"]) == (BorrowerStatus.ALIVE, 0)
    assert w.outcomes["defaults"] == w.outcomes["hand_backs"] == 0


def test_deficiency_that_cannot_be_paid_is_fatal_and_joins_the_estate() -> None:
    """Missing 0.34 with cash of 0.3: the borrower fails in week 14, for want of paying a contract.

    Its estate: cash 0.3, ASICs worth nothing sell for scrap of 0.04 * 0.003 each. Costs 5 %. Claims: 0.34,
    ten weeks of a lease of 0.01, and a bond of 1.0.
    """
    w = claim(1, cash=0.3, bonds=(1.0,))
    for _ in range(5):
        week(w)
    borrower, loan = w.borrowers[0], w.loans[0]
    (default,) = w.events(EventKind.DEFAULT)
    assert (borrower["status"], default["week"]) == (BorrowerStatus.IN_RESOLUTION, 14)
    assert (default["cause"], default["channel"]) == (Cause.ACCELERATION, Channel.CONTRACT)
    assert default["parent"] == loan["default_event"] == 0
    assert w.economy.events[0]["kind"] == EventKind.FACILITY_DEFAULT
    # only what was not in default before is counted again
    assert (default["amount"], w.outcomes["debt_defaulted"]) == (1.0, 2.4)
    assert (loan["status"], loan["claim"], loan["default_week"]) == (LoanStatus.DEFAULTED, 1.4, 10)
    assert (borrower["claims"], borrower["cash"]) == (0, 0.3)
    for _ in range(5):  # the stay ends in week 18: ASICs are sold, and the estate closes in week 19
        week(w)
    assert borrower["status"] == BorrowerStatus.RESOLVED
    share = 0.95 * (0.3 + 7 * 0.00012) / (0.34 + 0.1 + 1.0)
    assert loan["recovered"] == pytest.approx(1.06 + share * 0.34, rel=1e-12)
    # nine weeks since its own default, five since its borrower's
    assert loan["recovered_pv"] == pytest.approx(COLLATERAL + share * 0.34 * discounted(9), rel=1e-12)
    assert w.loans["recovered_pv"][1] == pytest.approx(share, rel=1e-12)
    assert w.outcomes["resolved_claims"] == 2.4
    lost = (1 - share) * 1.34
    assert w.outcomes["credit_lost"] == pytest.approx(lost, rel=1e-12)


def test_no_deficiency_is_paid_once_another_cannot_be() -> None:
    # Nothing is left of the collateral of either: 0.34 cannot be paid out of 0.3, and then 0.1 may not be.
    w = World(neoclouds=1, banks=2)
    w.borrower(0, cash=0.3, claims=2)
    for holder, face in ((0, 0.34), (1, 0.1)):
        w.loan(
            0, holder, face, status=LoanStatus.DEFAULTED, machine=GPU, claim=face, default_event=7 + holder
        )
    w.open()
    resolve_defaults(w.economy, w.p, 1, 0)
    borrower = w.borrowers[0]
    assert (borrower["status"], borrower["cash"]) == (BorrowerStatus.IN_RESOLUTION, 0.3)
    assert w.loans["principal"][:2] == pytest.approx([0.34, 0.1], rel=1e-15)
    (default,) = w.events(EventKind.DEFAULT)
    assert (default["cause"], default["parent"]) == (Cause.ACCELERATION, 7)
    w.assert_books_close()


def test_claims_on_the_living_are_written_down() -> None:
    # 1.51 after removal and a week's storage, and 100 GPUs at 0.75 * 0.018: 0.16 is expected to be lost.
    w = claim(0, cash=5.0)
    week(w)
    w.machine(GPU, appraisal=0.018)
    write_down_loans(w.economy, w.p)
    assert w.loans["allowance"][0] == pytest.approx(0.16, rel=1e-12)
    assert w.lenders["allowance"][0] == pytest.approx(0.16, rel=1e-12)
    assert w.lenders["trigger"][0] == w.loans["default_event"][0] == 0
    w.assert_books_close()
    for _ in range(4):
        week(w)
    # closed with a loss of 0.34: the allowance is used up, the lender has lost 0.34 and nothing twice
    assert (w.lenders["allowance"][0], w.loans["allowance"][0]) == (0.0, 0.0)
    assert w.lenders["income"][0] == pytest.approx(-0.34, rel=1e-12)  # costs of 0.14 were added to its claim


def test_older_claims_keep_their_machines_when_the_borrower_fails() -> None:
    # It fails in week 11, before the machines are out: they are sold in week 13 all the same, under the stay.
    w = claim(0, cash=0.5)
    week(w)
    w.borrowers[0]["pending_cause"], w.borrowers[0]["pending_channel"] = Cause.FORCED, Channel.EXOGENOUS
    week(w)
    assert w.borrowers["status"][0] == BorrowerStatus.IN_RESOLUTION
    assert w.borrowers["release_week"][0] == 15
    (default,) = w.events(EventKind.DEFAULT)
    assert default["amount"] == 0.0
    for _ in range(2):
        week(w)
    (sale,) = w.events(EventKind.SALE)
    assert (sale["week"], sale["parent"]) == (13, 0)  # the hand-back, not the default
    for _ in range(3):  # weeks 14, 15 (ASICs), 16
        week(w)
    assert w.borrowers["status"][0] == BorrowerStatus.RESOLVED
    # no recourse: nothing from the estate, which pays its costs and the landlord, and its owners
    assert w.loans["recovered_pv"][0] == pytest.approx(COLLATERAL, rel=1e-12)
    assert w.outcomes["credit_lost"] == pytest.approx(0.34, rel=1e-12)
    assert w.borrowers["distributions"][0] == pytest.approx(0.95 * (0.5 + 7 * 0.00012) - 0.1, rel=1e-12)


def test_who_fails_this_week_pays_no_deficiency_first() -> None:
    # The deficiency would take 0.34 of 0.5 in the week in which its borrower fails for another reason.
    w = claim(1, cash=0.5)
    for _ in range(4):
        week(w)
    w.borrowers[0]["pending_cause"], w.borrowers[0]["pending_channel"] = Cause.MARGIN, Channel.BTC_PRICE
    week(w)
    assert w.borrowers["status"][0] == BorrowerStatus.IN_RESOLUTION
    assert w.borrowers["cause"][0] == Cause.MARGIN
    assert w.borrowers["cash"][0] == 0.5
    assert w.loans["principal"][0] == pytest.approx(0.34, rel=1e-12)
    assert w.events(EventKind.RECOVERY) == []


def test_surplus_of_a_facility_goes_back_to_its_borrower() -> None:
    # A face of 0.5: 1.2 less 0.64 is a surplus of 0.56; nothing is lost.
    w = World(
        neoclouds=1,
        banks=1,
        operators=1,
        secondary_market_rule=SaleRule.DEEP,
        secondary_market_deep_margin=0.0,
    )
    w.borrower(0, units={GPU: 100})
    w.loan(0, 0, 0.5, machine=GPU, units=100, recourse=0)
    w.open()
    default_facility(w.economy, w.p, 0, int(Cause.ILLIQUIDITY), int(Channel.RENT), -1)
    for _ in range(5):
        week(w)
    assert w.borrowers["cash"][0] == pytest.approx(0.56, rel=1e-12)
    assert (w.loans["status"][0], w.borrowers["claims"][0]) == (LoanStatus.RESOLVED, 0)
    assert w.outcomes["credit_lost"] == pytest.approx(0.0, abs=1e-12)


def test_a_row_whose_claim_is_closed_is_used_again() -> None:
    w = claim(0, cash=5.0, bonds=(0.1,) * (FACILITIES - 1), free=10)
    assert empty_row(w.economy, 0) == -1
    for _ in range(4):
        week(w)
    assert empty_row(w.economy, 0) == -1  # in default, not closed
    week(w)
    assert empty_row(w.economy, 0) == 0
    open_facility(w.economy, w.p, 0, put(w.economy.orders[0], machine=GPU, grade=1), 1, 10, 0.15)
    loan = w.loans[0]
    assert (loan["status"], loan["holder"], loan["principal"]) == (LoanStatus.PERFORMING, 1, 0.15)
    assert (loan["default_week"], loan["default_event"]) == (-1, -1)
    for name in ("claim", "recovered", "recovered_pv", "paper_value", "allowance", "seized", "sweeping"):
        assert loan[name] == 0, name
    w.assert_books_close()
