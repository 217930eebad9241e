"""Which policies are worth it whatever is true: their ranks over the prior of unsourced parameters."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.measures.policies import WEEKS, of_length, policy_frontier
from hashcredit.experiments.measures.policy_instruments import Policy, policies_of
from hashcredit.experiments.study.study import Study
from hashcredit.simulator.display import Facts, Shown, runs_in_words
from hashcredit.simulator.progress import Progress, shown
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class PolicyRanks(Shown):
    """Instruments at their middle strength over a sample of the prior of unsourced parameters."""

    scenario: str
    weeks: int
    seeds: tuple[int, ...]
    replicates: int
    policies: tuple[str, ...]
    steps: tuple[str, ...]
    changes: tuple[dict[str, Any], ...]
    """Fields of each point of the prior with their values."""
    net: Floats
    """Mean net benefit, M$ a run [point, policy]."""
    credit: Floats
    """Mean credit lost, likewise."""
    without: Floats
    """Creditors' loss without any policy, M$ [point]."""

    def _facts(self) -> Facts:
        title = f"Policies in {self.scenario} over {len(self.net)} points of the prior"
        best = self.table.sort_values("mean_rank").iloc[0]
        facts = {
            "runs": f"{runs_in_words(self.seeds, self.replicates)}, in each arm of a point",
            "best on average": f"{best['policy']}: {best['mean_rank']:.1f}, first in {best['first']:.0%}",
        }
        return title, {**facts, "tables": "table, points"}

    @property
    def ranks(self) -> Floats:
        """Of each policy at each point, 1 for the largest net benefit; equal ones share [point, policy]."""
        from scipy.stats import rankdata

        found: Floats = rankdata(-self.net, axis=1)
        return found

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row a policy: mean rank, share of points where it is first, and where it has a net benefit.

        Quantiles over points of the net benefit (M$ a run), and its mean with the credit lost beside it.
        Points are draws from the prior: standard errors of shares are sqrt(share (1 - share)/points).
        """
        import pandas as pd

        rows = []
        for place, name in enumerate(self.policies):
            net = self.net[:, place]
            low, middle, high = np.quantile(net, [0.05, 0.5, 0.95]).tolist()
            rows.append(
                {
                    "policy": name,
                    "step": self.steps[place],
                    "mean_rank": float(self.ranks[:, place].mean()),
                    "first": float((self.ranks[:, place] == 1.0).mean()),
                    "beneficial": float((net > 0.0).mean()),
                    "net_benefit": float(net.mean()),
                    "net_5": low,
                    "net_50": middle,
                    "net_95": high,
                    "credit_lost": float(self.credit[:, place].mean()),
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def points(self) -> "pd.DataFrame":
        """One row a point and policy: net benefit, credit lost, rank, and the loss without any."""
        import pandas as pd

        rows = []
        for point in range(len(self.net)):
            for place, name in enumerate(self.policies):
                rows.append(
                    {
                        "point": point,
                        "policy": name,
                        "net_benefit": self.net[point, place],
                        "credit_lost": self.credit[point, place],
                        "rank": self.ranks[point, place],
                        "loss_without": self.without[point],
                    }
                )
        return pd.DataFrame(rows)


def policy_ranks(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(4),
    replicates: int = 5,
    *,
    points: int = 64,
    policies: Iterable[str | Policy] | None = None,
    weeks: int = WEEKS,
    threads: int | None = None,
    progress: Progress = None,
) -> PolicyRanks:
    """Rank policies at their middle strength by net benefit over a Latin hypercube of the prior.

    The prior is that of `hashcredit.experiments.study.priors`: all fields that no source gives, drawn at
    once. Steps of the package's policies are relative to what a point has. Every arm of a point has the same
    draws, and every point the same seeds.

    Parameters
    ----------
    points : int
        Of the sample, two at least.
    scenario, seeds, replicates, policies, weeks, threads, progress
        As in `policy_frontier`; progress counts points.

    Raises `ScenarioError` or `StudyError` for what is not allowed.
    """
    whole = of_length(scenario_of(scenario), weeks)
    numbers = seeds_of(None, seeds)
    chosen = policies_of(policies)
    design = {"kind": "latin-hypercube", "points": whole_number("points", points, least=2)}
    study = Study.from_dict(
        {"scenario": whole, "seed": numbers[0], "replicates": 1, "design": design, "priors": True}
    )
    sample = study.points()
    net, credit = np.empty((points, len(chosen))), np.empty((points, len(chosen)))
    without, changes = np.empty(points), []
    with shown(progress) as tell:
        for point in range(points):
            changes.append(dict(sample.changes(point)))
            here = study.scenario(changes[-1])
            found = policy_frontier(
                here,
                numbers,
                replicates,
                policies=[Policy(each.name, each.words, each.expected, (each.middle,)) for each in chosen],
                weeks=weeks,
                threads=threads,
                progress=False,
            )
            for place, arm in enumerate(found.arms):
                net[point, place] = arm.accounts["net_benefit"].mean()
                credit[point, place] = arm.accounts["credit_lost"].mean()
            without[point] = found.without["loss"]
            if tell:
                tell(point + 1, points)
    return PolicyRanks(
        whole.name,
        weeks,
        tuple(numbers),
        replicates,
        tuple(each.name for each in chosen),
        tuple(each.middle.label for each in chosen),
        tuple(changes),
        net,
        credit,
        without,
    )
