"""Why one agent failed: the same run again without each channel, each shock and each earlier failure.

All draws stay as they were, so what changes is due to what was left out. A failure may have several
causes without any of which it would not be, or none that alone makes it so: each replay leaves out one thing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from hashcredit.experiments.measures.shocks import without_each_shock
from hashcredit.simulator.display import Facts, Shown, some_of
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import OnProgress, Progress, shown
from hashcredit.simulator.reports.contagion_tree import NONE, cascades, earlier_failures
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.runs.engine import simulate
from hashcredit.simulator.runs.kept_alive import CannotBeSavedError, simulate_kept_alive
from hashcredit.simulator.runs.switches import SWITCHES, acting_channels, without_channels
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.rules import Rule

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

CHANNEL, SHOCK, FAILURE = "channel", "shock", "failure"
"""What a replay leaves out."""

PREVENTED, DELAYED, EARLIER, UNCHANGED, IMPOSED = "prevented", "delayed", "earlier", "unchanged", "imposed"
"""What becomes of the failure; of an earlier failure that the scenario imposes there is no replay."""

COLUMNS = (
    "left_out",
    "without",
    "how",
    "answer",
    "weeks",
    "week",
    "cause",
    "defaults",
    "lender_failures",
    "support_musd",
)

MOST_NAMES = 40
"""Of those that failed, in an error."""


class Replay(NamedTuple):
    """The run again without one thing."""

    left_out: str
    """`CHANNEL`, `SHOCK` or `FAILURE`."""
    without: str
    """Name of the channel, of the shock, or of the agent that is kept alive."""
    how: str
    """What was changed, in words."""
    run: Run | None
    """None for an earlier failure that the scenario imposes: the replay without that shock tells."""
    support_musd: float = 0.0
    """What the owners of an agent that is kept alive put in, M$."""


@dataclass(frozen=True, repr=False)
class FailureExplanation(Shown):
    """What would have become of one failure of a run without each thing that may have led to it."""

    run: Run
    failure: str
    """Name of the agent, as in the event log."""
    tree: "nx.DiGraph"
    """The failures of the run and which led to which, as logged."""
    replays: tuple[Replay, ...]

    def _facts(self) -> Facts:
        setup = self.run.setup
        title = f"Failure of {self.failure} in {setup.scenario.name}, seed {setup.seed}, replicate "
        facts = {
            "failed": f"in week {self.week} {self.reason}",
            "logged chain": " > ".join([*self.chain, self.failure]),
        }
        for answer in (PREVENTED, DELAYED, EARLIER):
            names = self.table.loc[self.table["answer"] == answer, "without"]
            facts[f"{answer} without"] = ", ".join(names) or "-"
        return f"{title}{self.run.replicate}", {**facts, "tables": "table, one row a replay"}

    @property
    def week(self) -> int:
        """In which it failed."""
        return int(self.tree.nodes[self.failure]["week"])

    @property
    def reason(self) -> str:
        """Why, as far as it is logged: cause of a borrower, and channel."""
        node = self.tree.nodes[self.failure]
        cause, channel = (node[name].replace("_", " ") for name in ("cause", "channel"))
        way = "from outside" if channel == "exogenous" else f"through {channel}"
        words = [(cause, f"for {cause}"), (channel, way)]
        return ", ".join(said for name, said in words if name != NONE)

    @property
    def chain(self) -> list[str]:
        """Earlier failures that the log traces it to, the first one first."""
        return earlier_failures(self.tree, self.failure)

    @property
    def cascade(self) -> list[str]:
        """All failures of its cascade, in the order of `contagion_tree.cascades`."""
        return next(group for group in cascades(self.tree) if self.failure in group)

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row a replay: what was left out, and what would have become of the failure.

        Columns: left_out, without, how; answer ("prevented" by the horizon, "delayed", "earlier",
        "unchanged", "imposed"), weeks by which it moves (later is positive, missing where it does not fail or
        there is no replay), week, cause; defaults and lender_failures of the replay; support_musd (M$), what
        the owners of an agent that is kept alive put in.
        """
        import pandas as pd

        frame = pd.DataFrame([self._row(replay) for replay in self.replays], columns=list(COLUMNS))
        counts = ["weeks", "week", "defaults", "lender_failures"]
        return frame.astype(dict.fromkeys(counts, "Int64"))

    def _row(self, replay: Replay) -> dict[str, object]:
        """The row of a replay by column; what there is none of is None."""
        row: dict[str, object] = dict.fromkeys(COLUMNS)
        row |= {"left_out": replay.left_out, "without": replay.without, "how": replay.how, "answer": IMPOSED}
        row["support_musd"] = replay.support_musd
        if replay.run is None:
            return row
        row |= {name: replay.run.summary[name] for name in ("defaults", "lender_failures")}
        node = replay.run.contagion_tree().nodes.get(self.failure)
        if node is None:
            return row | {"answer": PREVENTED}
        weeks = int(node["week"]) - self.week
        answer = DELAYED if weeks > 0 else EARLIER if weeks < 0 else UNCHANGED
        return row | {"answer": answer, "weeks": weeks, "week": int(node["week"]), "cause": node["cause"]}


def explain_failure(
    scenario: GivenScenario,
    failure: str,
    seed: int = 1,
    replicate: int = 0,
    *,
    rules: Mapping[str, Rule] | None = None,
    progress: Progress = None,
) -> FailureExplanation:
    """Replay one run without each channel, shock and earlier failure, and say what becomes of one failure.

    Channels: each that is on is switched off alone. Shocks: each price that is drawn or fed in follows its
    expected path, each failure that the scenario imposes, turn of demand and intervention is left out
    (`shocks.without_each_shock`). Earlier failures: each agent that the log traces the failure to is kept
    alive by its owners, who put in what it lacks (`simulate_kept_alive`).

    Parameters
    ----------
    scenario : Scenario, name or path
        None for the baseline.
    failure : str
        Name of an agent that failed, as in the event log: "miner-12", "bank-3".
    seed, replicate : int
        The run.
    rules : mapping, optional
        As in `simulate`, in all replays.
    progress : function, bool or None
        As in `simulate_many`, told of replays.

    Raises `ScenarioError` for an agent that did not fail in the run or that does not exist; it lists who did.
    """
    whole = scenario_of(scenario)
    with shown(progress, "replays") as tell:
        run = simulate(whole, seed, replicate, rules=rules)
        tree = run.contagion_tree()
        if failure not in tree:
            raise ScenarioError("failure", failure, _who_failed(run, failure, list(tree)))
        plans = list(_changes(whole))
        chain = earlier_failures(tree, failure)
        every = len(plans) + len(chain)
        replays = []
        for left_out, name, how, changed in plans:
            replays.append(Replay(left_out, name, how, simulate(changed, seed, replicate, rules=rules)))
            _told(tell, len(replays), every)
        for name in chain:
            replays.append(_kept_alive(name, whole, seed, replicate, rules))
            _told(tell, len(replays), every)
    return FailureExplanation(run, failure, tree, tuple(replays))


def _changes(scenario: Scenario) -> Iterator[tuple[str, str, str, Scenario]]:
    """What is left out by a change of the scenario: kind, name, words, changed scenario."""
    for name in acting_channels(scenario):
        yield CHANNEL, name, f"{SWITCHES[name]} off", without_channels(scenario, [name])
    for shock in without_each_shock(scenario):
        yield SHOCK, shock.name, shock.words, shock.without


def _kept_alive(
    agent: str, scenario: Scenario, seed: int, replicate: int, rules: Mapping[str, Rule] | None
) -> Replay:
    try:
        saved = simulate_kept_alive(agent, scenario, seed, replicate, rules=rules)
    except CannotBeSavedError:
        return Replay(FAILURE, agent, "imposed by the scenario: no cash prevents it", None)
    paid = sum(amount for _, amount in saved.support)
    return Replay(FAILURE, agent, "kept alive by its owners", saved.run, paid)


def _who_failed(run: Run, name: str, failed: list[str]) -> str:
    """What would have been accepted, and whether there is such an agent at all."""
    agents = [each for table in ("borrowers", "lenders") for each in run.opening[table]["name"]]
    if not failed:
        return "an agent that failed in this run; nobody did"
    what = "it did not fail" if name in agents else "there is no such borrower or lender"
    return f"an agent that failed in this run ({what}): {some_of(failed, MOST_NAMES)}"


def _told(tell: OnProgress | None, done: int, every: int) -> None:
    if tell is not None:
        tell(done, every)
