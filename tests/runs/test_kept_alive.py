"""Agents that are kept alive: by the least that is enough, and nothing else is changed."""

import pytest
from kept_by_hand import backed, kept_by_hand
from small_economy import CASCADE

from hashcredit.simulator import simulate
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.runs.kept_alive import SUPPORT, CannotBeSavedError, simulate_kept_alive

SEED, REPLICATE = 2, 2


def bits(run):
    """Outcomes, series and agents of a run; NaN equals itself here."""
    economy = run.economy
    return [
        getattr(economy, name).tobytes() for name in ("outcomes", "series", "borrowers", "lenders", "loans")
    ]


@pytest.fixture(scope="module")
def failed():
    return simulate(CASCADE, SEED, REPLICATE).contagion_tree()


def test_who_does_not_fail_gets_nothing_and_the_run_is_the_same(failed):
    spared = next(name for name in ("miner-0", "miner-1", "miner-2", "miner-3") if name not in failed)
    kept = simulate_kept_alive(spared, CASCADE, SEED, REPLICATE)
    assert kept.support == ()
    plain = simulate(CASCADE, SEED, REPLICATE)
    assert bits(kept.run) == bits(plain)
    assert kept.run.events.equals(plain.events)


def first_of(failed, kind):
    """The first of a kind that fails, and not by command."""
    return next(
        name
        for name, node in failed.nodes(data=True)
        if node["agent_kind"] == kind and node["channel"] != "exogenous"
    )


@pytest.mark.parametrize("kind", ["miners", "lenders"])
def test_the_support_is_the_least_that_is_enough(failed, kind):
    """As found by hand, with hooks of the Mesa face."""
    name = first_of(failed, kind)
    kept = simulate_kept_alive(name, CASCADE, SEED, REPLICATE)
    assert name not in kept.run.contagion_tree()
    assert kept.support and {amount for _, amount in kept.support} <= set(SUPPORT)
    assert kept.support[0][0] == failed.nodes[name]["week"]
    model, support = kept_by_hand(CASCADE, name, SEED, REPLICATE)
    assert dict(kept.support) == support
    assert bits(kept.run) == bits(model.result)


@pytest.mark.papers
@pytest.mark.parametrize("kind", ["miners", "lenders"])
def test_books_hold_with_the_support(failed, kind):
    """Every identity after every phase."""
    name = first_of(failed, kind)
    support = dict(simulate_kept_alive(name, CASCADE, SEED, REPLICATE).support)
    backed(CASCADE, name, SEED, REPLICATE, support, check=True).run()


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
