"""From a scenario to what kernels read: one parameter record, the machine table, exogenous paths.

This is the border where units are converted, once: money becomes M$, months and weeks become years where
a rate is a year's, dates become weeks from the start. The record's fields are named `section_field`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, get_args, get_origin

import numpy as np
from pydantic.fields import FieldInfo

from hashcredit.agents.dimensions import MACHINE_TYPES, Cooling, LenderKind, MachineKind
from hashcredit.agents.rows import aligned
from hashcredit.agents.units import HOURS_A_YEAR, MILLION, WEEKS_A_YEAR
from hashcredit.simulator.scenario.fields.base import Section, choice_of, documentation, inner_sections
from hashcredit.simulator.scenario.fields.machines import Machine
from hashcredit.simulator.scenario.fields.types import Choice
from hashcredit.simulator.scenario.interventions import regimes
from hashcredit.simulator.scenario.scenario import SECTIONS, Scenario
from hashcredit.simulator.state.machines import MACHINE
from hashcredit.simulator.state.pool import ASSETS, MacroPath

NO_WEEK = 10**6
"""Week of something that does not happen."""

DAYS_A_WEEK = 7

CONVERSIONS = {
    "USD/unit": MILLION,  # M$ a unit
    "USD/unit-week": MILLION,  # M$ a unit and week
    "USD/kW": MILLION,  # M$ a kW
    "USD/kW-month": 12 * MILLION,  # M$ a kW and year
}
"""Factor from a scenario's unit to the kernels' unit."""

UNCHANGED = frozenset({
    "none", "fraction", "ratio", "probability", "correlation", "weight", "log", "1/yr", "1/yr^0.5", "1/week",
    "years", "weeks", "week", "date", "agents", "units", "launches", "lenders", "bidders", "M$", "bn$",
    "bn$/yr", "USD per BTC", "USD/GPU-h", "USD/PH/day", "USD/kWh", "EH/s", "kW", "BTC per EH/s",
})  # fmt: skip
"""Units that kernels use as they are."""


def weeks_from(start: date, day: date) -> int:
    """Whole weeks from the start to a day, negative if it is earlier."""
    return (day - start).days // DAYS_A_WEEK


def conversion(unit: str) -> float:
    """Factor from a scenario's unit to the kernels' unit."""
    if unit in CONVERSIONS:
        return CONVERSIONS[unit]
    if unit in UNCHANGED:
        return 1.0
    raise ValueError(f"no conversion for the unit {unit!r}")


@dataclass(frozen=True)
class _Column:
    """Where one field of a section, or of a table by kind inside it, goes in the parameter record."""

    section: str
    kind: str | None
    index: Any
    """Place in the column: its only row, or the row and the kind of agent."""
    field: str
    type: str
    shape: tuple[int, ...]
    """Of the whole column, kinds of agent first."""
    choice: Choice | None
    """Of a field with a few words; the record has their codes."""
    factor: float

    @property
    def name(self) -> str:
        """Section and field; what is a date in a scenario is a week here."""
        name = f"{self.section}_{self.field}"
        return name.removesuffix("_date") + "_week" if name.endswith("_date") else name

    def convert(self, scenario: Scenario) -> Any:
        """The field's value in a scenario as the column stores it."""
        section = getattr(scenario, self.section)
        value = getattr(section if self.kind is None else getattr(section, self.kind), self.field)
        if self.choice is not None:
            return self.choice.codes[value]
        if value is None or isinstance(value, date):
            return _future_week(value, scenario)
        if isinstance(value, dict):
            return _shares(value, scenario)
        if isinstance(value, bool | int):
            return value
        return value * self.factor if isinstance(value, float) else np.asarray(value) * self.factor


def _layout(info: FieldInfo) -> tuple[str, tuple[int, ...]] | None:
    """NumPy type and shape of one value of a field, None for text and paths."""
    kind, is_path = info.annotation, documentation(info).get("knots")
    if kind is bool:
        return "i1", ()
    if kind is int or date in get_args(kind) or choice_of(info):
        return "i8", ()
    if kind is float:
        return "f8", ()
    if kind == dict[str, float]:
        return "f8", (MACHINE_TYPES,)
    return ("f8", (len(get_args(kind)),)) if get_origin(kind) is tuple and not is_path else None


@cache
def _columns() -> tuple[_Column, ...]:
    """Every field that has a column, kinds of agent one after the other."""
    found: list[_Column] = []
    for section, model in SECTIONS.items():
        kinds = inner_sections(model)
        for place, (kind, terms) in enumerate(kinds.items()):
            found += _columns_of(section, terms, kind, (0, place), (len(kinds),))
        if not kinds:
            found += _columns_of(section, model, None, 0, ())
    return tuple(found)


def _columns_of(
    section: str, terms: type[Section], kind: str | None, index: Any, kinds: tuple[int, ...]
) -> Iterator[_Column]:
    """Columns of a section, or their places for one kind of agent; `kinds` is how many there are."""
    for field, info in terms.model_fields.items():
        layout = _layout(info)
        if layout is not None:
            factor = conversion(documentation(info)["unit"])
            shape = (*kinds, *layout[1])
            yield _Column(section, kind, index, field, layout[0], shape, choice_of(info), factor)


def _record() -> np.dtype[Any]:
    """Names, types and shapes of all columns."""
    columns = {column.name: (column.type, column.shape) for column in _columns()}
    whole: tuple[str, tuple[int, ...]] = "i8", ()
    columns = {"horizon_weeks": whole, "from_week": whole, **columns, "turn_week": whole}
    columns |= dict.fromkeys(("turn_drop", "turn_growth"), ("f8", ()))
    columns |= dict.fromkeys(("forced_week", "forced_machine", "forced_units"), whole)
    columns |= dict.fromkeys(("forced_lender_week", "forced_lender_kind"), whole)
    columns["forced_lender_share"] = "f8", ()
    columns["asset_volatility"] = "f8", (ASSETS,)
    return aligned((name, kind, shape) for name, (kind, shape) in columns.items())


PARAMETERS = _record()
"""One record that holds every number of a scenario in the kernels' units."""


def _shares(weights: dict[str, float], scenario: Scenario) -> np.ndarray:
    """Weights by machine name as shares in the order of the machine table."""
    given = np.array([weights.get(machine.name, 0.0) for machine in scenario.machine])
    shares = np.zeros(MACHINE_TYPES)
    shares[: given.size] = given / (given.sum() or 1.0)
    return shares


def _future_week(day: date | None, scenario: Scenario) -> int:
    """Week of a day; a day before the start is already part of the starting values, so it never comes."""
    week = NO_WEEK if day is None else weeks_from(scenario.start_date, day)
    return week if week >= 0 else NO_WEEK


def compile_parameters(scenario: Scenario) -> np.ndarray:
    """The parameters of a scenario in the kernels' units: one record, and one for each later regime, by week.

    The opening balance sheets are always those of the first.
    """
    if not scenario.interventions:
        return _compile_one(scenario, 0)
    rows = [(0, scenario), *regimes(scenario)]
    return np.concatenate([_compile_one(each, week) for week, each in rows])


def _compile_one(scenario: Scenario, week: int) -> np.ndarray:
    """The parameter record, shape (1,), that holds from a week on."""
    record = np.zeros(1, dtype=PARAMETERS)
    record["horizon_weeks"] = scenario.horizon_weeks
    record["from_week"] = week
    for column in _columns():
        record[column.name][column.index] = column.convert(scenario)
    turn = scenario.shocks.demand_turn
    record["turn_week"] = NO_WEEK if turn is None else turn.week
    record["turn_drop"] = 0.0 if turn is None else turn.drop
    record["turn_growth"] = 0.0 if turn is None else turn.growth
    _fill_forced(record, scenario)
    # of fundamentals: `funding_volatility` takes off what the pool adds
    record["asset_volatility"] = (scenario.shocks.btc_volatility, *scenario.assets.volatility)
    return record


def _fill_forced(record: np.ndarray, scenario: Scenario) -> None:
    """Failures that the scenario imposes; week -1 if there are none."""
    forced, lenders = scenario.shocks.forced_default, scenario.shocks.forced_lender_failure
    record["forced_week"] = record["forced_machine"] = record["forced_lender_week"] = -1
    if forced is not None:
        record["forced_week"] = forced.week
        record["forced_machine"] = _machine_names(scenario).index(forced.machine)
        record["forced_units"] = forced.units
    if lenders is not None:
        record["forced_lender_week"] = lenders.week
        record["forced_lender_kind"] = LenderKind[lenders.kind.upper()]
        record["forced_lender_share"] = lenders.share


def _machine_names(scenario: Scenario) -> list[str]:
    return [machine.name for machine in scenario.machine]


def compile_machines(scenario: Scenario) -> np.ndarray:
    """The machine table, shape (12,), with its static columns filled."""
    table = np.zeros(MACHINE_TYPES, dtype=MACHINE)
    for place, machine in enumerate(scenario.machine):
        _fill_machine(table[place], machine, scenario)
    return table


def _fill_machine(entry: Any, machine: Machine, scenario: Scenario) -> None:
    """Static columns of one machine type."""
    is_gpu = machine.kind == "gpu"
    costs = scenario.costs
    pue = costs.pue_gpu if is_gpu else costs.pue_asic
    entry["used"] = 1
    entry["kind"] = MachineKind.GPU if is_gpu else MachineKind.ASIC
    entry["cooling"] = Cooling[machine.cooling.upper()]
    entry["launch_week"] = weeks_from(scenario.start_date, machine.launch_date)
    entry["end_of_sale_week"] = weeks_from(scenario.start_date, machine.end_of_sale_date)
    entry["throughput"] = machine.throughput
    entry["kw"] = machine.kw
    entry["price_new"] = machine.price_new * MILLION * (1.0 + costs.addon if is_gpu else 1.0)
    entry["life_years"] = machine.life_years
    entry["depreciation"] = entry["price_new"] / (machine.life_years * WEEKS_A_YEAR)
    power = machine.kw * pue * np.asarray(costs.power_price) * HOURS_A_YEAR * MILLION
    entry["cost"] = power + costs.upkeep * machine.price_new * MILLION
    rivals = launches(machine, scenario)
    entry["launches"] = len(rivals)
    entry["launch_at"][: len(rivals)] = [week for week, _ in rivals]
    entry["launch_step"][: len(rivals)] = [step for _, step in rivals]


def launches(machine: Machine, scenario: Scenario) -> list[tuple[float, float]]:
    """Midpoint weeks and steps of what later rivals take from a GPU type, by date.

    Generations do not end with the last one that has a name: unnamed successors follow at the usual cadence,
    or the last type would look as if nothing ever replaced it. An ASIC has no entries: a terahash earns
    hashprice whatever its generation, and rivals work through difficulty.
    """
    if machine.kind == "asic":
        return []
    compute = scenario.compute
    gpus = [other.launch_date for other in scenario.machine if other.kind == "gpu"]
    named = sorted(weeks_from(scenario.start_date, day) for day in gpus if day > machine.launch_date)
    last = weeks_from(scenario.start_date, max(gpus))
    weeks = [float(week) for week in named]
    weeks += [last + WEEKS_A_YEAR * compute.cadence_years * (i + 1) for i in range(compute.successors)]
    return [(week + compute.launch_lag_weeks, compute.launch_step) for week in weeks]


def compile_paths(
    scenario: Scenario,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weekly paths of tightness, haircut, BTC (USD), rent (USD a GPU-hour), hashprice (USD a PH/s and day).

    The last three are empty where the model makes them instead.
    """
    weeks = scenario.horizon_weeks
    return (
        _path(scenario.funding.tightness, weeks),
        _path(scenario.repo.haircut, weeks),
        _path(scenario.shocks.btc_path, weeks),
        _path(scenario.shocks.rent_path, weeks),
        _path(scenario.shocks.hashprice_path, weeks),
    )


def compile_macro_paths(scenario: Scenario, weeks: int) -> np.ndarray:
    """Weekly macro paths, shape (weeks, MacroPath)."""
    funding = scenario.funding
    filled = np.zeros((weeks, len(MacroPath)))
    filled[:, MacroPath.CAPEX] = _path(funding.capex, weeks)
    filled[:, MacroPath.EXTERNAL_SHARE] = _path(funding.external_share, weeks)
    filled[:, MacroPath.PURCHASES] = _path(funding.purchases, weeks)
    filled[:, MacroPath.FISCAL] = _path(funding.fiscal, weeks)
    return filled


def _path(path: Any, weeks: int) -> np.ndarray:
    """A constant or linear interpolation between knots, flat outside; empty without knots."""
    if not isinstance(path, tuple):
        return np.full(weeks, float(path))
    if not path:
        return np.empty(0)
    known, values = zip(*path, strict=True)
    filled: np.ndarray = np.interp(np.arange(weeks, dtype=np.float64), known, values)
    return filled
