"""Replications of published results: one package a paper, each with its numbers, its figure and a README.

An episode of history is done like a paper: what happened stands where a paper's numbers do.

A paper's package has `replicate(quick)`, which computes what the paper reports with the project's own
functions, and `published.csv`, its numbers with where they stand. `hashcredit reproduce` compares the two.
"""

from importlib import import_module
from pathlib import Path

from hashcredit.experiments.papers.replication import Replication

PAPERS: dict[str, str] = {
    "gai_kapadia_2010": "Gai and Kapadia (2010): the window of contagion in interbank networks",
    "caccioli_2014": "Caccioli, Shrestha, Moore and Farmer (2014): contagion through common holdings",
    "greenwood_2015": "Greenwood, Landier and Thesmar (2015): vulnerable banks, systemic banks",
    "cont_schaanning_2017": "Cont and Schaanning (2017): constraints against leverage targeting",
    "thurner_2012": "Thurner, Farmer and Geanakoplos (2012): leverage, fat tails and clustered volatility",
    "geanakoplos_2010": "Geanakoplos (2010): the leverage cycle",
}
"""Key of each replication, with what it is about; `hashcredit.experiments.papers.<key>` does it."""

EPISODES: dict[str, str] = {
    "asic_loans_2022": "The ASIC-backed loans of 2022: value, depth, and the rest of it out of sample",
    "hindcast_2023": "From 2023 to 2026 as it happened: a scorecard of dated facts, and what they rule out",
}
"""The same for episodes of history. What a model misses of one is a finding and not a failure."""


def replicate(key: str, quick: bool = False) -> Replication:
    """Do the replication called `key`; `quick` takes smaller samples, whose errors are larger."""
    found: Replication = import_module(f"{__name__}.{key}").replicate(quick)
    return found


def folder_of(key: str) -> Path:
    """Where a replication's files are."""
    return Path(__file__).parent / key
