"""The networks: shape, degrees, determinism, and how the kinds differ."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcredit.simulator import Scenario
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.setup.networks import (
    MOST_OF_LAST,
    MOST_PAIRS,
    SCRAP_LINKS,
    build_networks,
    link_table,
)

KINDS = ["erdos-renyi", "scale-free", "core-periphery", "block", "complete"]
RANDOM_KINDS = KINDS[:-1]
POPULATION = {
    "miners": 60,
    "neoclouds": 60,
    "banks": 6,
    "private_credit": 12,
    "bond_funds": 6,
    "operators": 30,
    "brokers": 25,
    "refurbishers": 15,
    "scrap_dealers": 10,
}


LENDERS = Scenario.load().lenders


class Terms(SimpleNamespace):
    """A section of a scenario as `build_networks` knows it: frozen, so that networks can be kept by it."""

    def __hash__(self):
        return hash(tuple(sorted(vars(self).items())))


def economy(kind="erdos-renyi", times=1, population=None, **networks):
    """What `build_networks` reads of a scenario."""
    counts = {name: count * times for name, count in POPULATION.items()} | (population or {})
    settings = {
        "credit_kind": kind,
        "trade_kind": kind,
        "credit_degree": 5.0,
        "trade_degree_peers": 12.0,
        "trade_degree_buyers": 20.0,
        "interlender_kind": kind,
        "interlender_degree": 4.0,
    }
    return Terms(population=Terms(**counts), networks=Terms(**(settings | networks)), lenders=LENDERS)


def sizes(scenario):
    people = scenario.population
    borrowers = people.miners + people.neoclouds
    lenders = people.banks + people.private_credit + people.bond_funds
    outsiders = people.operators + people.brokers + people.refurbishers
    return borrowers, lenders, outsiders, people.scrap_dealers


def matrix(start, neighbour, columns):
    """The network as a table of zeros and ones."""
    linked = np.zeros((len(start) - 1, columns), int)
    np.add.at(linked, (np.repeat(np.arange(len(start) - 1), np.diff(start)), neighbour), 1)
    return linked


def tables(scenario, seed=1):
    """Links as (borrower x lender, seller x peer, seller x outsider, seller x scrap dealer)."""
    networks = build_networks(scenario, seed)
    borrowers, lenders, outsiders, _ = sizes(scenario)
    credit = matrix(networks.credit_start, networks.credit_lender, lenders)
    trade = matrix(networks.trade_start, networks.trade_seller, borrowers + lenders).T
    first_scrap = borrowers + outsiders
    return credit, trade[:, :borrowers], trade[:, borrowers:first_scrap], trade[:, first_scrap:]


def assert_well_formed(networks, scenario):
    borrowers, lenders, outsiders, scrap_dealers = sizes(scenario)
    for start, neighbour, rows, columns in (
        (networks.credit_start, networks.credit_lender, borrowers, lenders),
        (
            networks.trade_start,
            networks.trade_seller,
            borrowers + outsiders + scrap_dealers,
            borrowers + lenders,
        ),
    ):
        assert start.dtype == neighbour.dtype == np.int32
        assert start.shape == (rows + 1,)
        assert start[0] == 0 and start[-1] == len(neighbour)
        assert np.all(np.diff(start) >= 0)
        row = np.repeat(np.arange(rows), np.diff(start))
        assert np.all(np.diff(row * columns + neighbour) > 0)  # ascending in each row, nothing twice
        assert np.all((neighbour >= 0) & (neighbour < columns))


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_links_has_a_bit_for_each_link(kind):
    scenario = economy(kind)
    networks = build_networks(scenario, 1)
    borrowers, lenders, *_ = sizes(scenario)
    linked = matrix(networks.trade_start, networks.trade_seller, borrowers + lenders)
    table = link_table(networks.trade_start, networks.trade_seller, borrowers + lenders, 0)
    bits = [
        [table[row, column >> 3] >> (column & 7) & 1 for column in range(linked.shape[1])] for row in (0, -1)
    ]
    assert table.nbytes <= linked.shape[0] * (linked.shape[1] / 8 + 1)
    assert np.array_equal(bits, linked[[0, -1]])
    assert np.unpackbits(table, bitorder="little").sum() == linked.sum()


def test_a_large_market_has_a_table_of_its_last_bidders_links():
    rows = 1 << 12
    start = np.zeros(rows + 1, np.int32)
    start[-3:] = 1, 1, 3
    few = MOST_PAIRS // rows
    linked = np.array([0, 3, few - 1], np.int32)
    whole = link_table(start, linked, few, 2)
    assert whole.shape == (rows, few // 8)
    last = link_table(start, linked, few + 8, 2)
    assert np.array_equal(last, np.pad(whole[-2:], ((0, 0), (0, 1))))
    assert np.unpackbits(last[1], bitorder="little").nonzero()[0].tolist() == [3, few - 1]
    assert link_table(start, linked, few + 8, 0).shape[0] == 0
    assert link_table(start[-3:], linked, MOST_OF_LAST // 2 + 1, 2).shape[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_sides_of_links_are_the_same_links(kind):
    scenario = economy(kind)
    networks = build_networks(scenario, 3)
    borrowers, lenders, _, _ = sizes(scenario)
    credit, peer, _, _ = tables(scenario, 3)
    clients = matrix(networks.client_start, networks.client_borrower, borrowers)
    peers = matrix(networks.peer_start, networks.peer_bidder, borrowers)
    assert np.array_equal(clients, credit.T) and np.array_equal(peers, peer)
    for start, neighbour, rows in (
        (networks.client_start, networks.client_borrower, lenders),
        (networks.peer_start, networks.peer_bidder, borrowers + lenders),
    ):
        assert np.all(np.diff(np.repeat(np.arange(rows), np.diff(start)) * borrowers + neighbour) > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_is_sorted_and_within_its_tables(kind):
    scenario = economy(kind)
    assert_well_formed(build_networks(scenario, 3), scenario)


@given(
    st.sampled_from(KINDS),
    st.sampled_from(KINDS),
    st.fixed_dictionaries({name: st.integers(0, 12) for name in POPULATION}),
    st.floats(1.0, 1000.0),
    st.floats(0.0, 1e5),
    st.floats(0.0, 1e5),
    st.integers(0, 2**63 - 1),
)
def test_any_small_economy_gets_its_networks(credit_kind, trade_kind, people, lenders, peers, buyers, seed):
    population = people | {"miners": people["miners"] + 1, "banks": people["banks"] + 1}
    scenario = economy(
        population=population,
        credit_kind=credit_kind,
        trade_kind=trade_kind,
        credit_degree=lenders,
        trade_degree_peers=peers,
        trade_degree_buyers=buyers,
    )
    assert_well_formed(build_networks(scenario, seed), scenario)
    credit, peer, _, scrap = tables(scenario, seed)
    assert credit.sum(axis=1).min() >= 1
    assert not np.diagonal(peer).any()
    assert np.all(scrap.sum(axis=1) >= min(SCRAP_LINKS, population["scrap_dealers"]))


@pytest.mark.parametrize("kind", KINDS)
def test_who_must_be_linked_is_and_nobody_bids_for_their_own_machines(kind):
    credit, peers, _, scrap = tables(economy(kind, credit_degree=1.0))
    assert credit.sum(axis=1).min() >= 1
    assert not np.diagonal(peers).any()
    assert np.all(scrap == 1)  # ten dealers: everybody knows all


def test_a_seller_knows_no_more_than_a_few_of_many_scrap_dealers():
    _, _, _, scrap = tables(economy(population={"scrap_dealers": 300}))
    assert np.all(scrap.sum(axis=1) == SCRAP_LINKS)
    # 144 sellers x 10 links over 300 dealers: 4.8 each; nobody knows a dealer with (1 - 1/30)^144 < 1 %
    assert scrap.sum(axis=0).max() < 20
    assert np.mean(scrap.sum(axis=0) == 0) < 0.05


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_mean_degrees_are_those_asked_for(kind):
    scenario = economy(kind, times=10)
    credit, peers, outsiders, _ = tables(scenario)
    for links, degree in ((credit, 5.0), (peers, 12.0), (outsiders, 20.0)):
        # Links are independent or their total is fixed, so the variance of the total is at most its mean.
        noise = 4.0 / np.sqrt(degree * len(links))
        # Scale-free: a hub may draw itself. A borrower without a lender gets one: exp(-5) of them, or the
        # periphery's share without any.
        slack = {"scale-free": 0.01, "core-periphery": 0.05}.get(kind, 0.002)
        assert links.sum(axis=1).mean() == pytest.approx(degree, rel=noise + slack)


def test_erdos_renyi_degrees_are_binomial():
    credit, peers, outsiders, _ = tables(economy(times=10))
    for links, degree in ((credit, 5.0), (peers, 12.0), (outsiders, 20.0)):
        right = links.shape[1]
        variance = degree * (1.0 - degree / right)
        # The sampling error of a variance of n draws is sqrt(2/n) of it, a little more with skewness.
        assert links.sum(axis=1).var() == pytest.approx(variance, rel=5.0 * np.sqrt(2.0 / len(links)))


def test_scale_free_and_core_periphery_degrees_spread_wider_than_erdos_renyi():
    plain, hubs, core = (tables(economy(kind, times=10)) for kind in KINDS[:3])
    for network in range(3):
        for side in (0, 1):
            spread = [links[network].sum(axis=side).std() for links in (plain, hubs, core)]
            assert spread[1] > 1.5 * spread[0]
            assert spread[2] > 1.5 * spread[0]


def test_the_scale_free_tail_is_a_power():
    _, peers, _, _ = tables(economy("scale-free", times=20, trade_degree_peers=6.0))
    degree = np.sort(peers.sum(axis=0))[::-1]
    # P(degree > x) ~ x^-2: Hill's estimate of the exponent from the top 100 has an error of 2/sqrt(100) =
    # 0.2; rounding and the cap at the number of agents add to it.
    tail = degree[:100]
    exponent = 1.0 / np.mean(np.log(tail[:-1] / tail[-1]))
    assert 1.3 < exponent < 2.9


def test_the_core_is_linked_with_itself_and_the_periphery_hardly():
    credit, peers, _, _ = tables(economy("core-periphery", times=10))
    core = np.argsort(peers.sum(axis=1))[-len(peers) // 5 :]
    core_borrowers = core[core < peers.shape[1]]
    rest = np.setdiff1d(np.arange(peers.shape[1]), core_borrowers)
    within = peers[np.ix_(core_borrowers, core_borrowers)].mean()
    outside = peers[np.ix_(rest, rest)].mean()
    assert within > 10.0 * outside
    # A core lender has 0.2 x 1 + 0.8 x 0.25 = 0.4, another 0.2 x 0.25 + 0.8 x 0.02 = 0.066: a fifth of the
    # lenders has 0.2 x 0.4 / (0.2 x 0.4 + 0.8 x 0.066) = 60 % of the links.
    lending = np.sort(credit.sum(axis=0))[::-1]
    assert lending[: len(lending) // 5].sum() == pytest.approx(0.602 * lending.sum(), rel=0.05)


def test_blocks_deal_among_themselves():
    # Agents of one block have most of their counterparties in common, others hardly any: the numbers of
    # common ones fall into two heaps, about 23 and 2, where equal chances give 7.5 with a variance of 7.
    def variance_of_common_peers(kind):
        _, peers, _, _ = tables(economy(kind, trade_degree_peers=30.0))
        common = peers @ peers.T
        return common[~np.eye(len(common), dtype=bool)].var()

    assert variance_of_common_peers("block") > 5.0 * variance_of_common_peers("erdos-renyi")


def test_complete_is_complete():
    credit, peers, outsiders, scrap = tables(economy("complete", population={"scrap_dealers": 25}))
    assert np.all(credit == 1) and np.all(outsiders == 1) and np.all(scrap == 1)
    borrowers = peers.shape[1]
    assert np.array_equal(peers[:borrowers], 1 - np.eye(borrowers, dtype=int))
    assert np.all(peers[borrowers:] == 1)


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_more_counterparties_than_there_are_means_all(kind):
    scenario = economy(kind, credit_degree=24.0, trade_degree_peers=500.0, trade_degree_buyers=70.0)
    for drawn, full in zip(tables(scenario), tables(economy("complete")), strict=True):
        assert np.array_equal(drawn, full)


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_the_same_seed_gives_the_same_networks_and_another_seed_others(kind):
    first, again, other = (build_networks(economy(kind), seed) for seed in (7, 7, 8))
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(first.credit_lender, other.credit_lender)
    assert not np.array_equal(first.trade_seller, other.trade_seller)


def test_a_change_to_one_network_leaves_the_others_alone():
    base = tables(economy())
    credit = tables(economy(credit_kind="scale-free", credit_degree=9.0))
    peers = tables(economy(trade_degree_peers=4.0))
    assert not np.array_equal(base[0], credit[0])
    assert all(np.array_equal(base[i], credit[i]) for i in (1, 2, 3))
    assert not np.array_equal(base[1], peers[1])
    assert all(np.array_equal(base[i], peers[i]) for i in (0, 2, 3))


def test_a_network_that_is_too_large_is_refused_before_it_is_built():
    with pytest.raises(ScenarioError, match=r"networks\.credit_kind: 'complete'.*5,000,000"):
        build_networks(economy(credit_kind="complete", times=100), 1)
    with pytest.raises(ScenarioError, match=r"networks\.trade_kind"):
        build_networks(economy(trade_kind="complete", times=100), 1)
    with pytest.raises(ScenarioError, match=r"networks\.trade_degree_peers: 1000\.0"):
        build_networks(economy(times=100, trade_degree_peers=1000.0), 1)
    with pytest.raises(ScenarioError, match=r"networks\.trade_degree_buyers"):
        build_networks(economy(times=100, trade_degree_buyers=1000.0), 1)


def test_the_baseline_scenario_has_networks():
    scenario = Scenario.load()
    networks = build_networks(scenario, 1)
    assert_well_formed(networks, scenario)
    assert networks.credit_start[-1] > sizes(scenario)[0]
