"""Who owes whom among lenders: the links of a (scenario, seed), and the share of all debts on each.

How much each lender lends and owes to others is given first: the weight of its kind times a size of its own.
The network then says which links there are, and the debts are spread over them as evenly as these sums allow
(iterative proportional fitting). `maximum-entropy` has all links (Upper and Worms 2004); `minimum-density`
few, each as large as its two ends allow (Anand, Craig and von Peter 2015, without their removal of links);
the others are drawn like the other networks, or read from a file. Where links cannot carry the sums, they
are met as nearly as possible; all debts together are always 1.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.network_files import LENDERS, MOST_LINKS

if TYPE_CHECKING:
    from hashcredit.simulator.scenario.fields.lenders import Lenders
    from hashcredit.simulator.scenario.fields.population import Population

Index = NDArray[np.int64]
Floats = NDArray[np.float64]

SIZE_LOG_SD = 0.5
"""Standard deviation of the log of a lender's size between lenders; a modelling choice."""
MOST_FITTING = 500
FITTED = 1e-12
"""Largest change of a sum, relative to all debts, at which fitting ends."""
TINY = 1e-290
"""Links that carry less together than this share of all debts are given up: a quotient would overflow."""


def sums(population: "Population", terms: "Lenders", rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Claims and debts that each lender should have, each adding up to 1 (0 if nobody has any)."""
    counts = [getattr(population, field) for field in LENDERS.values()]
    kinds = [getattr(terms, kind) for kind in LENDERS]
    size = np.exp(SIZE_LOG_SD * rng.standard_normal(sum(counts)))
    claims = size * np.repeat([kind.interlender_claims for kind in kinds], counts)
    debts = size * np.repeat([kind.interlender_debts for kind in kinds], counts)
    return claims / (claims.sum() or 1.0), debts / (debts.sum() or 1.0)


def every_pair(field: str, kind: str, lenders: int) -> tuple[Index, Index]:
    """All ordered pairs of lenders."""
    if lenders * (lenders - 1) > MOST_LINKS:
        allowed = f"a kind with at most {MOST_LINKS:,} links, not {lenders * (lenders - 1):,}"
        raise ScenarioError(field, kind, allowed)
    creditor, debtor = np.nonzero(~np.eye(lenders, dtype=bool))
    return creditor, debtor


def fit(creditor: Index, debtor: Index, claims: Floats, debts: Floats) -> Floats:
    """Share of all debts on each link, as even as the sums allow; links of lenders without a sum get nothing.

    creditor, debtor    rows of the lenders at both ends of each link
    claims, debts       sums of each lender, [lender], each adding up to 1
    """
    share: Floats = claims[creditor] * debts[debtor]
    for _ in range(MOST_FITTING):
        before = _sums(creditor, share, len(claims))
        share = share * _ratio(claims, before)[creditor]
        share = share * _ratio(debts, _sums(debtor, share, len(debts)))[debtor]
        if np.abs(before - claims).max(initial=0.0) < FITTED:
            break
    total = share.sum()
    return share / total if total > 0.0 else share


def _sums(ends: Index, share: Floats, lenders: int) -> Floats:
    """Sum of the shares on the links of each lender."""
    return np.asarray(np.bincount(ends, share, lenders), np.float64)


def _ratio(wanted: Floats, present: Floats) -> Floats:
    return np.divide(wanted, present, out=np.zeros_like(wanted), where=present > TINY)


def minimum_density(claims: Floats, debts: Floats, rng: np.random.Generator) -> tuple[Index, Index, Floats]:
    """Few links, each carrying all that its two ends have left; at most one fewer than there are sums.

    Pairs are drawn with a probability that rises with the ratio of what their ends have left: large lenders
    serve small ones (equation 6 of the paper). A last lender that could only lend to itself is left out.
    """
    left, due = claims.copy(), debts.copy()
    links: list[tuple[int, int, float]] = []
    while True:
        lenders, borrowers = np.flatnonzero(left > FITTED), np.flatnonzero(due > FITTED)
        ratio = left[lenders][:, None] / due[borrowers][None, :]
        weight = np.maximum(ratio, 1.0 / ratio)
        weight[lenders[:, None] == borrowers[None, :]] = 0.0
        if not weight.any():
            break
        place = int(np.searchsorted(np.cumsum(weight), rng.random() * weight.sum(), side="right"))
        row, column = divmod(min(place, weight.size - 1), len(borrowers))
        i, j = int(lenders[row]), int(borrowers[column])
        amount = min(left[i], due[j])
        links.append((i, j, amount))
        left[i] -= amount
        due[j] -= amount
    creditor, debtor, share = np.array(links or np.empty((0, 3))).T
    return creditor.astype(np.int64), debtor.astype(np.int64), share / (share.sum() or 1.0)


def by_creditor(creditor: Index, debtor: Index, share: Floats, lenders: int) -> tuple[Index, Index, Floats]:
    """Links with a debt, sorted by creditor, then debtor: start[lender + 1], debtor, share."""
    kept = np.flatnonzero(share > 0.0)
    order = kept[np.lexsort((debtor[kept], creditor[kept]))]
    start = np.zeros(lenders + 1, np.int64)
    np.cumsum(np.bincount(creditor[order], minlength=lenders), out=start[1:])
    return start, debtor[order].astype(np.int64), np.ascontiguousarray(share[order])


def by_debtor(start: Index, debtor: Index) -> dict[str, Index]:
    """The same links by debtor, then creditor: where those of a lender begin, their places, and whose."""
    lenders = len(start) - 1
    place = np.argsort(debtor, kind="stable")
    first = np.zeros(lenders + 1, np.int64)
    np.cumsum(np.bincount(debtor, minlength=lenders), out=first[1:])
    creditor = np.repeat(np.arange(lenders), np.diff(start))
    return {"debt_start": first, "debt_link": place, "debt_creditor": creditor[place]}
