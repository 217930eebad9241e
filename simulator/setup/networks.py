"""Who can deal with whom: random graphs of a (scenario, seed), kept as sorted CSR arrays.

Four graphs, each from its own random stream, so that changing one leaves the others as they were:

    credit      borrowers - lenders
    peers       sellers (borrowers, then lenders) - borrowers who bid; nobody bids for their own machines
    outsiders   sellers - buyers other than scrap dealers
    interlender lenders - lenders, with weights; see `interlender_networks`

Scrap dealers take anybody's machines: every seller knows SCRAP_LINKS of them (all, if there are fewer), on
top of its other buyers. A degree is the mean number of counterparties seen by a borrower (credit) or by a
seller (trade); more than there are counterparties means all of them, and so does "complete".

A network of the kind "file" is read from a file, links with scrap dealers included, and nothing is added to
it; see `network_files`. The other kinds: "erdos-renyi" links all pairs with one probability; "core-periphery"
and "block" do so pair of groups by pair of groups; who is in which group is random. "scale-free" draws
degrees with a Pareto tail on both sides and matches them at random (configuration model). Large graphs are
drawn in slices of the left side, which has the same law; see `random_graphs`.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.network_files import MOST_LINKS, file_links
from hashcredit.simulator.setup.interlender import (
    by_creditor,
    by_debtor,
    every_pair,
    fit,
    minimum_density,
    sums,
)
from hashcredit.simulator.setup.random_graphs import Index, Pairs, binomial_links, configuration_links

if TYPE_CHECKING:
    from hashcredit.simulator.scenario.fields.lenders import Lenders
    from hashcredit.simulator.scenario.fields.networks import Networks as NetworkTerms
    from hashcredit.simulator.scenario.fields.population import Population
    from hashcredit.simulator.scenario.scenario import Scenario

Matrix = NDArray[np.float64]

SCRAP_LINKS = 10
"""Scrap dealers that a seller knows."""

CORE_SHARE = 0.2
"""Share of each side that is in the core of a core-periphery network."""

TAIL = 2.0
"""Pareto exponent of degrees in a scale-free network: P(degree > x) falls as x to the power -2."""

BLOCKS = 4
BLOCK_WEIGHTS = {
    "erdos-renyi": np.ones((1, 1)),
    "complete": np.ones((1, 1)),
    "core-periphery": np.array([[1.0, 0.25], [0.25, 0.02]]),
    "block": np.where(np.eye(BLOCKS) == 1.0, 1.0, 0.05),
}
"""Relative probability of a link between groups."""

SLICE = 200_000
"""Links of one random graph; a change of it changes the draws."""

MATCHING_ROUNDS = 3
"""Times that links of a scale-free network are matched anew if they hit a pair already linked."""

MOST_PAIRS = 1 << 22
"""Bidders times sellers up to which a market has a table of links: 1,400 borrowers in the baseline's mix."""
MOST_OF_LAST = 1 << 28
"""Buyers times sellers up to which a larger market has one of its buyers: 32 MiB."""

CREDIT, PEERS, OUTSIDERS, SCRAP, INTERLENDER = range(5)


class Networks(NamedTuple):
    """Neighbours of row i are `neighbour[start[i] : start[i + 1]]`, ascending, each once."""

    credit_start: NDArray[np.int32]  # borrower -> lenders
    credit_lender: NDArray[np.int32]
    client_start: NDArray[np.int32]  # the same links from the other side: lender -> borrowers
    client_borrower: NDArray[np.int32]
    trade_start: NDArray[np.int32]  # bidder (borrowers, then buyers) -> sellers
    trade_seller: NDArray[np.int32]  # borrowers, then lenders
    peer_start: NDArray[np.int32]  # of these links from the other side: seller -> borrowers who bid
    peer_bidder: NDArray[np.int32]
    claim_start: NDArray[np.int64]  # creditor -> lenders that owe it money
    claim_debtor: NDArray[np.int64]
    claim_share: NDArray[np.float64]  # of all debts between lenders
    debt_start: NDArray[np.int64]  # the same claims from the other side: debtor -> places in `claim_debtor`
    debt_link: NDArray[np.int64]
    debt_creditor: NDArray[np.int64]  # whose claim each of these is


class Wanted(NamedTuple):
    """All of a scenario that its networks depend on."""

    networks: "NetworkTerms"
    population: "Population"
    lenders: "Lenders"


def build_networks(scenario: "Scenario", seed: int) -> Networks:
    """Draw or read the networks of a scenario; the same for all replicates of a seed.

    The last few are kept: in a sweep most points leave the networks as they are. Nobody writes to them.
    """
    return _build(Wanted(scenario.networks, scenario.population, scenario.lenders), seed)


@lru_cache(maxsize=4)
def _build(scenario: Wanted, seed: int) -> Networks:
    """Draw or read networks."""
    people = scenario.population
    borrowers = people.miners + people.neoclouds
    lenders = people.banks + people.private_credit + people.bond_funds
    buyers = people.operators + people.brokers + people.refurbishers + people.scrap_dealers
    _refuse_too_many(scenario, borrowers, lenders, buyers)
    borrower, lender = _credit_links(scenario, seed, borrowers, lenders)
    seller, bidder = _trade_links(scenario, seed, borrowers, borrowers + lenders)
    credit_start, credit_lender = _csr(borrower, lender, borrowers, lenders)
    client_start, client_borrower = _csr(lender, borrower, lenders, borrowers)
    trade_start, trade_seller = _csr(bidder, seller, borrowers + buyers, borrowers + lenders)
    is_peer = bidder < borrowers
    peer_start, peer_bidder = _csr(seller[is_peer], bidder[is_peer], borrowers + lenders, borrowers)
    claim_start, claim_debtor, claim_share = _interlender(scenario, seed, lenders)
    return Networks(
        credit_start=credit_start,
        credit_lender=credit_lender,
        client_start=client_start,
        client_borrower=client_borrower,
        trade_start=trade_start,
        trade_seller=trade_seller,
        peer_start=peer_start,
        peer_bidder=peer_bidder,
        claim_start=claim_start,
        claim_debtor=claim_debtor,
        claim_share=claim_share,
        **by_debtor(claim_start, claim_debtor),
    )


def _interlender(scenario: Wanted, seed: int, lenders: int) -> tuple[Index, Index, NDArray[np.float64]]:
    """Lenders that owe each other money, by creditor, with the share of all debts on each link."""
    networks, kind = scenario.networks, scenario.networks.interlender_kind
    rng = _generator(seed, INTERLENDER)
    claims, debts = sums(scenario.population, scenario.lenders, rng)
    if lenders < 2:
        return np.zeros(lenders + 1, np.int64), np.empty(0, np.int64), np.empty(0)
    if kind == "minimum-density":
        creditor, debtor, share = minimum_density(claims, debts, rng)
        return by_creditor(creditor, debtor, share, lenders)
    if kind in ("maximum-entropy", "complete"):
        creditor, debtor = every_pair("networks.interlender_kind", kind, lenders)
    elif kind == "file":
        debtor, creditor = file_links("interlender", str(networks.interlender_file), scenario.population)
    else:
        debtor, creditor = _links(kind, lenders, lenders, networks.interlender_degree, rng, shared=lenders)
    return by_creditor(creditor, debtor, fit(creditor, debtor, claims, debts), lenders)


def _credit_links(scenario: Wanted, seed: int, borrowers: int, lenders: int) -> Pairs:
    """Borrowers and the lenders they know, at least one each."""
    networks = scenario.networks
    if networks.credit_kind == "file":
        return file_links("credit", str(networks.credit_file), scenario.population)
    rng = _generator(seed, CREDIT)
    borrower, lender = _links(networks.credit_kind, borrowers, lenders, networks.credit_degree, rng)
    alone = np.flatnonzero(np.bincount(borrower, minlength=borrowers) == 0)
    borrower = np.concatenate([borrower, alone])
    return borrower, np.concatenate([lender, rng.integers(lenders, size=len(alone))])


def _trade_links(scenario: Wanted, seed: int, borrowers: int, sellers: int) -> Pairs:
    """Sellers and the bidders they know: peers, outsiders, scrap dealers."""
    people, networks = scenario.population, scenario.networks
    kind = networks.trade_kind
    if kind == "file":
        return file_links("trade", str(networks.trade_file), people)
    outsiders = people.operators + people.brokers + people.refurbishers
    seller, peer = _links(
        kind, sellers, borrowers, networks.trade_degree_peers, _generator(seed, PEERS), shared=borrowers
    )
    known_by, buyer = _links(
        kind, sellers, outsiders, networks.trade_degree_buyers, _generator(seed, OUTSIDERS)
    )
    scrap_links = people.scrap_dealers if kind == "complete" else min(SCRAP_LINKS, people.scrap_dealers)
    scrapped_by, dealer = _scrap_links(sellers, people.scrap_dealers, scrap_links, _generator(seed, SCRAP))
    bidders = np.concatenate([peer, borrowers + buyer, borrowers + outsiders + dealer])
    return np.concatenate([seller, known_by, scrapped_by]), bidders


def _generator(seed: int, network: int) -> np.random.Generator:
    """An independent stream for each network."""
    return np.random.default_rng([seed % 2**64, network])


def _refuse_too_many(scenario: Wanted, borrowers: int, lenders: int, buyers: int) -> None:
    """Networks whose mean degrees promise more links than can be built; files count their own."""
    networks, sellers = scenario.networks, borrowers + lenders
    for field, kind, left, right in (
        ("credit_degree", networks.credit_kind, borrowers, lenders),
        ("trade_degree_peers", networks.trade_kind, sellers, borrowers),
        ("trade_degree_buyers", networks.trade_kind, sellers, buyers),
        ("interlender_degree", networks.interlender_kind, lenders, lenders),
    ):
        degree = getattr(networks, field)
        links = left * (right if kind == "complete" else min(degree, right))
        if kind == "file" or links <= MOST_LINKS:
            continue
        allowed = f"at most {MOST_LINKS:,} links, not {links:,.0f} from {left:,} agents to {right:,}"
        if kind == "complete":
            raise ScenarioError(f"networks.{field.split('_')[0]}_kind", kind, allowed)
        raise ScenarioError(f"networks.{field}", degree, allowed)


def _links(
    kind: str, n_left: int, n_right: int, degree: float, rng: np.random.Generator, shared: int = 0
) -> Pairs:
    """Draw the links of one network.

    The first `shared` nodes of both sides are the same agents; they are not linked to themselves.
    """
    degree = n_right if kind == "complete" else min(degree, n_right)
    if n_left == 0 or degree == 0.0:
        return _joined([])
    if kind == "scale-free":
        if shared:  # one pair in n_left is an agent with itself
            degree = min(degree * n_left / (n_left - 1), n_right)
        left, right = _scale_free_links(n_left, n_right, degree, rng)
    else:
        left, right = _grouped_links(kind, n_left, n_right, degree, rng, shared)
    kept = (left != right) | (left >= shared)
    return left[kept], right[kept]


def _grouped_links(
    kind: str, n_left: int, n_right: int, degree: float, rng: np.random.Generator, shared: int
) -> Pairs:
    """Link the nodes of each pair of groups with the probability of that pair."""
    groups = range(len(BLOCK_WEIGHTS[kind]))
    left_group = _groups(kind, n_left, rng)
    right_group = _groups(kind, n_right, rng)
    right_group[:shared] = left_group[:shared]
    left = [np.flatnonzero(left_group == i) for i in groups]
    right = [np.flatnonzero(right_group == j) for j in groups]
    pairs = np.array([[len(left[i]) * len(right[j]) for j in groups] for i in groups], float)
    pairs -= np.diag(np.bincount(left_group[:shared], minlength=len(groups)))
    probability = _probabilities(BLOCK_WEIGHTS[kind], pairs, degree * n_left)
    return _joined(
        [_uniform_links(left[i], right[j], probability[i, j], rng) for i in groups for j in groups]
    )


def _groups(kind: str, n: int, rng: np.random.Generator) -> Index:
    """The group of each node: core 0 and periphery 1, or blocks of equal size, at random."""
    if kind == "core-periphery":
        return (rng.permutation(n) >= max(1, round(CORE_SHARE * n))).astype(np.int64)
    return np.asarray(rng.permutation(n) % len(BLOCK_WEIGHTS[kind]), np.int64)


def _probabilities(weights: Matrix, pairs: Matrix, links: float) -> Matrix:
    """min(1, scale * weight), the scale giving the wanted number of links among that many pairs."""
    full = np.zeros(weights.shape, bool)
    while True:
        free = ~full & (pairs > 0.0)
        if not free.any():
            return np.ones(weights.shape)
        scale = (links - pairs[full].sum()) / (weights * pairs)[free].sum()
        over = free & (scale * weights >= 1.0)
        if not over.any():
            return np.where(full, 1.0, scale * weights)
        full |= over


def _uniform_links(left: Index, right: Index, probability: float, rng: np.random.Generator) -> Pairs:
    """Link each pair with the same probability."""
    if len(left) == 0 or len(right) == 0 or probability < 1e-15:  # log(1 - probability) would be zero
        return _joined([])
    rows = max(1, int(SLICE / max(1.0, probability * len(right))))
    parts = []
    for first in range(0, len(left), rows):
        nodes = left[first : first + rows]
        row, column = binomial_links(len(nodes), len(right), probability, _graph_seed(rng))
        parts.append((nodes[row], right[column]))
    return _joined(parts)


def _scale_free_links(n_left: int, n_right: int, degree: float, rng: np.random.Generator) -> Pairs:
    """Match heavy-tailed degrees at random; links that hit a linked pair are matched anew, or moved."""
    links = round(degree * n_left)
    if links == 0:
        return _joined([])
    left = _heavy_tailed(n_left, links, n_right, rng)
    right = _heavy_tailed(n_right, links, n_left, rng)
    keys = np.empty(0, np.int64)
    for _ in range(MATCHING_ROUNDS):
        missing_left = left - np.bincount(keys // n_right, minlength=n_left)
        missing_right = right - np.bincount(keys % n_right, minlength=n_right)
        new_left, new_right = _matched(missing_left, missing_right, rng)
        keys = _distinct(np.concatenate([keys, new_left * n_right + new_right]))
    missing_left = left - np.bincount(keys // n_right, minlength=n_left)
    moved = [
        _unlinked(int(node), int(missing_left[node]), keys, n_right, rng)
        for node in np.flatnonzero(missing_left)
    ]
    keys = np.concatenate([keys, *moved])
    return keys // n_right, keys % n_right


def _unlinked(node: int, links: int, keys: Index, n_right: int, rng: np.random.Generator) -> Index:
    """Keys that link a left node to others at random, each new to it; `keys` are ascending."""
    first, last = np.searchsorted(keys, [node * n_right, (node + 1) * n_right])
    is_free = np.ones(n_right, bool)
    is_free[keys[first:last] - node * n_right] = False
    free = np.flatnonzero(is_free)
    return np.asarray(node * n_right + rng.choice(free, links, replace=False), np.int64)


def _heavy_tailed(n: int, total: int, most: int, rng: np.random.Generator) -> Index:
    """Degrees that add up to `total`, Pareto distributed, none above `most`."""
    size = (1.0 - rng.random(n)) ** (-1.0 / TAIL)
    low, high = 0.0, float(total)
    for _ in range(100):  # bisection of the scale at which the capped sizes add up
        scale = 0.5 * (low + high)
        if np.minimum(scale * size, most).sum() < total:
            low = scale
        else:
            high = scale
    # Rounding the running sum rounds each degree up or down and keeps the total.
    running = np.cumsum(np.minimum(high * size, most))
    rounded = np.minimum(np.floor(running * (total / running[-1]) + rng.random()), total)
    rounded[-1] = total
    degrees: Index = np.diff(rounded, prepend=0.0).astype(np.int64)
    return degrees


def _matched(left: Index, right: Index, rng: np.random.Generator) -> Pairs:
    """Configuration model of two degree sequences with equal sums, slice by slice of the left side."""
    parts = []
    rest = right.copy()
    slice_of = np.cumsum(left) // SLICE
    for number in np.unique(slice_of[left > 0]):
        nodes = np.flatnonzero((slice_of == number) & (left > 0))
        stubs = int(left[nodes].sum())
        taken = rng.multivariate_hypergeometric(rest, stubs, method="marginals")
        rest -= taken
        others = np.flatnonzero(taken)
        row, column = configuration_links(left[nodes], taken[others], _graph_seed(rng))
        parts.append((nodes[row], others[column]))
    return _joined(parts)


def _scrap_links(sellers: int, dealers: int, links: int, rng: np.random.Generator) -> Pairs:
    """Each seller knows `links` dealers in a row of a random circle."""
    circle = rng.permutation(dealers)
    first = rng.integers(max(dealers, 1), size=sellers)
    place = (first[:, None] + np.arange(links)) % max(dealers, 1)
    return np.repeat(np.arange(sellers), links), circle[place.ravel()]


def _graph_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**63))


def _joined(parts: list[Pairs]) -> Pairs:
    empty = np.empty(0, np.int64)
    left = np.concatenate([empty, *(part[0] for part in parts)])
    return left, np.concatenate([empty, *(part[1] for part in parts)])


def _distinct(keys: Index) -> Index:
    """Ascending, without repetition; several times faster than np.unique, which hashes."""
    ordered = np.sort(keys)
    new = np.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def _csr(row: Index, column: Index, rows: int, columns: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Sorted neighbours of each row, without repetition."""
    keys = _distinct(row * columns + column)
    start = np.zeros(rows + 1, np.int32)
    np.cumsum(np.bincount(keys // columns, minlength=rows), out=start[1:])
    return start, (keys % columns).astype(np.int32)


def link_table(
    start: NDArray[np.int32], neighbours: NDArray[np.int32], columns: int, last: int
) -> NDArray[np.uint8]:
    """A bit for each pair, 1 where they are linked; bit `column % 8` of byte `column // 8` of a row.

    Where there are more than MOST_PAIRS, only of the `last` rows, each of which has many links: for others a
    walk along their links is faster. No rows at all where these have more than MOST_OF_LAST.
    """
    rows = len(start) - 1
    if rows * columns > MOST_PAIRS:
        rows = last if last * columns <= MOST_OF_LAST else 0
    first = len(start) - 1 - rows
    linked = neighbours[start[first] :]
    table = np.zeros((rows, -(-columns // 8)), np.uint8)
    row = np.repeat(np.arange(rows), np.diff(start[first:]))
    np.bitwise_or.at(table, (row, linked >> 3), (1 << (linked & 7)).astype(np.uint8))
    return table
