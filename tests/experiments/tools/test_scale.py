"""The markets whose cost by size is measured."""

import pytest

from hashcredit.experiments.tools import benchmark
from hashcredit.experiments.tools.scale_benchmark import SIZES, market
from hashcredit.simulator.setup.prepare import prepare


@pytest.mark.parametrize(("borrowers", "lenders"), [(120, 24), (480, 96), (10_000, 240)])
def test_a_market_of_a_size(borrowers, lenders):
    """Lenders grow with it up to their bound; links of a borrower do not."""
    scenario = market(borrowers)
    setup = prepare(scenario, seed=1)
    assert setup.agents == borrowers + lenders + prepare(market(120), seed=1).agents - 144
    assert scenario.networks == market(120).networks


def test_the_benchmark_is_listed():
    assert "scale" in benchmark.BENCHMARKS
    assert SIZES[1] == 1_000  # to which the others are compared
