"""Back-leverage by hand: haircuts, the pool, draws and calls, the standing facility, and the channel off."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import ASIC, GPU, NEW_GPU, World, put

from hashcredit.agents.dimensions import LenderStatus, LoanStatus
from hashcredit.simulator.books.ledger import lender_equity
from hashcredit.simulator.lenders.capital import manage_lenders
from hashcredit.simulator.lenders.funding import (
    UNLIMITED,
    advance_now,
    borrowing_limit,
    capacity_of,
    fund,
    funding_capacity,
)
from hashcredit.simulator.lenders.repo import (
    call_repo,
    count_defaulted,
    haircut_after,
    observe_collateral,
    open_repo_market,
    pool,
    rationing,
    set_haircut,
)
from hashcredit.simulator.state.codes import EventKind, Flow, Sector

BANK, FUND, OTHER = 0, 1, 2
PLENTY = 1e6


def market(loans: float = 10.0, haircut: float = 0.2, funds: int = 1, **numbers) -> World:
    """A bank without loans, and funds with loans of `loans` each; the pool has plenty."""
    w = World(**({"neoclouds": 1, "banks": 1, "private_credit": funds} | numbers))
    for index in range(funds):
        w.loan(0, FUND + index, loans)
    opening_repo = PLENTY / (1.0 + w.p["repo_pool_headroom"])
    put(w.repo, haircut=haircut, opening_haircut=haircut, opening_debt=opening_repo, room=PLENTY)
    return w


def called(w: World, index: int = FUND) -> float:
    """The repo phase; the books close. Returns the unmet call."""
    w.open()
    call_repo(w.economy, w.p)
    w.assert_books_close()
    return float(w.lenders["called"][index])


# The haircut. Calm 0.1, weights 0.5, 0.1 and 0.2 on volatility, unsold share and tightness.


@pytest.mark.parametrize(
    ("variance", "unsold", "tightening", "haircut"),
    [
        (0.01, 0.0, 0.0, 0.20),  # calm: the base
        (0.0, 0.0, 0.0, 0.20),  # calmer than calm is no credit
        (0.09, 0.0, 0.0, 0.20 + 0.5 * (0.3 - 0.1)),
        (0.01, 0.5, 0.0, 0.20 + 0.1 * 0.5),
        (0.01, 0.0, 0.4, 0.20 + 0.2 * 0.4),
        (0.01, 0.0, -0.4, 0.20 - 0.2 * 0.4),  # easier than at the start
        (0.09, 1.0, 0.5, 0.20 + 0.1 + 0.1 + 0.1),
    ],
)
def test_each_term_of_the_haircut(variance: float, unsold: float, tightening: float, haircut: float) -> None:
    w = market()
    assert haircut_after(w.p, 0.2, variance, unsold, tightening) == pytest.approx(haircut, rel=1e-12)


def test_haircuts_stay_between_their_bounds() -> None:
    w = market(repo_lowest_haircut=0.05, repo_highest_haircut=0.45)
    assert haircut_after(w.p, 0.0, 0.01, 0.0, 0.0) == 0.05
    assert haircut_after(w.p, 0.2, 4.0, 1.0, 1.0) == 0.45
    assert haircut_after(w.p, 0.2, 0.01, 0.0, -1.0) == 0.05


def test_the_haircut_follows_last_weeks_market() -> None:
    w = market()
    w.economy.haircut_path[:] = 0.2
    w.economy.haircut_path[7] = 0.25
    put(w.clock, week=7)
    put(w.market, tightness=0.6)
    put(w.repo, price_variance=0.09, unsold_share=0.5, opening_tightness=0.2)
    set_haircut(w.economy, w.p)
    # 0.25 + 0.5 * 0.2 + 0.1 * 0.5 + 0.2 * 0.4
    assert w.repo["haircut"] == pytest.approx(0.48, rel=1e-12)
    assert w.outcomes["peak_haircut"] == w.repo["haircut"]
    put(w.clock, week=8)
    put(w.market, tightness=0.2)
    put(w.repo, price_variance=0.01, unsold_share=0.0)
    set_haircut(w.economy, w.p)
    assert w.repo["haircut"] == pytest.approx(0.2, rel=1e-12)
    assert w.outcomes["peak_haircut"] == pytest.approx(0.48, rel=1e-12)


def test_with_the_channel_off_it_stays_that_of_the_first_week() -> None:
    w = market(haircut=0.2, channels_repo=0)
    w.economy.haircut_path[:] = 0.5
    put(w.clock, week=7)
    put(w.market, tightness=1.0)
    put(w.repo, price_variance=4.0, unsold_share=1.0)
    set_haircut(w.economy, w.p)
    assert w.repo["haircut"] == w.outcomes["peak_haircut"] == 0.2


def test_variance_and_unsold_share_by_hand() -> None:
    """100 GPUs from 0.020 to 0.018 and 50 newer ones that stay at 0.036: 3.8 becomes 3.6.

    On sale are 20 GPUs at 0.018, of which 5 are sold, and 10 ASICs at 0.002, all sold: 0.27 of 0.38 is left.
    """
    w = market()
    keep = math.exp(-1.0 / 8.0)
    for m, units in ((GPU, 100), (NEW_GPU, 50), (ASIC, 0)):
        w.machine(m, opening_units=units, last_appraisal=w.economy.machines["appraisal"][m])
    w.machine(GPU, appraisal=0.018, offered=20, traded=5)
    w.machine(ASIC, offered=10, traded=10)
    put(w.repo, price_variance=0.01, unsold_share=0.1)
    observe_collateral(w.economy, w.p)
    change = math.log(3.6 / 3.8)
    assert w.repo["price_variance"] == pytest.approx(keep * 0.01 + (1 - keep) * 52 * change**2, rel=1e-12)
    assert w.repo["unsold_share"] == pytest.approx(keep * 0.1 + (1 - keep) * 0.27 / 0.38, rel=1e-12)
    for m in (GPU, NEW_GPU, ASIC):
        w.machine(m, offered=0, traded=0)
    before = float(w.repo["price_variance"]), float(w.repo["unsold_share"])
    observe_collateral(w.economy, w.p)  # nothing moved, nothing on sale: both are forgotten by a factor
    after = float(w.repo["price_variance"]), float(w.repo["unsold_share"])
    assert after == pytest.approx((keep * before[0], keep * before[1]), rel=1e-12)


@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=60))
def test_a_steady_volatility_is_found(changes: list[float]) -> None:
    # The weights of all weeks add up to one: returns of size s every week end at 52 s^2 from anywhere.
    w = market()
    size = abs(changes[0])
    w.machine(GPU, opening_units=100, last_appraisal=0.020)
    appraisal = 0.020
    for change in changes:
        appraisal *= math.exp(math.copysign(size, change))
        w.machine(GPU, appraisal=appraisal)
        observe_collateral(w.economy, w.p)
    keep = math.exp(-len(changes) / 8.0)
    assert w.repo["price_variance"] == pytest.approx((1 - keep) * 52 * size**2, rel=1e-6, abs=1e-18)


def test_the_opening_market() -> None:
    w = market(funds=2)
    w.lenders["repo"][1:] = (6.0, 2.0)
    put(w.market, tightness=0.3)
    w.economy.haircut_path[:] = 0.3
    w.p["repo_pool_headroom"] = 0.25
    open_repo_market(w.economy, w.p)
    repo = w.repo
    assert (repo["opening_haircut"], repo["haircut"], repo["opening_tightness"]) == (0.3, 0.3, 0.3)
    assert repo["opening_debt"] == pytest.approx(8.0, rel=1e-12)
    assert repo["room"] == pytest.approx(2.0, rel=1e-12)
    assert repo["price_variance"] == pytest.approx(0.01, rel=1e-12)
    assert w.economy.machines["last_appraisal"][GPU] == 0.020


# The pool.


def test_the_pool_grows_with_the_years_and_shrinks_with_tightness() -> None:
    w = market(repo_pool_headroom=0.25, repo_pool_growth=0.1, repo_pool_tightness=1.0)
    put(w.clock, week=26)
    put(w.market, tightness=0.5)
    put(w.repo, opening_debt=8.0, opening_tightness=0.2)
    assert pool(w.economy, w.p) == pytest.approx(10.0 * math.exp(0.05) * 0.7, rel=1e-12)
    put(w.market, tightness=0.1)
    assert pool(w.economy, w.p) == pytest.approx(10.0 * math.exp(0.05) * 1.1, rel=1e-12)
    w.p["repo_pool_tightness"] = 5.0
    put(w.market, tightness=0.9)
    assert pool(w.economy, w.p) == 0.0


def rationed(**numbers) -> World:
    """Two funds with loans of 10 and 20 that want all their loans carry, 8 and 16, from a pool of 18."""
    w = market(funds=2, repo_pool_headroom=0.0, **numbers)
    w.loan(0, OTHER, 10.0)
    w.lenders["repo"][1:] = (8.0, 16.0)
    w.repo["opening_debt"] = 18.0
    return w


def test_a_short_pool_is_shared_pro_rata() -> None:
    # Three quarters: 6 of 8 and 12 of 16. Neither has cash: 2 and 4 are called and not met.
    w = rationed()
    count_defaulted(w.economy)
    assert rationing(w.economy, w.p) == pytest.approx(0.75, rel=1e-12)
    assert w.repo["room"] == pytest.approx(0.0, abs=1e-12)
    assert called(w) == pytest.approx(2.0, rel=1e-12)
    assert w.lenders["called"].tolist() == pytest.approx([0.0, 2.0, 4.0], rel=1e-12)


def test_nobody_is_rationed_with_the_channel_off() -> None:
    w = rationed(channels_repo=0)
    assert called(w) == 0.0
    assert w.lenders["repo"].tolist() == [0.0, 8.0, 16.0]
    assert w.events(EventKind.REPO_CALL) == []


def test_room_that_is_left_is_what_nobody_draws() -> None:
    w = rationed()
    w.repo["opening_debt"] = 30.0
    assert called(w) == 0.0
    assert w.repo["room"] == pytest.approx(6.0, rel=1e-12)


# Draws, repayments, calls. A fund keeps a tenth of its loans of 10 in cash.


def test_a_lender_draws_what_its_cash_target_lacks() -> None:
    w = market()
    w.lender(FUND, cash=0.4, repo=3.0)
    assert called(w) == 0.0
    assert w.lenders["cash"][FUND] == pytest.approx(1.0, rel=1e-12)
    assert w.lenders["repo"][FUND] == pytest.approx(3.6, rel=1e-12)
    assert w.economy.flows[Flow.REPO, Sector.LENDERS] == pytest.approx(0.6, rel=1e-12)


def test_a_lender_repays_what_it_does_not_need() -> None:
    w = market()
    w.lender(FUND, cash=3.0, repo=5.0)
    assert called(w) == 0.0
    assert w.lenders["cash"][FUND] == pytest.approx(1.0, rel=1e-12)
    assert w.lenders["repo"][FUND] == pytest.approx(3.0, rel=1e-12)


def test_a_call_is_met_out_of_cash() -> None:
    # Loans of 10 carry 8 at a haircut of a fifth: 0.7 is called, cash of 1 pays it.
    w = market()
    w.lender(FUND, cash=1.0, repo=8.7)
    assert called(w) == 0.0
    assert w.lenders["cash"][FUND] == pytest.approx(0.3, rel=1e-12)
    assert w.lenders["repo"][FUND] == pytest.approx(8.0, rel=1e-12)
    assert w.events(EventKind.REPO_CALL) == []


def test_what_it_cannot_pay_stays_owed_and_is_its_unmet_call() -> None:
    w = market()
    w.lender(FUND, cash=0.5, repo=9.0, trigger=17)
    assert called(w) == pytest.approx(0.5, rel=1e-12)
    assert (w.lenders["cash"][FUND], w.lenders["repo"][FUND]) == (0.0, pytest.approx(8.5, rel=1e-12))
    (event,) = w.events(EventKind.REPO_CALL)
    assert (event["agent_kind"], event["agent"], event["parent"]) == (Sector.LENDERS, FUND, 17)
    assert (event["amount"], event["price"]) == pytest.approx((0.5, 0.2), rel=1e-12)
    assert w.outcomes["repo_calls"] == 1
    # the week's interest on it is owed as well; the next call is the same one, and the weeks count
    manage_lenders(w.economy, w.p)
    assert w.lenders["call_weeks"][FUND] == 1
    call_repo(w.economy, w.p)
    assert len(w.events(EventKind.REPO_CALL)) == w.outcomes["repo_calls"] == 1
    assert w.lenders["called"][FUND] == pytest.approx(0.5 + 8.5 * 0.06 / 52, rel=1e-12)
    # once it has the cash it is over
    put(w.lenders[FUND], cash=2.0, opening_equity=w.lenders["opening_equity"][FUND] + 2.0)
    call_repo(w.economy, w.p)
    assert (w.lenders["called"][FUND], w.lenders["call_weeks"][FUND]) == (0.0, 0)


def test_defaulted_loans_carry_nothing() -> None:
    w = market(loans=6.0)
    w.in_resolution(0, default_week=0, release_week=9)
    w.loan(0, FUND, 4.0, status=LoanStatus.DEFAULTED)
    w.lender(FUND, repo=6.0)
    assert called(w) == pytest.approx(6.0 - 0.8 * 6.0, rel=1e-12)
    assert w.lenders["in_default"][FUND] == 4.0
    assert borrowing_limit(w.economy, w.p, w.lenders[FUND]) == pytest.approx(4.8, rel=1e-12)


def test_banks_and_failed_lenders_are_not_in_the_pool() -> None:
    w = market()
    w.loan(0, BANK, 10.0)
    w.lender(BANK, repo=9.0)
    w.lender(FUND, status=LenderStatus.RECEIVERSHIP, repo=9.0)
    assert called(w) == 0.0
    assert w.lenders["repo"].tolist() == [9.0, 9.0]


def test_cash_for_a_delivery_is_there_at_once_and_asked_back_later() -> None:
    # A line is drawn that the pool has no room for; the next call asks for all beyond what the loans carry.
    w = market(loans=10.0, repo_pool_headroom=0.0)
    w.lender(FUND, repo=8.0, cash=0.0)
    put(w.repo, opening_debt=8.0, room=0.0)
    w.open()
    fund(w.economy, w.lenders[FUND], 2.0)
    assert (w.lenders["repo"][FUND], w.lenders["cash"][FUND]) == (10.0, 2.0)
    assert w.repo["room"] == -2.0
    w.lenders["cash"][FUND] = 0.0  # it went to the borrower, who paid the vendor
    w.lenders["loans"][FUND, 0] += 2.0
    call_repo(w.economy, w.p)
    # 12 of loans carry 9.6, the pool has 8
    assert w.lenders["called"][FUND] == pytest.approx(2.0, rel=1e-12)
    w.lender(BANK, cash=0.0)
    fund(w.economy, w.lenders[BANK], 2.0)  # banks find deposits
    assert (w.lenders["funding"][BANK], w.lenders["repo"][BANK]) == (2.0, 0.0)


# What a call does to lending.


def test_a_higher_haircut_cuts_advances_and_a_call_ends_them() -> None:
    w = market(haircut=0.2)
    lender = w.lender(FUND, advance_rate=0.6)
    assert advance_now(w.economy, w.p, lender) == 0.6
    w.repo["haircut"] = 0.4  # of 0.8 borrowed on a loan 0.6 is left
    assert advance_now(w.economy, w.p, lender) == pytest.approx(0.6 * 0.75, rel=1e-12)
    w.p["lenders_repo_share"] = (0.0, 0.5, 1.0)  # half of it is term debt
    assert advance_now(w.economy, w.p, lender) == pytest.approx(0.6 * 0.875, rel=1e-12)
    w.repo["haircut"] = 0.1
    assert advance_now(w.economy, w.p, lender) == 0.6  # no more than it likes to lend
    put(lender, called=0.1)
    assert advance_now(w.economy, w.p, lender) == 0.0
    w.p["channels_repo"] = 0
    assert advance_now(w.economy, w.p, lender) == 0.6
    w.p["channels_repo"] = 1
    w.repo["haircut"] = 0.9
    assert advance_now(w.economy, w.p, w.lender(BANK, advance_rate=0.6, called=0.1)) == 0.6


def test_a_full_haircut_leaves_nothing_to_lend() -> None:
    w = market(haircut=0.2)
    w.repo["haircut"] = 1.0
    assert advance_now(w.economy, w.p, w.lender(FUND, advance_rate=0.6)) == 0.0
    w.repo["opening_haircut"] = 1.0  # it never borrowed on its loans
    assert np.isfinite(advance_now(w.economy, w.p, w.lenders[FUND]))


def test_what_a_fund_can_lend() -> None:
    # Loans of 10 carry 8, of which 5 are drawn; cash of 2 is 1 over the target. 4, a fifth of a loan: 20.
    w = market()
    lender = w.lender(FUND, cash=2.0, repo=5.0, committed=3.0)
    assert funding_capacity(w.economy, w.p, lender) == pytest.approx(20.0 - 3.0, rel=1e-12)
    w.repo["room"] = 1.0  # the pool has less: 2 at a fifth
    assert funding_capacity(w.economy, w.p, lender) == pytest.approx(10.0 - 3.0, rel=1e-12)
    w.p["channels_repo"] = 0
    assert funding_capacity(w.economy, w.p, lender) == pytest.approx(20.0 - 3.0, rel=1e-12)
    w.p["channels_repo"] = 1
    put(lender, called=0.5)
    assert funding_capacity(w.economy, w.p, lender) == 0.0
    assert funding_capacity(w.economy, w.p, w.lenders[BANK]) == UNLIMITED


def test_capital_and_funding_both_bind() -> None:
    # Equity of 10 + 2 - 5 = 7 at a target of a tenth carries 70, less 10 lent and 3 promised.
    w = market()
    lender = w.lender(FUND, cash=2.0, repo=5.0, committed=3.0, capital_target=0.1)
    assert capacity_of(w.economy, w.p, lender) == pytest.approx(17.0, rel=1e-12)
    put(lender, capital_target=0.4)
    assert lender_equity(lender) == 7.0
    assert capacity_of(w.economy, w.p, lender) == pytest.approx(7.0 / 0.4 - 13.0, rel=1e-12)
    # What it has lost counts as paid while losses are ignored: 10 at 0.4 carry 25.
    put(lender, losses=3.0, allowance=1.0)
    assert capacity_of(w.economy, w.p, lender) == pytest.approx(6.0 / 0.4 - 13.0, rel=1e-12)
    w.p["channels_lender_credit"] = 0
    assert capacity_of(w.economy, w.p, lender) == pytest.approx(9.0 / 0.4 - 13.0, rel=1e-12)


def test_losses_do_not_reach_funding_without_calls_and_capital() -> None:
    # Of loans of 10 a half is in default and carries nothing: 4, of which 5 are drawn; cash of 2 is 1 over
    # the target. With both channels off all loans carry 8, and the 2 written off are there, but not the 1
    # that is an allowance on loans still held: 1 + 2 - 1 + 3 at a fifth.
    w = market()
    lender = w.lender(FUND, cash=2.0, repo=5.0, in_default=5.0, losses=3.0, allowance=1.0)
    for off in ((), ("channels_repo",), ("channels_lender_credit",)):
        put(w.p, channels_repo=1, channels_lender_credit=1)
        put(w.p, **dict.fromkeys(off, 0))
        assert funding_capacity(w.economy, w.p, lender) == pytest.approx(0.0, abs=1e-12)
    put(w.p, channels_repo=0, channels_lender_credit=0)
    assert funding_capacity(w.economy, w.p, lender) == pytest.approx((1.0 + 2.0 + 3.0) / 0.2, rel=1e-12)


# The standing facility: 100 seized GPUs at 0.020 are worth 2; at a haircut of a half it lends 1.


def seized(haircut: float = 0.5, **numbers) -> World:
    """A fund with loans of 10, back-leverage of 9 of which they carry 8, and 100 seized GPUs."""
    w = market(**({"repo_standing_facility": 1, "repo_facility_haircut": haircut} | numbers))
    w.in_resolution(0, default_week=0, release_week=0)
    w.loan(0, FUND, 1.0, status=LoanStatus.DEFAULTED, machine=GPU, seized=100)
    w.lender(FUND, repo=9.0)
    return w


def test_the_facility_lends_on_machines_what_loans_do_not_carry() -> None:
    # It draws 1 from the authority and meets the call of 1 with it. What it wants: 9 and a target of 1.1.
    w = seized()
    assert called(w) == pytest.approx(0.0, abs=1e-12)
    assert w.lenders["facility"][FUND] == pytest.approx(1.0, rel=1e-12)
    assert w.lenders["repo"][FUND] == pytest.approx(8.0, rel=1e-12)
    assert w.economy.world["cash"][1] == pytest.approx(-1.0, rel=1e-12)
    assert w.economy.flows[Flow.STANDING_FACILITY, Sector.AUTHORITY] == pytest.approx(-1.0, rel=1e-12)


def test_its_haircut_is_not_that_of_the_market() -> None:
    w = seized(0.8)
    w.repo["haircut"] = 0.2
    assert called(w) == pytest.approx(1.0 - 0.4, rel=1e-12)
    assert w.lenders["facility"][FUND] == pytest.approx(0.4, rel=1e-12)


def test_without_the_facility_nobody_lends_on_machines() -> None:
    w = seized(repo_standing_facility=0)
    assert called(w) == pytest.approx(1.0, rel=1e-12)
    assert w.lenders["facility"][FUND] == 0.0


def test_what_is_no_longer_secured_is_asked_back() -> None:
    w = seized()
    called(w)
    w.loans["seized"][1] = 40  # sixty are gone: 0.8 are worth 0.4
    w.lenders["units"][FUND, GPU] = 40
    w.lenders["cash"][FUND] = 0.5
    call_repo(w.economy, w.p)
    assert w.lenders["facility"][FUND] == pytest.approx(0.5, rel=1e-12)
    assert w.lenders["called"][FUND] == pytest.approx(0.1, rel=1e-12)
    assert w.lenders["cash"][FUND] == pytest.approx(0.0, abs=1e-12)


def test_interest_on_the_facility_goes_to_the_authority() -> None:
    w = seized()
    called(w)
    manage_lenders(w.economy, w.p)
    assert w.economy.world["income"][1] == pytest.approx(1.0 * 0.06 / 52, rel=1e-12)
    w.assert_books_close()
