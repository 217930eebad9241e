"""Policies with their cost: what an instrument averts, what it takes from credit, what the authority loses.

Each strength of each instrument is run on the same draws as the scenario without it. Loss averted and credit
lost stand side by side and are not added up: a loan that is not made is no loss of money.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcredit.experiments.measures.policy_instruments import Policy, Step, policies_of
from hashcredit.simulator.display import Facts, Shown, interval_in_words, runs_in_words
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import Progress
from hashcredit.simulator.reports.statistics import Estimate, mean_estimate
from hashcredit.simulator.runs.engine import simulate_many
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

WEEKS = 312
"""Length of the runs: loans of five years that are made in the first one end within it."""
CREDIT = ("new_lending_musd", "site_loans_musd", "vendor_loans_musd", "bonds_issued_musd")
"""New credit of a run, M$."""
ACCOUNTS = {
    "loss_averted": "M$",
    "authority_loss": "M$",
    "net_benefit": "M$",
    "credit_lost": "M$",
    "orders_lost": "M$",
    "defaults_averted": "borrowers",
    "lender_failures_averted": "lenders",
    "opening_debt_change": "M$",
}
"""What is told of a policy, each without it less with it, but the authority's loss and the opening debt, with
less without; the net benefit is the loss averted less the authority's loss."""
RESAMPLES = 1000
_BOOTSTRAP = 17
"""Names the draws of networks that are resampled."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """One strength of a policy and its accounts."""

    policy: str
    step: str
    strength: int
    """From 1."""
    accounts: dict[str, Floats]
    """By name, of each pair of runs [seed, replicate]."""


@dataclass(frozen=True, repr=False)
class PolicyFrontier(Shown):
    """Instruments at their strengths, each against the scenario without it on the same draws."""

    scenario: str
    weeks: int
    seeds: tuple[int, ...]
    replicates: int
    """Of each seed."""
    together: int
    """Pairs in a row that make one independent group."""
    without: dict[str, float]
    """Means of the scenario itself: creditors' loss (M$), new credit (M$), defaults, lender failures."""
    arms: tuple[Arm, ...]

    def _facts(self) -> Facts:
        title = f"Policies in {self.scenario}, {runs_in_words(self.seeds, self.replicates)}"
        best = self.table[self.table["account"] == "net_benefit"].sort_values("value").iloc[-1]
        efficient = self.frontier[self.frontier["efficient"]]
        facts = {
            "arms": f"{len(self.arms)}, and the scenario, {self.weeks} weeks",
            "largest net benefit": f"{best['policy']}, {best['step']}: {best['value']:,.1f} M$ a run "
            f"({best['low']:,.1f} to {best['high']:,.1f})",
            "not dominated": ", ".join(f"{row.policy} {row.step}" for row in efficient.itertuples()),
            "intervals": interval_in_words(len(self.seeds)),
        }
        return title, {**facts, "tables": "table, frontier"}

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row an arm and account: mean a run, 95 % interval over seeds, unit; see `ACCOUNTS`."""
        import pandas as pd

        rows = []
        for arm in self.arms:
            for account, sample in arm.accounts.items():
                found = self._estimate(sample)
                rows.append(
                    {
                        "policy": arm.policy,
                        "step": arm.step,
                        "strength": arm.strength,
                        "account": account,
                        "value": found.mean,
                        "low": found.low,
                        "high": found.high,
                        "standard_error": found.standard_error,
                        "unit": ACCOUNTS[account],
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def frontier(self) -> "pd.DataFrame":
        """One row an arm, and one that does nothing: net benefit against credit lost.

        `efficient`: no other arm has as much net benefit for as little credit lost, and is better in one.
        `how_often`: the share of a thousand resamplings of networks in which it is so (NaN for one network).
        `averted_per_credit` is the loss averted over the credit lost, NaN where no credit is lost.
        """
        import pandas as pd

        credit, net = (self._by_seed(name) for name in ("credit_lost", "net_benefit"))
        rows: list[dict[str, Any]] = [{"policy": "nothing", "step": "", "strength": 0}]
        rows += [{"policy": arm.policy, "step": arm.step, "strength": arm.strength} for arm in self.arms]
        often = self._how_often(credit, net)
        efficient = efficient_among(credit.mean(axis=1), net.mean(axis=1))
        averted = self._by_seed("loss_averted").mean(axis=1)
        for place, row in enumerate(rows):
            lost = float(credit[place].mean())
            row["net_benefit"], row["credit_lost"] = float(net[place].mean()), lost
            row["averted_per_credit"] = float(averted[place]) / lost if lost > 0.0 else float("nan")
            row["efficient"], row["how_often"] = bool(efficient[place]), float(often[place])
        return pd.DataFrame(rows)

    def _by_seed(self, account: str) -> Floats:
        """Means by seed of all arms, after that of doing nothing [arm, seed]."""
        found = np.array([arm.accounts[account].mean(axis=1) for arm in self.arms])
        return np.concatenate([np.zeros((1, len(self.seeds))), found])

    def _how_often(self, credit: Floats, net: Floats) -> Floats:
        count = credit.shape[1]
        if count == 1:
            return np.full(len(credit), np.nan)
        random = np.random.default_rng([_BOOTSTRAP, count])
        hits = np.zeros(len(credit))
        for _ in range(RESAMPLES):
            drawn = random.integers(count, size=count)
            hits += efficient_among(credit[:, drawn].mean(axis=1), net[:, drawn].mean(axis=1))
        return hits / RESAMPLES

    def _estimate(self, sample: Floats) -> Estimate:
        return mean_estimate(sample.reshape(-1), together=self.together)


def efficient_among(cost: Floats, benefit: Floats) -> NDArray[np.bool_]:
    """Which of some choices no other dominates: as little cost and as much benefit, and better in one."""
    as_good = (cost[:, None] <= cost[None, :]) & (benefit[:, None] >= benefit[None, :])
    better = (cost[:, None] < cost[None, :]) | (benefit[:, None] > benefit[None, :])
    dominated = np.any(as_good & better, axis=0)
    return np.logical_not(np.asarray(dominated, np.bool_))


def policy_frontier(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(20),
    replicates: int = 10,
    *,
    policies: Iterable[str | Policy] | None = None,
    weeks: int = WEEKS,
    threads: int | None = None,
    progress: Progress = None,
) -> PolicyFrontier:
    """What policies avert and cost, each at its strengths, on the draws of the scenario without them.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out.
    seeds : whole numbers
        All different; intervals are over them.
    replicates : int
        Of each seed and arm.
    policies : names or `Policy` objects, optional
        All of `POLICIES` if left out.
    weeks : int
        Length of the runs, whatever the scenario's own horizon.
    threads, progress
        As in `simulate_many`.

    Raises `ScenarioError` for what is not allowed, also for a step that this scenario cannot have.
    """
    whole = of_length(scenario_of(scenario), weeks)
    numbers = seeds_of(None, seeds)
    chosen = policies_of(policies)
    steps = [(policy, place + 1, step) for policy in chosen for place, step in enumerate(policy.steps)]
    scenarios = [whole, *(_with(step, whole, policy.name) for policy, _, step in steps)]
    many = simulate_many(scenarios, replicates=replicates, seeds=numbers, threads=threads, progress=progress)
    sums = _sums(many.scalars, (len(scenarios), len(numbers), replicates))
    arms = tuple(
        Arm(policy.name, step.label, strength, _accounts(sums, 0, place + 1))
        for place, (policy, strength, step) in enumerate(steps)
    )
    without = {name: float(values[0].mean()) for name, values in sums.items()}
    return PolicyFrontier(whole.name, weeks, tuple(numbers), replicates, many.together, without, arms)


def policy_cost(
    scenario: GivenScenario,
    seeds: Iterable[int] = range(20),
    replicates: int = 10,
    *,
    threads: int | None = None,
    progress: Progress = None,
) -> PolicyFrontier:
    """The same accounts for the interventions and the standing facility that a scenario has itself.

    It is run as it is and without them, over its own horizon. Raises `ScenarioError` if it has none.
    """
    full = scenario_of(scenario)
    if not full.interventions and not full.repo.standing_facility:
        allowed = "a scenario with interventions or with repo.standing_facility"
        raise ScenarioError("scenario", full.name, allowed)
    bare = full.with_changes({"interventions": (), "repo.standing_facility": False})
    numbers = seeds_of(None, seeds)
    many = simulate_many(
        [bare, full], replicates=replicates, seeds=numbers, threads=threads, progress=progress
    )
    sums = _sums(many.scalars, (2, len(numbers), replicates))
    has = {"interventions": full.interventions, "standing facility": full.repo.standing_facility}
    words = " and ".join(name for name, there in has.items() if there)
    arm = Arm("its own", words, 1, _accounts(sums, 0, 1))
    without = {name: float(values[0].mean()) for name, values in sums.items()}
    weeks = full.horizon_weeks
    return PolicyFrontier(full.name, weeks, tuple(numbers), replicates, many.together, without, (arm,))


def of_length(scenario: Scenario, weeks: int) -> Scenario:
    """The scenario with a horizon of so many weeks."""
    length = whole_number("weeks", weeks, least=1)
    return scenario.with_changes({"horizon_weeks": length})


def _with(step: Step, scenario: Scenario, policy: str) -> Scenario:
    """The scenario with a step; an error says whose it is."""
    try:
        return step.on(scenario)
    except ScenarioError as error:
        raise ScenarioError(
            f"policy {policy}, {step.label}: {error.field}", error.value, error.allowed
        ) from None


def _sums(scalars: Any, shape: tuple[int, int, int]) -> dict[str, Floats]:
    """What accounts are made of, of each run [arm, seed, replicate]."""
    get = {name: np.asarray(scalars[name], np.float64).reshape(shape) for name in _READ}
    return {
        "loss": get["creditor_loss_musd"],
        "authority": get["authority_loss_musd"] + get["authority_exposure_musd"],
        "credit": sum((get[name] for name in CREDIT), np.zeros(shape)),
        "orders": get["orders_musd"],
        "defaults": get["defaults"],
        "lender_failures": get["lender_failures"],
        "opening_debt": get["debt_start_musd"],
    }


_READ = (
    "creditor_loss_musd", "authority_loss_musd", "authority_exposure_musd", "orders_musd", "defaults",
    "lender_failures", "debt_start_musd", *CREDIT,
)  # fmt: skip


def _accounts(sums: dict[str, Floats], off: int, on: int) -> dict[str, Floats]:
    """Accounts of the arm `on` against `off`, pair by pair [seed, replicate]."""
    less = {name: values[off] - values[on] for name, values in sums.items()}
    return {
        "loss_averted": less["loss"],
        "authority_loss": -less["authority"],
        "net_benefit": less["loss"] + less["authority"],
        "credit_lost": less["credit"],
        "orders_lost": less["orders"],
        "defaults_averted": less["defaults"],
        "lender_failures_averted": less["lender_failures"],
        "opening_debt_change": -less["opening_debt"],
    }
