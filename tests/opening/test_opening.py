"""The opening economy of the baseline against the facts it was calibrated to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.books.randomness import Stream
from hashcredit.simulator.opening.draws import opening_uniform, opening_uniforms
from hashcredit.simulator.scenario.facts import fact
from hashcredit.simulator.setup.prepare import allocate, clear, prepare
from hashcredit.simulator.week.step import open_economy

REPLICATES = 40


@pytest.fixture(scope="module")
def openings():
    """Opening tables of some replicates."""
    setup = prepare(Scenario.load(), seed=1)
    economy = allocate(setup, series=False, events=0)
    tables = []
    for replicate in range(REPLICATES):
        clear(economy, setup)
        open_economy(economy, setup.parameters, 1, replicate)
        tables.append({name: getattr(economy, name).copy() for name in ("borrowers", "loans", "machines")})
    return setup, tables


@pytest.mark.parametrize(
    ("machine", "key"), [("H100", "gpu.h100.price.used"), ("A100", "gpu.a100.price.used")]
)
def test_values_of_used_machines_open_in_the_range_of_their_prices(openings, machine, key):
    setup, tables = openings
    value = tables[0]["machines"]["income_value"][setup.machine_names.index(machine)] * 1e6
    assert fact(key).low <= value <= fact(key).high


def test_a_new_machine_is_worth_about_what_it_costs(openings):
    setup, tables = openings
    row = tables[0]["machines"][setup.machine_names.index("B200")]
    # the vendor would sell none at half its value, and raise its price at twice
    assert 0.67 <= row["income_value"] / row["price_new"] <= 1.5


def test_miners_hold_a_minority_of_the_network(openings):
    _, tables = openings
    throughput = tables[0]["machines"]["throughput"]
    asic = tables[0]["machines"]["kind"] == 1
    shares = [
        (t["borrowers"]["units"][:, asic] * throughput[asic]).sum()
        * 1e-6
        / fact("network.hashrate.2026Q1").value
        for t in tables
    ]
    assert 0.1 < np.mean(shares) < 0.5


def test_machine_loans_are_amortised_remains_of_their_original_loan_to_value(openings):
    setup, tables = openings
    credit = setup.scenario.credit
    for table in tables:
        loans = table["loans"][(table["loans"]["status"] == 1) & (table["loans"]["instrument"] == 0)]
        loans = loans[table["machines"]["kind"][loans["machine"]] == 0]  # GPUs cost their list price
        cost = loans["units"] * table["machines"]["price_new"][loans["machine"]]
        original = loans["principal"] / cost * credit.tenor_weeks / loans["maturity_week"]
        # normal around .60 with deviation .05: six deviations either side, marked or not
        assert np.all(np.abs(original - credit.origination_ltv) < 6 * credit.ltv_sd)


def test_marked_and_bitcoin_loans_open_in_compliance(openings):
    setup, tables = openings
    btc = setup.scenario.shocks.btc_price0 * 1e-6
    for table in tables:
        loans = table["loans"][table["loans"]["status"] == 1]
        marked = loans[(loans["borrowing_base"] == 1)]
        base = marked["advance_rate"] * table["machines"]["appraisal"][marked["machine"]] * marked["units"]
        headroom = base / marked["principal"]
        assert np.all(headroom >= setup.scenario.credit.base_headroom * (1 - 1e-12))
        coins = loans[loans["instrument"] == 2]
        np.testing.assert_allclose(coins["principal"], 0.5 * coins["coins"] * btc, rtol=1e-12)


TERMS = {
    "nothing marked": {"credit.marked_share": 0.0},
    "half marked": {"credit.marked_share": 0.5},
    "all marked": {"credit.marked_share": 1.0},
    "all marked, no headroom": {"credit.marked_share": 1.0, "credit.base_headroom": 1.0},
    "two years": {"credit.tenor_weeks": 104},
    "ten years": {"credit.tenor_weeks": 520},
    "coins not pledged": {"miners.btc_pledge": False},
    "more coins pledged": {"credit.btc_initial_ltv": 0.3},
    "all convertibles": {"miners.convertible_share": 1.0, "neoclouds.convertible_share": 1.0},
    "no convertibles": {"miners.convertible_share": 0.0, "neoclouds.convertible_share": 0.0},
    "dear bonds": {"credit.high_yield_coupon": 0.2, "credit.btc_spread": 0.2},
    "balloons of a fifth": {"credit.balloon_share": 0.2},
    "bullets": {"credit.balloon_share": 1.0},
    "all with recourse": {"credit.recourse_share": 1.0, "credit.cross_default_share": 1.0},
}
"""What contracts say, and nothing of what borrowers own and owe."""


def balance_sheets(changes):
    """Debts and assets of each borrower, equity and loans of each lender, M$; then the table of loans."""
    setup = prepare(Scenario.load().with_changes(changes), seed=2)
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 2, 0)
    borrowers, lenders = economy.borrowers, economy.lenders
    coin = economy.market["btc_price"][0] * 1e-6
    coins = borrowers["btc"] + economy.loans["coins"].reshape(len(borrowers), -1).sum(axis=1)
    assets = borrowers["cash"] + coins * coin + borrowers["units"] @ economy.machines["appraisal"]
    sheets = borrowers["debt"].sum(axis=1), assets, lenders["opening_equity"], lenders["loans"].sum(axis=1)
    return sheets, economy.loans[economy.loans["status"] == 1].copy()


@pytest.fixture(scope="module")
def plain():
    return balance_sheets({})


@pytest.mark.parametrize("name", TERMS)
def test_what_contracts_say_changes_no_debt_and_no_asset(plain, name):
    """Borrower by borrower and lender by lender, and so in total."""
    sheets, loans = balance_sheets(TERMS[name])
    for found, expected in zip(sheets, plain[0], strict=True):
        assert expected.sum() > 0.0
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert found.sum() == pytest.approx(expected.sum(), rel=1e-9)
    assert loans.tobytes() != plain[1].tobytes(), "or the terms changed nothing at all"


def test_all_loans_are_as_far_through_their_life_as_through_their_face(plain):
    """Whatever the tenor: the week of maturity is in proportion to it, to the rounding of a week."""
    secured = plain[1]["instrument"] == 0
    for tenor, name in ((104, "two years"), (520, "ten years")):
        loans = balance_sheets(TERMS[name])[1]
        weeks = loans["maturity_week"][secured], plain[1]["maturity_week"][secured] * tenor / 208
        assert np.abs(weeks[0] - weeks[1]).max() <= 0.5 + 0.5 * tenor / 208
        rest = loans["instrument"] != 0
        assert np.array_equal(loans["maturity_week"][rest], plain[1]["maturity_week"][rest])


def test_an_opening_loan_has_its_share_of_what_was_lent_at_first_as_a_balloon(plain):
    """Level instalments on four fifths from then on lead to the face of today, and from it to the balloon."""
    loans = balance_sheets(TERMS["balloons of a fifth"])[1]
    loans = loans[loans["instrument"] == 0]
    left = loans["maturity_week"] / 208  # to the rounding of a week
    original = loans["balloon"] / 0.2
    found = original * (0.2 + 0.8 * left)
    assert np.abs(found - loans["principal"]).max() <= (0.8 * original * 0.5 / 208).max() * (1 + 1e-9)
    bullets = balance_sheets(TERMS["bullets"])[1]
    bullets = bullets[bullets["instrument"] == 0]
    np.testing.assert_allclose(bullets["balloon"], bullets["principal"], rtol=1e-12)
    assert not plain[1]["balloon"].any()


def test_without_a_pledge_the_same_debt_is_owed_by_a_miner_with_its_coins_free(plain):
    loans = balance_sheets(TERMS["coins not pledged"])[1]
    secured = plain[1]["instrument"] == 2
    assert secured.sum() > 5 and not (loans["instrument"] == 2).any() and not loans["coins"].any()
    before, after = plain[1][secured], loans[secured]
    assert np.array_equal(before["principal"], after["principal"])
    assert (after["rank"] == 1).all() and (before["rank"] == 0).all()
    policy = Scenario.load().credit.policy_rate
    np.testing.assert_allclose(after["rate"], before["rate"] + policy, rtol=1e-12)


def test_every_replicate_opens_another_economy_on_the_same_networks():
    first, second = simulate(seed=1, replicate=0), simulate(seed=1, replicate=1)
    assert not np.array_equal(first.before.borrowers["cash"], second.before.borrowers["cash"])
    assert np.array_equal(first.setup.networks.trade_seller, second.setup.networks.trade_seller)


@given(st.integers(0, 2**63 - 1), st.integers(0, 1000), st.integers(0, 300).map(lambda block: 4 * block))
def test_four_draws_at_once_are_the_four(seed: int, agent: int, first: int) -> None:
    stream = Stream.POPULATION_LOAN
    four = opening_uniforms(seed, 3, stream, agent, first)
    assert four == tuple(opening_uniform(seed, 3, stream, agent, first + i) for i in range(4))
