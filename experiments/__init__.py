"""Experiments ask: studies, their execution, the results they leave, measures, the figures they print."""

from typing import TYPE_CHECKING

from hashcredit.simulator.public import public_names

if TYPE_CHECKING:
    from hashcredit.experiments.execution.sweep import sweep as sweep
    from hashcredit.experiments.measures.attribution import attribute_contagion as attribute_contagion
    from hashcredit.experiments.measures.collateral_values import collateral_values as collateral_values
    from hashcredit.experiments.measures.explanation import explain_failure as explain_failure
    from hashcredit.experiments.measures.fair_spreads import fair_spreads as fair_spreads
    from hashcredit.experiments.measures.policies import policy_cost as policy_cost
    from hashcredit.experiments.measures.policies import policy_frontier as policy_frontier
    from hashcredit.experiments.measures.policy_ranks import policy_ranks as policy_ranks
    from hashcredit.experiments.measures.recoveries import cohort_recoveries as cohort_recoveries
    from hashcredit.experiments.measures.regimes import regime_map as regime_map
    from hashcredit.experiments.measures.tenors import tenor_frontier as tenor_frontier
    from hashcredit.experiments.results.results import Results as Results
    from hashcredit.experiments.study.study import Study as Study

__all__ = [
    "Results",
    "Study",
    "attribute_contagion",
    "cohort_recoveries",
    "collateral_values",
    "explain_failure",
    "fair_spreads",
    "policy_cost",
    "policy_frontier",
    "policy_ranks",
    "regime_map",
    "sweep",
    "tenor_frontier",
]

# the command line and every worker pass through here
__getattr__, __dir__ = public_names(
    __name__,
    {
        "Results": "results.results",
        "Study": "study.study",
        "attribute_contagion": "measures.attribution",
        "cohort_recoveries": "measures.recoveries",
        "collateral_values": "measures.collateral_values",
        "explain_failure": "measures.explanation",
        "fair_spreads": "measures.fair_spreads",
        "policy_cost": "measures.policies",
        "policy_frontier": "measures.policies",
        "policy_ranks": "measures.policy_ranks",
        "regime_map": "measures.regimes",
        "sweep": "execution.sweep",
        "tenor_frontier": "measures.tenors",
    },
)
