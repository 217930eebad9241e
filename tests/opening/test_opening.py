"""The opening economy of the baseline against the facts it was calibrated to."""

import numpy as np
import pytest

from hashcredit.simulator import Scenario, simulate
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
        # normal around .60 with deviation .05: six deviations either side; marked loans may be lower
        assert np.all(original < credit.origination_ltv + 6 * credit.ltv_sd)
        unmarked = original[loans["borrowing_base"] == 0]
        assert np.all(unmarked > credit.origination_ltv - 6 * credit.ltv_sd)


def test_marked_and_bitcoin_loans_open_in_compliance(openings):
    setup, tables = openings
    btc = setup.scenario.shocks.btc_price0 * 1e-6
    for table in tables:
        loans = table["loans"][table["loans"]["status"] == 1]
        marked = loans[(loans["borrowing_base"] == 1)]
        base = marked["advance_rate"] * table["machines"]["appraisal"][marked["machine"]] * marked["units"]
        assert np.all(marked["principal"] <= base * (1 + 1e-12))
        coins = loans[loans["instrument"] == 2]
        np.testing.assert_allclose(coins["principal"], 0.5 * coins["coins"] * btc, rtol=1e-12)


def test_every_replicate_opens_another_economy_on_the_same_networks():
    first, second = simulate(seed=1, replicate=0), simulate(seed=1, replicate=1)
    assert not np.array_equal(first.before.borrowers["cash"], second.before.borrowers["cash"])
    assert np.array_equal(first.setup.networks.trade_seller, second.setup.networks.trade_seller)
