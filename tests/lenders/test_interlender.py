"""What lenders owe each other: openings, interest, clearing against the public function, and its payments."""

from itertools import pairwise

import numpy as np
import pytest
from banks import random_clearing
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World, put

from hashcredit.agents.dimensions import Channel, LenderStatus
from hashcredit.simulator import MarketModel, Scenario, simulate
from hashcredit.simulator.books.ledger import lender_equity
from hashcredit.simulator.contagion import clearing_vector
from hashcredit.simulator.lenders.interlender import (
    ASSETS,
    EXTERNAL,
    OWED,
    PAID,
    clear_by_rounds,
    clear_positions,
    open_interlender_claims,
    pay_creditors,
    pay_interlender_interest,
    repay_interlender_claims,
    share_paid,
    state_positions,
)
from hashcredit.simulator.lenders.receivership import fail_lenders, run_off
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector

LOW, SOUND = 1e-12, LenderStatus.ALIVE
BANKS = 12
GUARANTOR = 2


# Openings and interest.


def test_opening_positions_add_up() -> None:
    w = World(
        neoclouds=1, banks=3, claims={(0, 1): 0.0, (0, 2): 0.0, (1, 2): 0.0}, interlender_exposure_share=0.2
    )
    w.economy.claim_share[:] = (0.5, 0.2, 0.3)
    open_interlender_claims(w.economy, w.p, 50.0)  # ten in all
    assert w.economy.claim_face.tolist() == pytest.approx([5.0, 2.0, 3.0], rel=1e-12)
    assert w.lenders["claims"].tolist() == pytest.approx([7.0, 3.0, 0.0], rel=1e-12)
    assert w.lenders["owed"].tolist() == pytest.approx([0.0, 5.0, 5.0], rel=1e-12)


def test_opening_positions_of_the_baseline() -> None:
    run = simulate(Scenario.load(), seed=1)
    lenders = run.before.lenders
    total = 0.05 * lenders["loans"].sum()
    assert lenders["claims"].sum() == pytest.approx(total, rel=1e-12)
    assert lenders["owed"].sum() == pytest.approx(total, rel=1e-12)
    equity = [lender_equity(row) for row in lenders]
    assert lenders["opening_equity"].tolist() == pytest.approx(equity, rel=1e-12)


def test_interest_nets_to_zero_among_the_living() -> None:
    # 5.2 at 4 % is 0.004 a week
    w = World(neoclouds=1, banks=3, claims={(0, 1): 5.2, (1, 2): 10.4, (2, 0): 2.6})
    w.open()
    pay_interlender_interest(w.economy)
    assert w.lenders["cash"].tolist() == pytest.approx([0.002, 0.004, -0.006], rel=1e-9)
    assert w.lenders["income"].sum() == pytest.approx(0.0, abs=1e-15)
    assert (w.economy.flows == 0.0).all()
    w.assert_books_close()


def test_a_failed_lender_receives_interest_and_pays_none() -> None:
    w = World(neoclouds=1, banks=2, claims={(0, 1): 5.2, (1, 0): 5.2})
    w.lender(1, status=LenderStatus.RECEIVERSHIP)
    w.lender(0, claims=0.0)  # what it is owed is written down
    w.open()
    pay_interlender_interest(w.economy)
    assert w.lenders["cash"].tolist() == pytest.approx([-0.004, 0.004], rel=1e-9)


# Clearing.


def test_a_speck_of_a_debt_without_a_total_counts_as_paid() -> None:
    """Totals are kept by adding and subtracting, so rounding may take them to 0 before the last claim."""
    assert share_paid(0.25, 0.5) == 0.5
    assert share_paid(0.0, 0.5) == 0.0
    assert share_paid(0.0, 0.0) == 1.0
    w = World(neoclouds=1, banks=2, claims={(0, 1): 1e-18})
    w.lender(1, settling=1, owed=0.0)
    state_positions(w.economy)
    clear_positions(w.economy, w.p)
    pay_creditors(w.economy, w.p)
    for table in (w.lenders, w.economy.outcomes):
        assert all(np.isfinite(table[name]).all() for name in table.dtype.names)
    assert w.economy.claim_face.tolist() == [0.0]


def network(seed: int, alpha: float = 1.0, beta: float = 1.0, links: float = 3.0):
    """Failed banks with the liabilities, cash and deposits of a random network, and the network itself."""
    liabilities, assets, external = random_clearing(seed, nodes=BANKS, links=links)
    claims = {
        (j, i): liabilities[i, j] for i in range(BANKS) for j in range(BANKS) if liabilities[i, j] > 0.0
    }
    w = World(
        neoclouds=1,
        banks=BANKS,
        claims=claims,
        interlender_asset_recovery=alpha,
        interlender_claim_recovery=beta,
    )
    for index in range(BANKS):
        w.lender(index, cash=assets[index], funding=external[index])
    return w, liabilities, assets, external


def cleared(w: World, exact: bool = True) -> tuple[np.ndarray, np.ndarray]:
    state_positions(w.economy)
    if exact:
        clear_positions(w.economy, w.p)
    else:
        clear_by_rounds(
            w.economy, float(w.p["interlender_asset_recovery"]), float(w.p["interlender_claim_recovery"])
        )
    return w.economy.clearing_vectors[PAID].copy(), w.economy.clearing_default.copy()


@given(
    st.integers(0, 2**32),
    st.sampled_from((0.0, 0.5, 0.9, 1.0)),
    st.sampled_from((0.0, 0.5, 0.9, 1.0)),
    st.sampled_from((0.5, 3.0, 8.0)),
    st.booleans(),
)
@settings(deadline=None)
def test_clearing_is_that_of_the_public_function(
    seed: int, alpha: float, beta: float, links: float, settling: bool
) -> None:
    # Live lenders without loans have their cash, failing ones too: the same network.
    w, liabilities, assets, external = network(seed, alpha, beta, links)
    if settling:
        put(w.lenders, status=LenderStatus.RECEIVERSHIP, settling=1)
    paid, failed = cleared(w)
    found = clearing_vector(liabilities, assets, external, alpha=alpha, beta=beta)
    owed = liabilities.sum(axis=1) + external
    owes = owed > 0.0
    np.testing.assert_allclose(paid[owes], found[owes], rtol=1e-12, atol=1e-12 * owed.max(initial=1.0))
    assert not failed[~owes].any()
    # who has less than it owes has failed, and who has more has not (but for a tie in the last bits)
    shares = np.divide(found, owed, out=np.zeros_like(owed), where=owes)
    worth = assets + liabilities.T @ shares - owed
    sure = np.abs(worth) > 1e-9 * np.maximum(1.0, owed)
    assert (failed[sure] == (worth[sure] < 0.0)).all()


@given(st.integers(0, 2**32), st.sampled_from((0.5, 0.9, 1.0)), st.sampled_from((0.5, 0.9, 1.0)))
@settings(deadline=None, max_examples=50)
def test_rounds_agree_with_the_exact_solution(seed: int, alpha: float, beta: float) -> None:
    # A round that lowers nothing by 1e-13 is within 1e-13 / (1 - what stays inside) of the end;
    # deposits leave the network, so that something leaves it everywhere in these draws.
    w, _, _, external = network(seed, alpha, beta)
    w.lenders["funding"] = external + 0.1 * (w.lenders["owed"] + 1.0)
    exact, failed = cleared(w)
    rounds, also = cleared(w, exact=False)
    np.testing.assert_allclose(rounds, exact, rtol=1e-9, atol=1e-9)
    assert failed.tolist() == also.tolist()


def test_what_live_and_failing_lenders_have() -> None:
    w = World(neoclouds=1, banks=1, private_credit=3, claims={(0, 1): 2.0, (0, 2): 1.0, (1, 3): 4.0})
    w.loan(0, 0, 10.0)
    w.loan(0, 1, 10.0)
    w.lender(0, cash=1.0, funding=5.0, allowance=0.5, repo=2.0, facility=0.25)
    w.lender(1, cash=1.0, funding=5.0, repo=2.0, guaranteed=0.5, status=LenderStatus.RECEIVERSHIP, settling=1)
    w.lender(2, cash=-1.0, status=LenderStatus.RECEIVERSHIP)  # settled before
    w.lender(3, cash=9.0)
    state_positions(w.economy)
    vectors = w.economy.clearing_vectors
    assert vectors[OWED].tolist() == [7.25, 7.5, 1.0, 4.0]
    assert vectors[EXTERNAL].tolist() == [7.25, 5.5, 1.0, 0.0]
    assert vectors[ASSETS].tolist() == [10.5, 1.0, 1.0, 9.0]
    assert w.economy.clearing_amounts.tolist() == [
        2.0,
        0.0,
        4.0,
    ]  # by creditor: what a settled one owes is out


def test_a_lender_that_owes_nothing_disturbs_nobody() -> None:
    """A link without a debt on it, as with an exposure of nil: lender 0 fails, lender 1 owes nothing."""
    w = World(
        neoclouds=1,
        banks=2,
        claims={(0, 1): 0.0},
        interlender_asset_recovery=0.5,
        interlender_claim_recovery=0.5,
    )
    w.lender(0, cash=1.0, funding=4.0)
    w.lender(1, cash=1.0)
    w.open()
    assert fail_lenders(w.economy, w.p) == 1
    w.assert_books_close()
    # half of its cash reaches the depositors, the other half is the cost of its failure
    assert w.lenders["funding"][0] == pytest.approx(3.5, rel=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(0.0, abs=1e-12)


# Failures and payments by hand.


def pair(loans: float = 10.0, claim: float = 4.0, capital: float = 2.0, **numbers) -> World:
    """Bank 0 has lent `claim` to bank 1, which fails: cash of 1 for it and for 3 of deposits."""
    w = World(neoclouds=1, banks=2, claims={(0, 1): claim}, **numbers)
    w.loan(0, 0, loans)
    w.lender(0, funding=loans + claim - capital)
    w.lender(1, cash=1.0, funding=3.0)
    w.open()
    return w


def test_a_creditor_gets_its_share_and_writes_down_the_rest() -> None:
    # One of seven: 4/7 for the bank, 3/7 for depositors.
    w = pair(capital=5.0)
    assert fail_lenders(w.economy, w.p) == 1
    w.assert_books_close()
    assert w.lenders["cash"].tolist() == pytest.approx([4 / 7, 0.0], abs=1e-12)
    assert w.lenders["claims"].tolist() == [0.0, 0.0]
    assert w.lenders["funding"][1] == pytest.approx(3.0 - 3 / 7, rel=1e-12)
    lost = 4.0 - 4 / 7
    assert w.economy.claim_face[0] == w.lenders["owed"][1] == pytest.approx(lost, rel=1e-12)
    assert w.outcomes["interlender_loss_musd"] == pytest.approx(lost, rel=1e-12)
    assert w.economy.revaluations[Revaluation.INTERLENDER_LOSSES, Sector.LENDERS] == pytest.approx(-lost)
    (event,) = w.events(EventKind.INTERLENDER_LOSS)
    (failure,) = w.events(EventKind.LENDER_FAILURE)
    assert (event["agent"], event["counterparty"], event["channel"]) == (0, 1, Channel.INTERLENDER)
    assert event["amount"] == pytest.approx(lost, rel=1e-12)
    assert w.economy.events[event["parent"]] == failure
    assert w.economy.events[w.lenders["trigger"][0]] == event
    assert w.lenders["status"].tolist() == [LenderStatus.ALIVE, LenderStatus.RECEIVERSHIP]


def test_a_loss_beyond_its_capital_brings_the_creditor_down() -> None:
    # It can lose 2 and loses 24/7; the failure of bank 1 is what brought it down.
    w = pair()
    assert fail_lenders(w.economy, w.p) == 2
    w.assert_books_close()
    first, second = w.events(EventKind.LENDER_FAILURE)
    assert (first["agent"], first["channel"]) == (1, Channel.LOAN_LOSSES)
    assert (second["agent"], second["channel"]) == (0, Channel.INTERLENDER)
    assert second["parent"] >= 0
    assert w.economy.events[second["parent"]] == first
    # what it got went straight on to its own depositors
    assert w.lenders["cash"].tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    assert w.lenders["funding"][0] == pytest.approx(12.0 - 4 / 7, rel=1e-12)


def test_a_claim_on_a_live_lender_counts_now_and_is_bridged_by_term_debt() -> None:
    """Bank 0 fails with a claim of 4 on bank 1, which lives: its depositors of 6 share that, and nobody is
    overdrawn."""
    w = World(neoclouds=1, banks=2, claims={(0, 1): 4.0})
    w.loan(0, 1, 20.0)
    w.lender(0, cash=1.0, funding=6.0)
    w.lender(1, funding=10.0)
    w.open()
    assert fail_lenders(w.economy, w.p) == 1
    w.assert_books_close()
    assert w.economy.claim_face.tolist() == [4.0]
    assert w.lenders["cash"].tolist() == [0.0, 0.0]
    # 1 of its own and 4 to come are paid; those 4 are owed to whoever bridges them
    assert w.lenders["funding"][0] == pytest.approx(6.0 - 5.0 + 4.0, rel=1e-12)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_a_chain_of_failures_names_each_link(order: tuple[int, ...]) -> None:
    """Each has lent 4 to the next and has a capital of 1: the last one fails, then all of them, in turn."""
    a, b, c, d = order
    w = World(neoclouds=1, banks=4, claims={(a, b): 4.0, (b, c): 4.0, (c, d): 4.0})
    w.loan(0, a, 10.0)
    w.lender(a, funding=13.0)
    w.lender(b, cash=1.0)
    w.lender(c, cash=1.0)
    w.lender(d, funding=1.0)
    w.open()
    assert fail_lenders(w.economy, w.p) == 4
    w.assert_books_close()
    failures = w.events(EventKind.LENDER_FAILURE)
    assert [int(event["agent"]) for event in failures] == [d, c, b, a]
    for before, event in pairwise(failures):
        assert event["channel"] == Channel.INTERLENDER
        assert w.economy.events[event["parent"]] == before


def test_costs_of_failure_are_those_of_rogers_and_veraart() -> None:
    """Bank 1 has 1 of cash of its own and gets 2 from bank 2: 0.5 * 1 + 0.75 * 2 = 2 reach its creditors."""
    w = World(
        neoclouds=1,
        banks=3,
        claims={(0, 1): 5.0, (1, 2): 2.0},
        interlender_asset_recovery=0.5,
        interlender_claim_recovery=0.75,
    )
    w.loan(0, 2, 10.0)
    w.lender(0, cash=1.0)
    w.lender(1, cash=1.0, funding=3.0, status=LenderStatus.RECEIVERSHIP, settling=1)
    w.lender(2, cash=3.0)
    w.open()
    state_positions(w.economy)
    clear_positions(w.economy, w.p)
    assert w.economy.clearing_vectors[PAID, 1:].tolist() == pytest.approx([2.0, 2.0], rel=1e-12)


def test_costs_leave_as_costs_of_the_estate() -> None:
    w = pair(capital=5.0, interlender_asset_recovery=0.5)
    fail_lenders(w.economy, w.p)
    w.assert_books_close()
    assert w.lenders["cash"].tolist() == pytest.approx([0.5 * 4 / 7, 0.0], abs=1e-12)
    assert w.economy.flows[Flow.ESTATE_COSTS, Sector.LENDERS] == pytest.approx(-0.5, rel=1e-12)
    assert w.lenders["funding"][1] == pytest.approx(3.0 - 0.5 * 3 / 7, rel=1e-12)


def test_who_can_pay_all_of_it_has_no_costs() -> None:
    # Unfunded, not insolvent in cash: all that it owes to lenders and depositors is there.
    w = World(neoclouds=1, banks=1, private_credit=1, claims={(0, 1): 1.0}, interlender_asset_recovery=0.5)
    w.loan(0, 1, 10.0)
    w.lender(1, cash=3.0, funding=1.0, repo=8.0, called=1.0, call_weeks=3)
    w.open()
    assert fail_lenders(w.economy, w.p) == 1
    w.assert_books_close()
    assert w.lenders["cash"].tolist() == pytest.approx([1.0, 1.0], rel=1e-12)
    assert w.lenders["funding"][1] == w.lenders["owed"][1] == 0.0
    assert w.lenders["repo"][1] == 8.0  # secured: it has the loans
    assert w.events(EventKind.INTERLENDER_LOSS)[0]["amount"] == 0.0
    assert w.lenders["trigger"][0] == -1  # which cost the creditor nothing


def test_what_comes_in_later_is_recovered() -> None:
    w = pair(capital=5.0)
    fail_lenders(w.economy, w.p)
    lost = 4.0 - 4 / 7
    w.lenders["cash"][1] += 1.0
    w.lenders["opening_equity"][1] += 1.0
    w.economy.world["cash"][0] -= 1.0
    repay_interlender_claims(w.economy, 1, 0.25)
    assert w.economy.claim_face[0] == pytest.approx(0.75 * lost, rel=1e-12)
    assert w.lenders["owed"][1] == pytest.approx(0.75 * lost, rel=1e-12)
    assert w.lenders["cash"][0] == pytest.approx(4 / 7 + 0.25 * lost, rel=1e-12)
    assert w.lenders["claims"][0] == 0.0
    assert w.outcomes["interlender_loss_musd"] == pytest.approx(0.75 * lost, rel=1e-12)


def test_recoveries_of_a_creditor_that_is_gone_go_to_its_own_creditors() -> None:
    w = World(neoclouds=1, banks=2, claims={(0, 1): 1.0})
    w.loan(0, 1, 5.0)
    w.lender(0, status=LenderStatus.CLOSED, claims=0.0)
    w.lender(1, status=LenderStatus.RECEIVERSHIP, cash=0.5)
    w.open()
    run_off(w.economy, w.p, 1)
    w.assert_books_close()
    assert w.lenders["owed"][1] == pytest.approx(0.5, rel=1e-12)
    assert w.lenders["cash"].tolist() == [0.0, 0.0]


# The channel off.


def test_the_guarantor_makes_creditors_whole() -> None:
    w = pair(channels_interlender=0)
    assert fail_lenders(w.economy, w.p) == 1  # nobody is brought down
    w.assert_books_close()
    assert w.lenders["cash"].tolist() == [4.0, 1.0]
    assert w.lenders["claims"][0] == w.lenders["owed"][1] == 0.0
    assert w.lenders["guaranteed"][1] == 4.0
    assert w.economy.world["cash"][GUARANTOR] == -4.0
    assert w.lenders["income"][0] == 0.0
    assert w.events(EventKind.INTERLENDER_LOSS) == []
    # the guarantor has its share of what there is, with the depositors: 4/7 of 1; then the rest is lost
    run_off(w.economy, w.p, 1)
    w.assert_books_close()
    assert w.economy.world["cash"][GUARANTOR] == pytest.approx(-4.0 + 4 / 7, rel=1e-12)
    lost = w.economy.revaluations[Revaluation.LENDER_WRITE_OFFS, Sector.GUARANTOR]
    assert lost == pytest.approx(-(4.0 - 4 / 7), rel=1e-12)


def test_whole_runs_without_the_channel_lose_nothing_between_lenders() -> None:
    scenario = Scenario.load().with_changes(
        {"channels.interlender": False, "interlender.exposure_share": 0.3, "repo.cure_weeks": 0}
    )
    run = simulate(scenario, seed=1)
    assert run.summary["lender_failures"] > 0
    assert run.summary["interlender_loss_musd"] == 0.0
    assert not (run.events["kind"] == "interlender_loss").any()


def test_the_mesa_face_has_room_for_the_end_of_all_lenders() -> None:
    """A hundred and fifty funds without capital owe each other money; one loses a loan, and all fail."""
    nobody = {row.field: 0 for row in Scenario.load().describe() if row.field.startswith("population.")}
    terms = ("equity_ratio", "capital_minimum", "capital_target", "cash_share")
    changes = {
        **nobody,
        "population.neoclouds": 1,
        "population.private_credit": 150,
        **{f"lenders.private_credit.{term}": 0.0 for term in terms},
        "networks.interlender_kind": "complete",
        "interlender.exposure_share": 0.5,
        "horizon_weeks": 6,
        "shocks.forced_default": {"week": 2, "machine": "H100", "units": 1},
    }
    run = simulate(Scenario.load().with_changes(changes), seed=1)
    assert run.summary["lender_failures"] == 150
    assert (run.events["kind"] == "interlender_loss").sum() > 10_000
    model = MarketModel(run.setup.scenario, rng=1)
    assert len(model.run().events) == len(run.events)
