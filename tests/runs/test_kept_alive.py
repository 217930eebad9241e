"""Agents that are kept alive: by the least that is enough, and nothing else is changed."""

import numpy as np
import pytest
from kept_by_hand import kept_by_hand
from small_economy import CASCADE

from hashcredit.simulator import simulate
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.runs.kept_alive import SUPPORT, CannotBeSavedError, simulate_kept_alive

SEED, REPLICATE = 2, 2


@pytest.fixture(scope="module")
def failed():
    return simulate(CASCADE, SEED, REPLICATE).contagion_tree()


def test_who_does_not_fail_gets_nothing_and_the_run_is_the_same(failed):
    spared = next(name for name in ("miner-0", "miner-1", "miner-2", "miner-3") if name not in failed)
    kept = simulate_kept_alive(spared, CASCADE, SEED, REPLICATE)
    assert kept.support == ()
    plain = simulate(CASCADE, SEED, REPLICATE)
    assert kept.run.summary == plain.summary
    assert kept.run.events.equals(plain.events)


@pytest.mark.parametrize("kind", ["miners", "neoclouds", "lenders"])
def test_the_support_is_the_least_that_is_enough(failed, kind):
    """As found by hand, with hooks of the Mesa face, which tests every identity after every phase."""
    name = next(
        n for n, node in failed.nodes(data=True) if node["agent_kind"] == kind and node["cause"] != "forced"
    )
    kept = simulate_kept_alive(name, CASCADE, SEED, REPLICATE)
    assert name not in kept.run.contagion_tree()
    assert kept.support and {amount for _, amount in kept.support} <= set(SUPPORT)
    assert kept.support[0][0] == failed.nodes[name]["week"]
    model, support = kept_by_hand(CASCADE, name, SEED, REPLICATE, check=True)
    assert dict(kept.support) == support
    assert kept.run.summary == model.summary
    paid = (
        kept.run.flows.loc["equity_injections"]
        - simulate(CASCADE, SEED, REPLICATE).flows.loc["equity_injections"]
    )
    assert np.isfinite(paid.to_numpy()).all() and sum(support.values()) > 0.0


def test_no_cash_prevents_what_the_scenario_imposes(failed):
    name = next(n for n, node in failed.nodes(data=True) if node["cause"] == "forced")
    with pytest.raises(CannotBeSavedError, match="the scenario makes it fail in week 3"):
        simulate_kept_alive(name, CASCADE, SEED, REPLICATE)


def test_an_agent_that_is_not_there_is_refused():
    with pytest.raises(
        ScenarioError, match=r"agent: 'miner-99' is not allowed; expected a borrower or lender"
    ):
        simulate_kept_alive("miner-99", CASCADE)
    with pytest.raises(ScenarioError, match="agent"):
        simulate_kept_alive("broker-0", CASCADE)
