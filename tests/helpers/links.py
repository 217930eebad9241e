"""Networks made by hand, for tiny economies."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hashcredit.simulator.setup.interlender import by_debtor
from hashcredit.simulator.setup.networks import Networks
from hashcredit.simulator.setup.prepare import Setup


def linked(
    setup: Setup,
    credit: Iterable[tuple[int, int]] | None,
    trade: Iterable[tuple[int, int]] | None,
    claims: Iterable[tuple[int, int]] = (),
) -> Setup:
    """The same setup with hand-made networks; `claims` are pairs of lenders (creditor, debtor)."""
    credit = None if credit is None else list(credit)
    nodes = setup.borrowers + setup.lenders
    bidders = setup.borrowers + setup.buyers
    if credit is None:
        credit = [(b, index) for b in range(setup.borrowers) for index in range(setup.lenders)]
    if trade is None:
        trade = [(bidder, seller) for bidder in range(bidders) for seller in range(nodes) if bidder != seller]
    start, debtor = sparse(setup.lenders, claims)
    between = start.astype(np.int64), debtor.astype(np.int64), np.zeros(len(debtor))
    clients = [(index, b) for b, index in credit]
    trade = list(trade)
    peers = [(seller, bidder) for bidder, seller in trade if bidder < setup.borrowers]
    networks = Networks(
        *sparse(setup.borrowers, credit), *sparse(setup.lenders, clients),
        *sparse(bidders, trade), *sparse(nodes, peers), *between,
        **by_debtor(*between[:2]),
    )  # fmt: skip
    return replace(setup, networks=networks)


def sparse(rows: int, pairs: Iterable[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Compressed sparse rows of a list of pairs."""
    ordered = sorted(pairs)
    counts = np.bincount([row for row, _ in ordered], minlength=rows).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return start, np.array([column for _, column in ordered], np.int32)
