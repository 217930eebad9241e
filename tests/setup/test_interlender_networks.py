"""Who owes whom among lenders: sums that are met, few links or all, files, refusals, and seeds."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_economy import SMALL

from hashcredit.simulator import Scenario, simulate, write_networks
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.setup.interlender import by_creditor, every_pair, fit, minimum_density, sums
from hashcredit.simulator.setup.networks import build_networks

KINDS = (
    "erdos-renyi",
    "scale-free",
    "core-periphery",
    "block",
    "complete",
    "maximum-entropy",
    "minimum-density",
)
BASELINE = Scenario.load()
LENDERS = 24


def dense(networks, lenders=LENDERS):
    """Share of all debts by creditor and debtor."""
    matrix = np.zeros((lenders, lenders))
    creditor = np.repeat(np.arange(lenders), np.diff(networks.claim_start))
    np.add.at(matrix, (creditor, networks.claim_debtor), networks.claim_share)
    return matrix


def of_kind(kind, seed=1, **changes):
    more = {f"networks.{name}": value for name, value in changes.items()}
    return build_networks(BASELINE.with_changes({"networks.interlender_kind": kind, **more}), seed)


def random_sums(seed, lenders):
    """Claims and debts that can be met without a lender that owes itself: nobody has half of anything."""
    rng = np.random.default_rng(seed)
    claims, debts = rng.uniform(0.5, 1.5, (2, lenders))
    return claims / claims.sum(), debts / debts.sum(), rng


def proportional_fit(claims, debts, rounds=3000):
    """The textbook's: scale the rows, scale the columns, of a dense table with an empty diagonal."""
    table = np.outer(claims, debts)
    np.fill_diagonal(table, 0.0)
    for _ in range(rounds):
        table *= (claims / table.sum(axis=1))[:, None]
        table *= debts / table.sum(axis=0)
    return table


@given(st.integers(0, 2**32), st.integers(4, 12))
@settings(deadline=None, max_examples=40)
def test_maximum_entropy_is_that_of_a_dense_fit(seed, lenders):
    claims, debts, _ = random_sums(seed, lenders)
    creditor, debtor = every_pair("networks.interlender_kind", "maximum-entropy", lenders)
    share = fit(creditor, debtor, claims, debts)
    table = np.zeros((lenders, lenders))
    table[creditor, debtor] = share
    np.testing.assert_allclose(table, proportional_fit(claims, debts), rtol=0, atol=1e-10)
    np.testing.assert_allclose(table.sum(axis=1), claims, atol=1e-10)
    np.testing.assert_allclose(table.sum(axis=0), debts, atol=1e-10)


def test_maximum_entropy_by_hand():
    # Three alike: a sixth on each of six links.
    third = np.full(3, 1 / 3)
    share = fit(*every_pair("networks.interlender_kind", "complete", 3), third, third)
    assert share == pytest.approx(np.full(6, 1 / 6), rel=1e-12)


@given(st.integers(0, 2**32), st.integers(4, 40))
@settings(deadline=None, max_examples=60)
def test_minimum_density_has_few_links_and_meets_the_sums(seed, lenders):
    claims, debts, rng = random_sums(seed, lenders)
    creditor, debtor, share = minimum_density(claims, debts, rng)
    assert len(share) <= 2 * lenders - 1
    assert len(set(zip(creditor.tolist(), debtor.tolist(), strict=True))) == len(share)
    assert (creditor != debtor).all() and (share > 0.0).all()
    assert share.sum() == pytest.approx(1.0, rel=1e-12)
    # all sums are met, unless a last lender could only have lent to itself: then nobody else lacks anything
    lacking = np.abs(np.bincount(creditor, share, lenders) - claims)
    owing = np.abs(np.bincount(debtor, share, lenders) - debts)
    if lacking.max() > 1e-9:
        last = int(np.argmax(lacking))
        left_out = 1.0 - claims.sum() + (claims[last] - np.bincount(creditor, share, lenders)[last])
        assert int(np.argmax(owing)) == last or left_out < 1.0


def test_sums_follow_the_kinds_weights():
    # Over many seeds the mean share of a kind is its weight times its number, sizes being independent of it.
    people, terms = BASELINE.population, BASELINE.lenders
    rng = np.random.default_rng(1)
    draws = np.mean([sums(people, terms, rng) for _ in range(400)], axis=0)
    counts = np.array([people.banks, people.private_credit, people.bond_funds])
    kinds = (terms.bank, terms.private_credit, terms.bond_fund)
    ends = np.cumsum(counts)
    for found, weights in (
        (draws[0], [kind.interlender_claims for kind in kinds]),
        (draws[1], [kind.interlender_debts for kind in kinds]),
    ):
        expected = counts * weights / (counts * np.array(weights)).sum()
        by_kind = [part.sum() for part in np.split(found, ends[:-1])]
        assert by_kind == pytest.approx(expected.tolist(), abs=0.02)
        assert found.sum() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_an_orderly_network(kind):
    networks = of_kind(kind)
    start, debtor, share = networks.claim_start, networks.claim_debtor, networks.claim_share
    assert start.dtype == debtor.dtype == np.int64
    assert len(start) == LENDERS + 1 and start[0] == 0 and start[-1] == len(debtor) == len(share) > 0
    creditor = np.repeat(np.arange(LENDERS), np.diff(start))
    assert (np.diff(creditor * LENDERS + debtor) > 0).all()  # ascending, nothing twice
    assert (creditor != debtor).all()
    assert (share > 0.0).all()
    assert share.sum() == pytest.approx(1.0, rel=1e-12)
    assert dense(networks).diagonal().sum() == 0.0


def test_complete_is_maximum_entropy_and_others_have_fewer_links():
    links = {kind: len(of_kind(kind).claim_debtor) for kind in KINDS}
    assert links["complete"] == links["maximum-entropy"] == LENDERS * (LENDERS - 1)
    assert links["minimum-density"] <= 2 * LENDERS
    assert all(
        links[kind] < links["complete"] for kind in KINDS if kind not in ("complete", "maximum-entropy")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits_and_another_one_others(kind):
    first, again, other = (of_kind(kind, seed) for seed in (3, 3, 4))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    assert first.claim_share.tobytes() != other.claim_share.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_other_networks_do_not_change_with_it(kind):
    plain, changed = build_networks(BASELINE, 1), of_kind(kind, interlender_degree=7.0)
    for field in ("credit_start", "credit_lender", "trade_start", "trade_seller"):
        assert getattr(plain, field).tobytes() == getattr(changed, field).tobytes()
    others = BASELINE.with_changes({"networks.credit_kind": "complete", "networks.trade_degree_peers": 3.0})
    assert build_networks(others, 1).claim_share.tobytes() == plain.claim_share.tobytes()


def test_links_without_a_debt_are_left_out():
    start, debtor, share = by_creditor(np.array([2, 0, 1]), np.array([0, 2, 0]), np.array([0.5, 0.5, 0.0]), 3)
    assert (start.tolist(), debtor.tolist(), share.tolist()) == ([0, 1, 1, 2], [2, 0], [0.5, 0.5])


@pytest.mark.parametrize("field", ["interlender_claims", "interlender_debts"])
@pytest.mark.parametrize("kind", KINDS)
def test_without_weights_nobody_owes_anything(field, kind):
    nobody = {f"lenders.{each}.{field}": 0.0 for each in ("bank", "private_credit", "bond_fund")}
    scenario = SMALL.with_changes({**nobody, "networks.interlender_kind": kind})
    assert len(build_networks(scenario, 1).claim_share) == 0
    assert simulate(scenario).before.lenders["owed"].sum() == 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lenders", [1, 2])
def test_one_lender_owes_nobody_and_two_owe_each_other(kind, lenders):
    alone = {"population.banks": lenders, "population.private_credit": 0, "population.bond_funds": 0}
    networks = build_networks(SMALL.with_changes({**alone, "networks.interlender_kind": kind}), 1)
    assert (dense(networks, lenders).diagonal() == 0.0).all()
    assert networks.claim_share.sum() == pytest.approx(float(lenders > 1), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_claims_on_a_lender_are_found_from_its_side(kind):
    networks = of_kind(kind)
    creditor = np.repeat(np.arange(LENDERS), np.diff(networks.claim_start))
    for debtor in range(LENDERS):
        places = slice(networks.debt_start[debtor], networks.debt_start[debtor + 1])
        links = np.flatnonzero(networks.claim_debtor == debtor)
        assert networks.debt_link[places].tolist() == links.tolist()
        assert networks.debt_creditor[places].tolist() == creditor[links].tolist()


# Files.


def from_file(file):
    return SMALL.with_changes({"networks.interlender_kind": "file", "networks.interlender_file": str(file)})


@pytest.mark.parametrize("form", ["graphml", "csv"])
def test_it_comes_back_from_a_file(form, tmp_path):
    file = write_networks(SMALL, 4, tmp_path, form)[2]
    assert file.name == f"interlender.{form}"
    drawn, read = build_networks(SMALL, 4), build_networks(from_file(file), 4)
    for field in (
        "credit_start",
        "credit_lender",
        "trade_start",
        "trade_seller",
        "claim_start",
        "claim_debtor",
    ):
        assert getattr(drawn, field).tobytes() == getattr(read, field).tobytes()
    np.testing.assert_allclose(read.claim_share, drawn.claim_share, rtol=1e-9)


def test_a_link_leads_from_the_debtor_to_the_creditor(tmp_path):
    file = tmp_path / "nets.csv"
    file.write_text("source,target\nbank-0,private_credit-0\n")
    networks = build_networks(from_file(file), 1)
    row = SMALL.population.banks
    creditor = np.repeat(np.arange(len(networks.claim_start) - 1), np.diff(networks.claim_start))
    assert (creditor.tolist(), networks.claim_debtor.tolist()) == ([row], [0])
    assert networks.claim_share.tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bank-0,miner-0", "two lenders"),
        ("bank-0,bank-99", "known are"),
        ("bank-0,bank-0", "two different agents"),
        ("bank-0,private_credit-0\nbank-0,private_credit-0", "twice|once"),
    ],
)
def test_a_file_with_other_links_is_refused(text, message, tmp_path):
    file = tmp_path / "nets.csv"
    file.write_text(f"source,target\n{text}\n")
    with pytest.raises(ScenarioError, match=message):
        build_networks(from_file(file), 1)


def test_an_undirected_graph_is_refused(tmp_path):
    graph = nx.Graph([("bank-0", "private_credit-0")])
    nx.write_graphml(graph, tmp_path / "nets.graphml")
    with pytest.raises(ScenarioError, match="from a debtor to a creditor"):
        build_networks(from_file(tmp_path / "nets.graphml"), 1)


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_too_many_links_are_refused(kind, monkeypatch):
    monkeypatch.setattr("hashcredit.simulator.setup.networks.MOST_LINKS", 500)
    monkeypatch.setattr("hashcredit.simulator.setup.interlender.MOST_LINKS", 500)
    few = {
        "networks.credit_degree": 1.0,
        "networks.trade_degree_peers": 0.0,
        "networks.trade_degree_buyers": 0.0,
        "networks.interlender_degree": 1000.0,
        "networks.interlender_kind": kind,
        "population.miners": 10,
        "population.neoclouds": 10,
    }
    with pytest.raises(ScenarioError, match=r"^networks\.interlender_(kind|degree)"):
        build_networks(BASELINE.with_changes(few), 77)
