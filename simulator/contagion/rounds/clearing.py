"""Who cannot pay and what each pays then: one round of clearing, and the whole of it for some hundred nodes.

All kernels know the network by creditor: row i of (indptr, debtors, amounts) holds who owes node i how much.
`owed` is what each node owes to all, `external` its part owed outside the network, `assets` what it has
besides its claims on other nodes. Payments are pro rata: of debtor j, creditor i gets amount * paid / owed.
"""

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.contagion.rounds.ties import is_below

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@kernel
def received(
    indptr: Integers, debtors: Integers, amounts: Floats, owed: Floats, paid: Floats, i: int
) -> float:
    """What node i gets if every node pays `paid`. Who pays in full passes on exactly what it owes."""
    total = 0.0
    for link in range(indptr[i], indptr[i + 1]):
        j = debtors[link]
        if amounts[link] > 0.0:  # who owes nothing at all has no share to pay
            total += amounts[link] * (paid[j] / owed[j])
    return total


@kernel
def clear_round(
    indptr: Integers,
    debtors: Integers,
    amounts: Floats,
    owed: Floats,
    assets: Floats,
    alpha: float,
    beta: float,
    in_default: Booleans,
    paid: Floats,
    next_paid: Floats,
) -> int:
    """Return how many nodes default now, given who is in default and what each paid in the last round.

    A node defaults if its assets and receipts are below what it owes (a tie is no default); it is marked in
    `in_default` and stays there. `next_paid` gets what each pays: all that it owes, or in default alpha of
    its assets and beta of its receipts (Rogers and Veraart 2013). From in_default = no one
    and paid = owed, repeated rounds fall to the greatest clearing vector.
    """
    fresh = 0
    for i in range(len(owed)):
        receipts = received(indptr, debtors, amounts, owed, paid, i)
        if not in_default[i] and is_below(assets[i] + receipts, owed[i]):
            in_default[i] = True
            fresh += 1
        next_paid[i] = owed[i]
        if in_default[i]:
            next_paid[i] = min(owed[i], alpha * assets[i] + beta * receipts)
    return fresh


@kernel
def settle(
    indptr: Integers,
    debtors: Integers,
    amounts: Floats,
    owed: Floats,
    external: Floats,
    assets: Floats,
    alpha: float,
    beta: float,
    in_default: Booleans,
    paid: Floats,
    position: Integers,
    shares: Floats,
    vectors: Floats,
) -> None:
    """Write into `paid` what each node pays, given who is in default: the exact solution of their system.

    x = alpha e + beta Pi' x over the m nodes in default, everybody else paying in full. Work arrays, of any
    content: position[n], shares[>= m, >= m], vectors[3, >= m].

    The elimination adds, multiplies and divides numbers >= 0 and never subtracts (Grassmann, Taksar and
    Heyman 1985; Alfa, Xue and Ye 2002): what leaves the group in default is kept beside the matrix in place
    of its diagonal. So every payment is exact to a few roundings, however little leaves the group. If
    nothing at all leaves it, its last node pays in full: the greatest solution.
    """
    constant, leak, pivot = vectors[0], vectors[1], vectors[2]
    m = 0
    for i in range(len(owed)):
        position[i] = -1
        paid[i] = min(paid[i], owed[i])
        if in_default[i]:
            position[i] = m
            constant[m] = alpha * assets[i]
            leak[m] = 1.0 - beta + beta * (external[i] / owed[i] if owed[i] > 0.0 else 1.0)
            m += 1
        else:
            paid[i] = owed[i]
    for k in range(m):
        for i in range(m):
            shares[k, i] = 0.0
    for i in range(len(owed)):
        for link in range(indptr[i], indptr[i + 1]):
            j = debtors[link]
            if position[j] < 0:
                if position[i] >= 0:
                    constant[position[i]] += beta * amounts[link]
            elif position[i] < 0:
                leak[position[j]] += beta * (amounts[link] / owed[j])
            else:
                shares[position[j], position[i]] = beta * (amounts[link] / owed[j])
    _eliminate(m, shares, constant, leak, pivot)
    for i in range(len(owed) - 1, -1, -1):
        k = position[i]
        if k >= 0:
            amount = constant[k]
            for later in range(k + 1, m):
                amount += shares[later, k] * pivot[later]
            # Solved: the pivot makes room for the payment, which the nodes before this one receive from.
            pivot[k] = amount / pivot[k] if pivot[k] > 0.0 else owed[i]
            paid[i] = min(owed[i], pivot[k])


@kernel
def _eliminate(m: int, shares: Floats, constant: Floats, leak: Floats, pivot: Floats) -> None:
    """Send what each node in default passes on to those after it; shares[k, i] is the part of k's for i."""
    for k in range(m):
        own = shares[k, k + 1 : m]
        pivot[k] = leak[k]
        for i in range(len(own)):
            pivot[k] += own[i]
        if pivot[k] == 0.0:  # k keeps what it gets
            for j in range(k + 1, m):
                leak[j] += shares[j, k]
            continue
        lost = leak[k] / pivot[k]
        for i in range(len(own)):
            own[i] /= pivot[k]  # at most 1, however small the pivot: nothing can overflow
            constant[k + 1 + i] += own[i] * constant[k]
        for j in range(k + 1, m):
            if shares[j, k] > 0.0:
                leak[j] += shares[j, k] * lost
                passed_on = shares[j, k + 1 : m]
                for i in range(len(own)):
                    passed_on[i] += shares[j, k] * own[i]


@kernel
def clear_all(
    indptr: Integers,
    debtors: Integers,
    amounts: Floats,
    owed: Floats,
    external: Floats,
    assets: Floats,
    alpha: float,
    beta: float,
    in_default: Booleans,
    paid: Floats,
    position: Integers,
    shares: Floats,
    vectors: Floats,
) -> int:
    """Write the greatest clearing vector into `paid` and who is in default into `in_default`.

    The fictitious default algorithm (Eisenberg and Noe 2001; as extended by Rogers and Veraart
    2013) with plain rounds between its exact ones. Returns the number of exact ones. Work arrays, of any
    content: position[n], shares[n, n], vectors[4, n] (see `clearing_work`).
    """
    next_paid = vectors[3]
    for i in range(len(owed)):
        in_default[i] = False
        paid[i] = owed[i]
    exact = 0
    while True:
        fresh = clear_round(indptr, debtors, amounts, owed, assets, alpha, beta, in_default, paid, next_paid)
        if fresh == 0:
            return exact
        while fresh > 0:
            # Still above the greatest clearing vector, so whoever fails on the way fails there, too.
            for i in range(len(owed)):
                paid[i] = next_paid[i]
            fresh = clear_round(
                indptr, debtors, amounts, owed, assets, alpha, beta, in_default, paid, next_paid
            )
        settle(
            indptr, debtors, amounts, owed, external, assets, alpha, beta, in_default, paid,
            position, shares, vectors,
        )  # fmt: skip
        exact += 1


@kernel
def spread_defaults(
    indptr: Integers,
    debtors: Integers,
    amounts: Floats,
    creditors_from: Integers,
    creditors: Integers,
    owed: Floats,
    assets: Floats,
    alpha: float,
    beta: float,
    in_default: Booleans,
    paid: Floats,
    queue: Integers,
    queued: Booleans,
    step: float,
    most_links: int,
) -> int:
    """Lower `paid` towards the greatest clearing vector, node by node, marking who defaults on the way.

    For networks too large for `clear_all`: a node is looked at again only when one of its debtors defaults or
    pays less by a fraction `step` or more, so a chain of a million defaults is one pass. Starts from any
    payments at or above the vector and ends there; stops after `most_links` links. Row j of
    (creditors_from, creditors) holds whom j owes. Work arrays queue[n], queued[n]. Returns how many nodes
    defaulted.
    """
    n = len(owed)
    for i in range(n):
        queue[i] = i
        queued[i] = True
    first, waiting, links, fresh = 0, n, 0, 0
    while waiting > 0 and links < most_links:
        i = queue[first]
        first = (first + 1) % n
        waiting -= 1
        queued[i] = False
        links += 1 + indptr[i + 1] - indptr[i]
        receipts = received(indptr, debtors, amounts, owed, paid, i)
        if not in_default[i] and is_below(assets[i] + receipts, owed[i]):
            in_default[i] = True
            fresh += 1
        elif not in_default[i] or paid[i] - alpha * assets[i] - beta * receipts <= step * paid[i]:
            continue
        paid[i] = alpha * assets[i] + beta * receipts
        for link in range(creditors_from[i], creditors_from[i + 1]):
            creditor = creditors[link]
            if not queued[creditor]:
                queued[creditor] = True
                queue[(first + waiting) % n] = creditor
                waiting += 1
    return fresh


def clearing_work(nodes: int) -> tuple[Integers, Floats, Floats]:
    """Work arrays of `clear_all`: position, shares, vectors."""
    return np.empty(nodes, np.int64), np.empty((nodes, nodes)), np.empty((4, nodes))
