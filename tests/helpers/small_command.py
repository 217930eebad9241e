"""Options of the command line that make its runs small, and the scenario that they make."""

from hashcredit.simulator import Scenario

SMALL = [
    "--set",
    "horizon_weeks=6",
    "--set",
    "population.miners=5",
    "--set",
    "population.neoclouds=5",
    "--quiet",
]


def small_scenario(**changes):
    sizes = {"horizon_weeks": 6, "population.miners": 5, "population.neoclouds": 5}
    return Scenario.load().with_changes({**sizes, **changes})
