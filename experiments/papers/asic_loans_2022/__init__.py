"""The ASIC-backed loans of 2022: value, depth and what followed, held against dated facts."""

from dataclasses import replace

import numpy as np

from hashcredit.experiments.papers.asic_loans_2022.outcomes import SCENARIO, replay
from hashcredit.experiments.papers.asic_loans_2022.paths import HASHPRICE, weekly
from hashcredit.experiments.papers.asic_loans_2022.picture import draw
from hashcredit.experiments.papers.asic_loans_2022.value import average_operator, year
from hashcredit.experiments.papers.replication import Found, Replication
from hashcredit.simulator.scenario.scenario import Scenario

REPLICATES, QUICK = 200, 10
"""At each of five depths."""

OPTION = "value in December 2022 over January: with the option to switch off"
PLAIN = "value in December 2022 over January: plain discounted margin"
RETURN = "value in December 2022 over January: hashprice expected back at its trend"
MEAN_2022 = "mean hashprice of 2022"
MEAN_2023 = "mean hashprice of 2023"


def replicate(quick: bool) -> Replication:
    """Value and paths without randomness; the rest of the episode over replicates and depths."""
    outcomes = replay(QUICK if quick else REPLICATES)
    found = {name: Found.exactly(value) for name, value in certain().items()}
    for name, outcome in outcomes.items():
        found[name] = Found(outcome.mean, *outcome.interval, outcome.error, outcome.replicates)
    return Replication(found, lambda: draw(outcomes))


def certain() -> dict[str, float]:
    """Numbers in which nothing is random: the value's fall over the year, and means of the path."""
    scenario = Scenario.load(SCENARIO)
    valuer = average_operator(scenario)
    path = np.array([value for _, value in weekly(HASHPRICE)])
    speed = scenario.mining.difficulty_speed
    return {
        OPTION: year(scenario, valuer).ratio,
        PLAIN: year(scenario, replace(valuer, volatility=0.0)).ratio,
        RETURN: year(scenario, replace(valuer, reversion=speed)).ratio,
        MEAN_2022: float(path[:52].mean()),
        MEAN_2023: float(path[52:].mean()),
    }
