"""The loan tape: its sums against the books of the run, and values and yields against sums of payments."""

import numpy as np
import pandas as pd
import pytest
from small_economy import CASCADE, FIRE_SALE, SMALL

from hashcredit.agents.units import WEEK
from hashcredit.simulator import MarketModel, simulate, simulate_many
from hashcredit.simulator.reports.tape import internal_spread, value_at
from hashcredit.simulator.runs import blocks, engine, tapes
from hashcredit.simulator.runs.engine import record, run_replicate
from hashcredit.simulator.runs.tapes import reduce_tapes
from hashcredit.simulator.setup.prepare import allocate, prepare
from hashcredit.simulator.state.tape import LEAST_SPREAD, MOST_SPREAD, NODES, SPREADS

RATE = 0.04
"""Policy rate of payments that are made up, 1/yr."""
MIDDLE, REACH = 0.5 * (LEAST_SPREAD + MOST_SPREAD), 0.5 * (MOST_SPREAD - LEAST_SPREAD)


def discounted(payments, spreads):
    """Sum of payments (row: a loan, column: a week from now) at a spread [loan, spread]."""
    weeks = np.arange(payments.shape[1])
    factors = (1.0 + (RATE + np.atleast_1d(spreads)[:, None]) * WEEK) ** -weeks
    return payments @ factors.T


def bound(payments):
    """How far the polynomial may be off, M$ [loan]: of a function that is at most M on the ellipse with foci
    at the ends of the interval and half axes (rho +- 1/rho)/2, 4 M rho^-n / (rho - 1) at degree n (Trefethen,
    *Approximation Theory and Approximation Practice*, 2013, theorem 8.2). M is reached at the left end."""
    rho = np.linspace(1.5, 40.0, 400)
    left = MIDDLE - REACH * (rho + 1.0 / rho) / 2.0
    factor = 4.0 * rho ** -(NODES - 1.0) / (rho - 1.0)
    return (discounted(np.abs(payments), left) * factor).min(axis=1)


def level_loan(weeks, spread, floating=True):
    """Payments of a loan of 1 M$ that is served in equal instalments of principal."""
    left = 1.0 - np.arange(weeks) / weeks
    interest = left * ((RATE if floating else 0.0) + spread) * WEEK
    return np.concatenate([[-1.0], interest + 1.0 / weeks])


# values and yields, of payments that are made up


def test_a_value_is_the_sum_of_discounted_payments():
    rng = np.random.default_rng(1)
    payments = np.hstack(
        [-np.ones((40, 1)), rng.exponential(0.01, (40, 260)) * rng.integers(0, 2, (40, 260))]
    )
    values = discounted(payments, SPREADS)
    rounding = np.abs(values).max() * 50 * np.finfo(float).eps
    for spread in rng.uniform(LEAST_SPREAD, MOST_SPREAD, 20):
        off = np.abs(value_at(values, spread) - discounted(payments, spread)[:, 0])
        assert (off <= bound(payments) + rounding).all()
    assert bound(payments).max() < 2e-3, "otherwise the bound says nothing"


def test_a_value_at_a_point_of_the_tape_is_what_stands_there():
    values = np.random.default_rng(2).normal(size=(3, len(SPREADS)))
    for place in range(1, len(SPREADS)):
        np.testing.assert_array_equal(value_at(values, SPREADS[place]), values[:, place])


@pytest.mark.parametrize("spread", [LEAST_SPREAD - 1e-9, MOST_SPREAD + 1e-9, np.nan])
def test_values_are_not_told_outside_the_interval(spread):
    with pytest.raises(ValueError, match=r"spreads are told from -0\.3 to 0\.6"):
        value_at(np.zeros((1, len(SPREADS))), spread)


@pytest.mark.parametrize("spread", [-0.02, 0.0, 0.0225, 0.13, 0.45])
def test_a_loan_that_is_served_yields_its_spread(spread):
    """To 1e-8 over a year; over five years to what the polynomial may be off, over the slope of the value."""
    assert internal_spread(discounted(level_loan(52, spread)[None], SPREADS))[0] == pytest.approx(
        spread, abs=1e-8
    )
    long = level_loan(260, spread)[None]
    ends = np.array([spread - 1e-4, spread + 1e-4])
    slope = abs(np.diff(discounted(long, ends)[0])[0]) / 2e-4
    found = internal_spread(discounted(long, SPREADS))[0]
    assert abs(found - spread) <= 2.0 * bound(long)[0] / slope + 1e-12


def test_yields_beyond_what_the_tape_knows_have_no_number():
    lost, gift, nothing = np.zeros((3, 53))
    lost[0] = gift[0] = -1.0
    gift[52] = 3.0
    found = internal_spread(discounted(np.array([lost, gift, nothing]), SPREADS))
    assert found[0] == -np.inf and found[1] == np.inf and np.isnan(found[2])


# the tape of a run

FREE = {"investment.commitment_fee": 0.0}
"""Fees on what is not drawn yet belong to no loan of the tape."""


@pytest.fixture(scope="module")
def run():
    """A run in which loans are made, repaid, prolonged, missed and resolved."""
    long = CASCADE.with_changes({**FREE, "horizon_weeks": 120})
    run = simulate(long, 2, 2)
    assert {"performing", "repaid", "defaulted", "resolved"} <= set(run.loan_tape["status"])
    return run


def test_the_tape_adds_up_to_the_flows(run):
    tape, flows = run.loan_tape, run.flows["lenders"]
    made_later = tape["week"] >= 0
    assert made_later.any() and not made_later.all()
    for paid, flow in (
        (tape["interest"].sum(), flows["interest"]),
        (tape["principal"].sum(), flows["loan_repayments"]),
        (tape["drawn"][made_later].sum(), -flows["loan_drawdowns"]),
    ):
        assert paid == pytest.approx(flow, rel=1e-11) and flow != 0.0
    opening = run.opening["loans"]
    assert tape["drawn"][~made_later].sum() == pytest.approx(opening["principal"].sum(), rel=1e-12)


def test_fees_on_undrawn_loans_are_interest_of_no_loan():
    """What of the flow is not on the tape is what commitments cost, and nothing else."""
    fees = CASCADE.with_changes({"investment.commitment_fee": 0.02, "horizon_weeks": 60})
    one = simulate(fees, 2, 2)
    missing = one.flows.loc["interest", "lenders"] - one.loan_tape["interest"].sum()
    assert 0.0 < missing < 0.2 * one.flows.loc["interest", "lenders"]


def test_what_was_drawn_is_repaid_recovered_owed_or_lost(run):
    """Interest that is not paid is owed on top; so are outlays, which recoveries are net of."""
    tape, changes = run.loan_tape, run.revaluations["lenders"]
    outlays = -run.flows.loc["removal_and_storage", "lenders"]
    owed = tape["drawn"].sum() + changes["capitalised_interest"]
    paid = tape["principal"].sum() + tape["recovered"].sum() + outlays
    lost = -changes["write_offs"]
    assert lost > 0.0 and changes["capitalised_interest"] > 0.0
    assert owed == pytest.approx(paid + tape["left"].sum() + lost, rel=1e-11)


def test_loans_of_the_table_are_rows_of_the_tape(run):
    loans, tape = run.tables["loans"], run.loan_tape
    assert loans["number"].is_unique
    rows = tape.loc[loans["number"]].reset_index(drop=True)
    assert (rows["number"] == loans["number"]).all()
    for column in ("obligor", "status", "instrument", "default_week", "claim", "recovered_pv", "machine"):
        pd.testing.assert_series_equal(rows[column], loans[column], check_names=False)
    np.testing.assert_array_equal(rows["left"], loans["principal"])
    assert len(tape) == run.economy.clock["loans_made"][0] > len(loans), "some rows were taken again"


def test_loans_that_were_served_yielded_their_contracts(run):
    """Their own spread, whatever the policy rate did; of coupons, what they paid over it on average."""
    tape = run.loan_tape
    served = tape[(tape["status"] == "repaid") & (tape["default_week"] < 0) & (tape["annuity"] > 0.0)]
    floating = served[served["instrument"].isin(["machine_loan", "btc_loan"])]
    own = (floating["interest_pv"] - floating["base_pv"]) / floating["annuity"]
    untouched = np.isclose(floating["drawn"], floating["principal"], rtol=1e-12)  # nothing was capitalised
    assert untouched.sum() >= 5
    np.testing.assert_allclose(floating["internal_spread"][untouched], own[untouched], atol=1e-7)


def test_a_forced_part_of_a_facility_is_a_loan_of_its_own():
    """A facility of which a part is seized becomes two: each has its number, and the books still close."""
    run = simulate(FIRE_SALE.with_changes(FREE), 2, 2)
    tape, changes = run.loan_tape, run.revaluations["lenders"]
    assert run.tables["loans"]["number"].is_unique and "empty" not in set(tape["status"])
    outlays = -run.flows.loc["removal_and_storage", "lenders"]
    owed = tape["drawn"].sum() + changes["capitalised_interest"]
    paid = tape["principal"].sum() + tape["recovered"].sum() + outlays
    assert owed == pytest.approx(paid + tape["left"].sum() - changes["write_offs"], rel=1e-11)


# many runs


def assert_same_bits(one, other, name=""):
    """Rows are padded to whole lines of memory, and what stands between columns does not count."""
    for field in one.dtype.names or (...,):
        assert one[field].tobytes() == other[field].tobytes(), (name, field)


def rows_of(run):
    return run.setup.seed, run.replicate, run.tape.copy()


SEEDS, REPLICATES = [3, 1], 3


@pytest.fixture(scope="module")
def expected():
    """Tapes of runs of their own, by seed and replicate."""
    found = {}
    for seed in SEEDS:
        for replicate in range(REPLICATES):
            economy = record(prepare(SMALL, seed), replicate).economy
            found[seed, replicate] = economy.tape[: economy.clock["loans_made"][0]].copy()
    return found


def check_tapes(found, expected):
    assert [[run[:2] for run in of_seed] for of_seed in found] == [
        [(seed, replicate) for replicate in range(REPLICATES)] for seed in SEEDS
    ]
    for of_seed in found:
        for seed, replicate, tape in of_seed:
            assert_same_bits(tape, expected[seed, replicate])


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_in_one_economy_leave_no_trace_of_the_former(expected, threads):
    check_tapes(reduce_tapes(SMALL, SEEDS, REPLICATES, rows_of, threads=threads, progress=False), expected)


def test_a_tape_that_is_too_small_is_begun_again(expected, monkeypatch):
    assert min(len(tape) for tape in expected.values()) > 10
    for module in (engine, tapes):
        monkeypatch.setattr(module, "first_tape", lambda setup: 10)
    check_tapes(reduce_tapes(SMALL, SEEDS, REPLICATES, rows_of, threads=1, progress=False), expected)
    alone = simulate(SMALL, SEEDS[0], 1).economy
    assert len(alone.tape) > 10
    assert_same_bits(alone.tape[: alone.clock["loans_made"][0]], expected[SEEDS[0], 1])


def test_blocks_of_replicates_change_nothing(expected, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 1)
    told = []
    found = reduce_tapes(
        SMALL, SEEDS, REPLICATES, rows_of, threads=2, progress=lambda *done: told.append(done)
    )
    check_tapes(found, expected)
    assert told[-1] == (6, 6) and sorted(told) == told


def test_an_error_of_the_reader_is_raised():
    def keep(run):
        raise RuntimeError(f"replicate {run.replicate}")

    with pytest.raises(RuntimeError, match="replicate"):
        reduce_tapes(SMALL, [1], 2, keep, threads=1, progress=False)


def test_a_tape_changes_nothing_else():
    """The run with a tape, without one, one of many and Mesa's agree to the last bit."""
    taped = simulate(SMALL, 3, 1)
    setup = prepare(SMALL, 3)
    plain = allocate(setup, series=True, events=len(taped.economy.events))
    run_replicate(plain, setup, 1)
    assert len(plain.tape) == 0 < len(taped.economy.tape)
    for name in ("borrowers", "lenders", "loans", "contracts", "orders", "market", "flows", "outcomes"):
        assert_same_bits(getattr(plain, name), getattr(taped.economy, name), name)
    many = simulate_many(SMALL, 3, 2, threads=1, progress=False)
    row = many.summary.iloc[1]
    for name, value in taped.summary.items():
        np.testing.assert_array_equal(row[name], value, err_msg=name)
    model = MarketModel(SMALL, rng=3, replicate=1)
    model.run()
    pd.testing.assert_frame_equal(model.tables["loans"], taped.tables["loans"], check_exact=True)


def test_the_tape_of_a_run_is_named_and_dated(run):
    tape = run.loan_tape
    assert tape["number"].tolist() == list(range(len(tape)))
    assert tape["week"].is_monotonic_increasing and tape["week"].iloc[0] == -1
    over = tape["status"].isin(["repaid", "resolved"])
    assert tape.loc[over, "value"].notna().all() and tape.loc[~over, "value"].isna().all()
    names = run.tables["borrowers"].set_index("row")["name"]
    assert tape["obligor_name"].tolist() == names.loc[tape["obligor"]].tolist()
    assert "growth" not in tape.columns
