"""Invented economies and contagion trees of any size, for the tests of figures."""

import networkx as nx
import numpy as np
import pandas as pd

CAUSES = ("illiquidity", "acceleration", "margin", "maturity", "insolvency")
CHANNELS = ("machine_price", "rent", "btc_price", "offtaker", "none", "a_new_one")
LENDER_KINDS = ("bank", "private_credit", "bond_fund")


def make_opening(miners, neoclouds, lenders, loans_each=3, seed=0):
    """Tables of borrowers, lenders and loans before the first week, as far as figures need them."""
    rng = np.random.default_rng(seed)
    borrowers = miners + neoclouds
    kinds = np.sort(rng.integers(0, len(LENDER_KINDS), lenders))
    obligors = np.repeat(np.arange(borrowers), loans_each)
    return {
        "borrowers": named(["miner"] * miners + ["neocloud"] * neoclouds),
        "lenders": named([LENDER_KINDS[kind] for kind in kinds]),
        "loans": pd.DataFrame(
            {
                "obligor": obligors,
                "holder": rng.integers(0, lenders, len(obligors)),
                "principal": rng.lognormal(2.0, 1.0, len(obligors)) * (rng.random(len(obligors)) < 0.9),
            }
        ),
    }


def named(kinds):
    """A table of agents of these kinds, grouped, with their names."""
    numbers = pd.Series(kinds, dtype=object).groupby(kinds).cumcount() if kinds else []
    return pd.DataFrame({"name": [f"{k}-{n}" for k, n in zip(kinds, numbers, strict=True)], "kind": kinds})


def make_tree(opening, failures, weeks, led=0.9, seed=0, failed_lenders=1):
    """A forest in which a share `led` of the failures follows an earlier one, drawn at random."""
    rng = np.random.default_rng(seed)
    tree = nx.DiGraph()
    if failures == 0:
        return tree
    borrowers, lenders = opening["borrowers"], opening["lenders"]
    who = [
        (f"{borrowers['kind'][row]}s", row, borrowers["name"][row])
        for row in rng.permutation(len(borrowers))[: failures - failed_lenders]
    ]
    who += [("lenders", row, lenders["name"][row]) for row in range(failed_lenders)]
    for event, (place, week) in enumerate(
        zip(rng.permutation(failures), np.sort(rng.integers(0, weeks, failures)), strict=True)
    ):
        kind, agent, name = who[place]
        earlier = list(tree)
        tree.add_node(
            name,
            agent_kind=kind,
            agent=int(agent),
            week=int(week),
            cause="none" if kind == "lenders" else str(rng.choice(CAUSES)),
            channel="none",
            trigger="none",
            debt_musd=0.0 if kind == "lenders" else float(rng.lognormal(3.0, 1.0)),
            event=event,
        )
        if earlier and rng.random() < led:
            parent = earlier[int(rng.integers(len(earlier)))]
            delay = int(week) - tree.nodes[parent]["week"]
            tree.add_edge(parent, name, channel=str(rng.choice(CHANNELS)), via="", weeks=delay)
            tree.nodes[name]["channel"] = tree.edges[parent, name]["channel"]
    return tree
