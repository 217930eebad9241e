"""Seized machines lot by lot: what they were worth on paper, what they fetched, and where the rest went.

A lot is what one default left of one machine type with its creditors. From its value on paper to its proceeds
go four steps, each a sum over its sales (M$):

    paper     at the appraisal in the week of seizure
    worth     at the appraisers' income value of that week: what appraisals had not yet written down is gone
    aged      at that of the week of sale: the machines stood and grew older
    net       less what moving costs their buyers, and the racks that resellers lease for them
    proceeds  what was paid: what is missing now is the discount of the sale, dealers' margins included

The ratios of neighbours multiply to proceeds over paper, also of sums over lots. All but `net` is in the log
of events and the weekly series; the costs are those that entered the bid of whoever bought. Income values are
as old as `valuation.refresh_weeks` allows: the last step also has what a sale knows more of its own week.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import BuyerKind, MachineKind
from hashcredit.agents.units import USD
from hashcredit.simulator.machines.slots import peer_moving_cost, slot_cost, slot_years
from hashcredit.simulator.market.auction import outsiders_are_elastic
from hashcredit.simulator.reports.ratios import ratios_of_sums
from hashcredit.simulator.reports.run import Run
from hashcredit.simulator.state.series import slug

if TYPE_CHECKING:
    import pandas as pd

VALUES = ("paper_sold_musd", "worth_musd", "aged_musd", "net_musd", "proceeds_musd")
"""Columns of a lot, from the value on paper of what was sold to what it fetched."""

STEPS = {
    "late marking": ("paper_sold_musd", "worth_musd"),
    "ageing until sale": ("worth_musd", "aged_musd"),
    "moving and slots": ("aged_musd", "net_musd"),
    "fire-sale discount": ("net_musd", "proceeds_musd"),
    "proceeds to paper": ("paper_sold_musd", "proceeds_musd"),
}
"""Each step with the columns whose ratio it is; the last is the product of the others."""

_KEY = ["default_event", "machine"]
"""Names a lot: all machines that a default leaves with creditors are seized in one week, at one appraisal."""


def seized_lots(run: Run) -> "pd.DataFrame":
    """The lots that creditors seized in a run, one row each, in the order of seizure.

    Columns: default_event (row of `run.events`), default_week, default_kind, cause, borrower_kind, borrower;
    machine, seizure_week; units_seized, units_sold, units_abandoned, units_held at the end; paper_musd of all
    units and the `VALUES` of those sold, M$; weeks_to_sale, a mean over units, NaN if none was sold.

    What a rival bought with the site of a failed borrower was never seized and is in no lot; so the scalars
    `paper_sold_musd` and `proceeds_musd` are the sums of the columns only in runs without `sites_taken_over`.
    """
    events = run.events.rename(columns={"parent": "default_event"})
    seizures = events[events.kind == "seizure"]
    lots = seizures.groupby(_KEY, sort=False).agg(
        seizure_week=("week", "first"), units_seized=("units", "sum"), paper_musd=("amount_musd", "sum")
    )
    sales = _sales(run, events, lots)
    sold = sales.groupby(_KEY)[["units", "unit_weeks", *VALUES]].sum()
    gone = events[events.kind == "abandonment"].groupby(_KEY).units.sum()
    lots = lots.join(sold).join(gone.rename("units_abandoned")).fillna(0.0).reset_index()
    whole = ["units", "units_abandoned"]
    lots[whole] = lots[whole].astype(np.int64)
    lots["units_held"] = lots.units_seized - lots.units - lots.units_abandoned
    lots["weeks_to_sale"] = lots.unit_weeks / lots.units.where(lots.units > 0)
    failures = run.events.loc[lots.default_event]
    for place, (name, column) in enumerate(_OF_DEFAULT.items()):
        lots.insert(1 + place, name, failures[column].to_numpy())
    columns = ["default_event", *_OF_DEFAULT, "machine", "seizure_week", "units_seized", "units",
               "units_abandoned", "units_held", "paper_musd", *VALUES, "weeks_to_sale"]  # fmt: skip
    return lots[columns].rename(columns={"units": "units_sold"})


_OF_DEFAULT = {
    "default_week": "week",
    "default_kind": "kind",
    "cause": "cause",
    "borrower_kind": "agent_kind",
    "borrower": "agent_name",
}
"""Columns of a lot that are its default's, by their names in the event log."""


def _sales(run: Run, events: "pd.DataFrame", lots: "pd.DataFrame") -> "pd.DataFrame":
    """Sales of seized machines with the values of `VALUES`, M$, and units times weeks from seizure."""
    sales = events[(events.kind == "sale") & (events.agent_kind == "lenders")]
    sales = sales.join(
        lots[["seizure_week"]].assign(price_seized=lots.paper_musd / lots.units_seized), on=_KEY
    )
    values = _income_values(run)
    machine = np.array([run.setup.machine_names.index(name) for name in sales.machine], np.int64)
    units, week = sales.units.to_numpy(), sales.week.to_numpy()
    aged = units * values[week, machine]
    return sales.assign(
        unit_weeks=units * (week - sales.seizure_week),
        paper_sold_musd=units * sales.price_seized,
        worth_musd=units * values[sales.seizure_week, machine],
        aged_musd=aged,
        net_musd=aged - units * _costs(run, sales, machine),
        proceeds_musd=sales.amount_musd,
    )


def _income_values(run: Run) -> NDArray[np.float64]:
    """The appraisers' income value, M$ a unit, [week, machine type]."""
    columns = [f"fundamental_usd_{slug(name)}" for name in run.setup.machine_names]
    values: NDArray[np.float64] = run.series[columns].to_numpy() / USD
    return values


def _costs(run: Run, sales: "pd.DataFrame", machine: NDArray[np.int64]) -> NDArray[np.float64]:
    """What moving and leased slots cost the buyer of each sale, M$ a unit.

    Whoever has racks of its own bids without their cost; outsiders with elastic means pay for neither.
    """
    p = run.setup.parameters[0]
    costs = np.zeros(len(sales))
    if outsiders_are_elastic(p):
        return costs
    machines, buyers = run.economy.machines, run.economy.buyers
    capital = run.series["cost_of_capital"].to_numpy()
    known: dict[tuple[int, int, int], float] = {}
    rows = zip(sales.week, sales.counterparty_kind, sales.counterparty, machine, strict=True)
    for place, (week, sector, row, m) in enumerate(rows):
        kind = int(machines["kind"][m])
        if sector != "buyers":
            costs[place] = peer_moving_cost(p, kind)
            continue
        key = int(week), int(row), int(m)
        if key not in known:
            known[key] = _outsiders_cost(p, buyers[row], kind, int(machines["cooling"][m]), capital[week])
        costs[place] = known[key]
    return costs


def _outsiders_cost(p: np.void, buyer: np.void, kind: int, cooling: int, capital: float) -> float:
    """The same of a secondary buyer, at a cost of capital of the market (1/yr)."""
    if buyer["kind"] == BuyerKind.SCRAP_DEALER:
        return 0.0
    moving = float(buyer["moving_cost_asic" if kind == MachineKind.ASIC else "moving_cost"])
    if buyer["kind"] == BuyerKind.OPERATOR:
        return moving
    return moving + float(slot_cost(p, cooling, slot_years(p, capital + buyer["cost_of_capital"])))


def realised_split(lots: "pd.DataFrame", clusters: Sequence[str] | None = None) -> "pd.DataFrame":
    """The steps from paper value to proceeds over all lots given, with intervals.

    Parameters
    ----------
    lots : DataFrame
        Of `seized_lots`; of many runs below each other, with columns that tell what was drawn independently.
        Rows of a cohort alone give its split.
    clusters : sequence of str, optional
        Those columns; what there is of seed and replicate, if left out. Networks belong to seeds: with many
        replicates of each, ["seed"] is right.

    Returns
    -------
    DataFrame
        One row for each of `STEPS`: value (a ratio of sums), standard_error, low and high (95 %). The first
        four multiply to the fifth. NaN where nothing was sold, or without a second cluster for an interval.
    """
    return ratios_of_sums(lots, STEPS, clusters)
