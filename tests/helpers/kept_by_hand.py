"""An agent kept alive the slow way: whole runs of the Mesa face, one sum of one week changed at a time."""

from hashcredit.agents.views import Lender, Miner, NeoCloud
from hashcredit.simulator import MarketModel

FIRST = 0.25
"""M$; twice as much every time it was not enough."""


def kept_by_hand(scenario, agent, seed, replicate):
    """The model at its horizon, and what was paid in each week, M$."""
    support = {}
    while True:
        model = backed(scenario, agent, seed, replicate, support)
        model.run()
        failures = model.events[model.events["kind"].isin(["default", "lender_failure"])]
        weeks = failures.loc[failures["agent_name"] == agent, "week"]
        if weeks.empty:
            return model, support
        week = int(weeks.iloc[0])
        support[week] = 2.0 * support[week] if week in support else FIRST


def backed(scenario, agent, seed, replicate, support, check=False):
    """A model in which the owners of an agent pay what `support` says (M$ by week)."""

    def pay(view):
        if view.name == agent and view.alive and view.model.week in support:
            view.model.pay("world", view, support[view.model.week])

    classes = [type(kind.__name__, (kind,), {"before_cash_flow": pay}) for kind in (Miner, NeoCloud)]
    classes.append(type("Lender", (Lender,), {"before_repo": pay}))
    return MarketModel(scenario, rng=seed, replicate=replicate, agent_classes=classes, check=check)
