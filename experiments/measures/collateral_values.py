"""What secures machine loans is worth: by appraisal, by the best bid for one unit, and all sold at once.

An appraisal says what a machine is booked at, the best bid of those who know its seller what one of them
would fetch today. A lender would get less than that for its whole pledge: few know of it, their cash and
racks are limited, and its borrowers, who have defaulted, do not bid.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import LenderKind
from hashcredit.agents.names import names_of_rows
from hashcredit.experiments.measures.trial_sales import TrialSales
from hashcredit.simulator.display import Facts, Shown, interval_in_words, runs_in_words
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import Progress
from hashcredit.simulator.reports.statistics import (
    group_length,
    in_groups,
    ratio_estimate,
    ratio_of_means,
)
from hashcredit.simulator.runs.blocks import Block, run_blocks
from hashcredit.simulator.runs.engine import refuse_undefined, refuse_unrest
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.setup.prepare import Setup, allocate, clear
from hashcredit.simulator.setup.rules import telling_where
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.week.step import open_economy, run_weeks

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

EVERY = 13
"""Weeks from one look to the next."""
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Of the pledged units of a type that are dumped at once, for the curve."""
VALUES = ("paper", "market", "liquidation")
"""What the collateral is worth, from the appraisal down."""

CURVE_COLUMNS = (
    "machine",
    "share",
    "units",
    "price_to_appraisal",
    "price_to_appraisal_low",
    "price_to_appraisal_high",
    "sold_share",
)


class Sums(NamedTuple):
    """Of some loans with machines behind them, in one week of one run."""

    debt: Floats
    units: Floats
    paper: Floats
    """Units at appraisal, M$; `market` at the best bid for one, `liquidation` all sold at once."""
    market: Floats
    liquidation: Floats
    sold: Floats
    """Units that the liquidation sells."""


class CurveSums(NamedTuple):
    """Of units of one type that are dumped at once in one run."""

    units: Floats
    paper: Floats
    """Units at appraisal, M$."""
    proceeds: Floats
    sold: Floats


@dataclass(frozen=True, repr=False)
class CollateralValues(Shown):
    """Three loans to value over the weeks, and the price of machines against the number dumped."""

    scenario: str
    seeds: tuple[int, ...]
    replicates: int
    weeks: tuple[int, ...]
    """At whose end the collateral was looked at; the first is 0."""
    curve_week: int
    groups: tuple[tuple[str, str], ...]
    """Level and name of the rows of `sums`."""
    machines: tuple[str, ...]
    sums: Floats
    """`Sums` [run, week, group, sum], seed by seed."""
    curve_sums: Floats
    """`CurveSums` [run, machine, share, sum]; the first share is one unit at the best bid."""
    together: int
    """Runs in a row that make one independent group."""

    def _facts(self) -> Facts:
        title = (
            f"Collateral of machine loans in {self.scenario}, {runs_in_words(self.seeds, self.replicates)}"
        )
        facts = {"weeks": f"{len(self.weeks)}, from {self.weeks[0]} to {self.weeks[-1]}"}
        total = self.table[self.table["level"] == "total"]
        for row in total.iloc[[0, -1]].to_dict("records"):
            ltvs = ", ".join(f"{row[f'{value}_ltv']:.0%} {value}" for value in VALUES)
            facts[f"LTV in week {row['week']}"] = ltvs
        facts["intervals"] = interval_in_words(len(self.seeds))
        return title, {**facts, "tables": "table, curve"}

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row a week and group: level, name.

        Levels are "total", "tier" and "lender", each of which sells all that is pledged to it at once, and
        "alone", the sum of what each lender would get if it were the only one that sells.

        Means a run: debt_musd, units; paper_musd, market_musd, liquidation_musd. paper_ltv, market_ltv and
        liquidation_ltv are the debt over each, mean over mean, a fraction, with 95 % intervals (_low, _high).
        NaN where a group has no collateral in any run, infinite where it is worth nothing. sold_share: of
        the units, in the liquidation.
        """
        import pandas as pd

        rows = []
        for place, week in enumerate(self.weeks):
            for group, (level, name) in enumerate(self.groups):
                told = Sums(*self.sums[:, place, group].T)
                row: dict[str, Any] = {"week": week, "level": level, "name": name}
                row |= {"debt_musd": told.debt.mean(), "units": told.units.mean()}
                row |= {f"{value}_musd": getattr(told, value).mean() for value in VALUES}
                for value in VALUES:
                    row |= self._ratio(f"{value}_ltv", told.debt, getattr(told, value))
                row["sold_share"] = ratio_of_means(told.sold, told.units)[0]
                rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def curve(self) -> "pd.DataFrame":
        """One row a machine type that is pledged and a share of what is pledged of it, in `curve_week`.

        share, of the pledged units, 0 for one unit at its best bid; units, mean a run; price_to_appraisal,
        proceeds over the appraisal of all units, those that nobody buys at nothing, with its 95 % interval
        (_low, _high); sold_share, of the units.
        """
        import pandas as pd

        rows = []
        for machine, name in enumerate(self.machines):
            for place, share in enumerate((0.0, *SHARES)):
                told = CurveSums(*self.curve_sums[:, machine, place].T)
                if not told.units.any():
                    continue
                row: dict[str, Any] = {"machine": name, "share": share}
                row["units"] = told.units.mean() if share else 1.0
                row |= self._ratio("price_to_appraisal", told.proceeds, told.paper)
                row["sold_share"] = ratio_of_means(told.sold, told.units)[0]
                rows.append(row)
        return pd.DataFrame(rows, columns=CURVE_COLUMNS)

    def _ratio(self, name: str, part: Floats, whole: Floats) -> dict[str, float]:
        """A ratio of means over runs with its interval over groups of them."""
        over, under = in_groups(part, self.together), in_groups(whole, self.together)
        found = ratio_estimate(over, under)
        mean = np.inf if part.any() and not whole.any() else found.mean
        return {name: mean, f"{name}_low": found.low, f"{name}_high": found.high}


def collateral_values(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(20),
    replicates: int = 5,
    *,
    every: int = EVERY,
    curve_week: int = 0,
    threads: int | None = None,
    progress: Progress = None,
) -> CollateralValues:
    """Paper, market and liquidation value of what secures machine loans, by lender, tier and in total.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out.
    seeds, replicates :
        Networks, and runs of each.
    every : int
        Weeks between two looks, at the end of weeks 0, `every`, twice that and so on.
    curve_week : int
        At whose end shares of what is pledged of each machine type are dumped for `curve`.

    Sales are tried on copies (`trial_sales`): a run is what it would be if nobody looked.
    Raises `ScenarioError` for what names no scenario, seed or week within the horizon.
    """
    given, chosen = scenario_of(scenario), seeds_of(None, seeds)
    replicates = whole_number("replicates", replicates, least=1)
    every = whole_number("every", every, least=1)
    curve_week = whole_number("curve_week", curve_week)
    if curve_week >= given.horizon_weeks:
        raise ScenarioError("curve_week", curve_week, f"a week before the horizon of {given.horizon_weeks}")
    weeks = tuple(range(0, given.horizon_weeks, every))
    work = partial(_look_at, weeks, curve_week)
    found = run_blocks(given, chosen, replicates, work, threads=threads, progress=progress)
    runs = [each for of_seed in found for each in of_seed]
    kinds = np.repeat(list(LenderKind), _lenders(given))
    return CollateralValues(
        scenario=given.name,
        seeds=tuple(chosen),
        replicates=replicates,
        weeks=weeks,
        curve_week=curve_week,
        groups=tuple(_groups(kinds)),
        machines=tuple(machine.name for machine in given.machine),
        sums=np.array([run[0] for run in runs]),
        curve_sums=np.array([run[1] for run in runs]),
        together=group_length(len(chosen), replicates, given.shocks.together),
    )


def _lenders(scenario: Any) -> list[int]:
    """Lenders of each kind."""
    population = scenario.population
    return [population.banks, population.private_credit, population.bond_funds]


def _groups(kinds: NDArray[np.int64]) -> Iterable[tuple[str, str]]:
    """Level and name of what `values_now` finds, in its order."""
    yield "total", "all at once"
    yield "alone", "each lender alone"
    yield from (("tier", kind.name.lower()) for kind in LenderKind if kind in kinds)
    yield from (("lender", str(name)) for name in names_of_rows(kinds, LenderKind))


def _members(kinds: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Lenders [lender] that sell at once: all, those of each kind that there is, each one."""
    tiers = [kinds == kind for kind in LenderKind if kind in kinds]
    return [np.ones(len(kinds), np.bool_), *tiers, *np.eye(len(kinds), dtype=np.bool_)]


def _look_at(
    weeks: Sequence[int], curve_week: int, block: Block, stop: threading.Event
) -> list[tuple[Floats, Floats]]:
    """Run a block and look at the collateral at the end of some weeks."""
    setup = block.setup
    economy = allocate(setup, series=False, events=0)
    trials = TrialSales(economy, setup.parameters)
    results: list[tuple[Floats, Floats]] = []
    for replicate in block.replicates:
        clear(economy, setup)
        open_economy(economy, setup.parameters, setup.seed, replicate)
        values: list[Floats] = []
        curve = np.zeros(0)
        for week in sorted({*weeks, curve_week}):
            if stop.is_set():
                return results
            _pass_weeks(economy, setup, replicate, week)
            trials.look()
            bids = trials.best_bids()
            if week in weeks:
                values.append(values_now(trials, economy, bids))
            if week == curve_week:
                curve = curve_now(trials, economy, bids)
        refuse_undefined(economy, setup, replicate)
        results.append((np.array(values), curve[: len(setup.machine_names)]))
    return results


def _pass_weeks(economy: Economy, setup: Setup, replicate: int, week: int) -> None:
    """Run on to the end of a week: slices end with the same bits as one call of `run_weeks`."""
    left = week + 1 - int(economy.clock["week"][0])
    with telling_where(setup.scenario.name, replicate, economy.clock):
        run_weeks(economy, setup.parameters, setup.seed, replicate, left)
    refuse_unrest(economy, setup, replicate)


def values_now(trials: TrialSales, economy: Economy, bids: Floats) -> Floats:
    """`Sums` [group, sum]; `bids` are the best for one unit, M$ [lender, machine]."""
    own = trials.pledges
    paper = own.units * economy.machines["appraisal"][own.machine]
    market = own.units * bids[own.holder, own.machine]
    found = []
    for members in _members(economy.lenders["kind"]):
        mine = members[own.holder]
        sale = trials.sell(np.where(mine, own.units, 0))
        sums = own.debt, own.units, paper, market, sale.proceeds, sale.sold  # in the order of `Sums`
        found.append(np.array([each[mine].sum() for each in sums], np.float64))
    alone = np.sum(found[-len(economy.lenders) :], axis=0)
    return np.array([found[0], alone, *found[1:]])


def curve_now(trials: TrialSales, economy: Economy, bids: Floats) -> Floats:
    """`CurveSums` [machine, share, sum]: from one unit at its best bid to all that is pledged of a type.

    Lenders sell in proportion to what is pledged to them. Whoever owes a loan on the type does not bid,
    however little of it is sold: along the curve only the number of units changes.
    """
    own = trials.pledges
    found = np.zeros((len(economy.machines), 1 + len(SHARES), len(CurveSums._fields)))
    for machine in np.unique(own.machine):
        mine = own.machine == machine
        pledged, appraisal = np.where(mine, own.units, 0), economy.machines["appraisal"][machine]
        all_units = int(pledged.sum())
        best = float((own.units * bids[own.holder, own.machine])[mine].sum())
        found[machine, 0] = all_units, all_units * appraisal, best, all_units
        for place, share in enumerate(SHARES):
            wanted = max(1, round(share * all_units))
            units = np.diff(wanted * np.cumsum(pledged) // all_units, prepend=0)
            sale = trials.sell(units, silent=mine)
            found[machine, 1 + place] = wanted, wanted * appraisal, sale.proceeds.sum(), sale.sold.sum()
    return found
