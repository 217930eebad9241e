"""From a scenario to what kernels read: one parameter record, the machine table, exogenous paths.

This is the border where units are converted, once: money becomes M$, months and weeks become years where
a rate is a year's, dates become weeks from the start. The record's fields are named `section_field`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hashcredit.agents.dimensions import MACHINE_TYPES, Cooling, MachineKind, row
from hashcredit.simulator.scenario.errors import inner_model
from hashcredit.simulator.scenario.fields.base import documentation
from hashcredit.simulator.scenario.fields.interventions import regimes
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.scenario.sections import SECTIONS, Machine
from hashcredit.simulator.state.pool import ASSETS, MacroPath
from hashcredit.simulator.state.tables import MACHINE

NEVER = 10**6
"""Week of something that does not happen."""

HOURS_A_YEAR = 24 * 365.25
MILLION = 1e-6
DAYS_A_WEEK = 7
WEEKS_A_YEAR = 52.0

CONVERSIONS = {
    "USD/unit": MILLION,  # M$ a unit
    "USD/unit-week": MILLION,  # M$ a unit and week
    "USD/kW": MILLION,  # M$ a kW
    "USD/kW-month": 12 * MILLION,  # M$ a kW and year
}
"""Factor from a scenario's unit to the kernels' unit."""

UNCHANGED = frozenset(
    {
        "none",
        "fraction",
        "ratio",
        "probability",
        "correlation",
        "weight",
        "log",
        "1/yr",
        "1/yr^0.5",
        "1/week",
        "years",
        "weeks",
        "week",
        "date",
        "agents",
        "units",
        "launches",
        "lenders",
        "bidders",
        "M$",
        "bn$",
        "bn$/yr",
        "USD per BTC",
        "USD/GPU-h",
        "USD/PH/day",
        "USD/kWh",
        "EH/s",
        "kW",
        "BTC per EH/s",
    }
)
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


def _column(field: FieldInfo) -> tuple[str, tuple[int, ...]] | None:
    """NumPy type and shape of a field's column, None for text and paths."""
    kind = field.annotation
    if kind is bool:
        return "i1", ()
    if kind is int or get_origin(kind) is Literal or date in get_args(kind):
        return "i8", ()
    if kind is float and not documentation(field).get("knots"):
        return "f8", ()
    if kind == dict[str, float]:
        return "f8", (MACHINE_TYPES,)
    if get_origin(kind) is tuple and not documentation(field).get("knots"):
        return "f8", (len(get_args(kind)),)
    return None


def _kinds(section: type[BaseModel]) -> list[type[BaseModel]]:
    """Models of the tables by kind of agent inside a section, empty for a plain section."""
    inner = [inner_model(field) for field in section.model_fields.values() if not documentation(field)]
    return [model for model in inner if model is not None]


def _name(section: str, field: str) -> str:
    name = f"{section}_{field}"
    return name.removesuffix("_date") + "_week" if name.endswith("_date") else name


def _fields() -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Name, type and shape of every column of the parameter record."""
    yield "horizon_weeks", "i8", ()
    yield "from_week", "i8", ()
    for section, model in SECTIONS.items():
        kinds = _kinds(model)
        for field, info in (kinds[0] if kinds else model).model_fields.items():
            column = _column(info)
            if column is not None:
                yield _name(section, field), column[0], (len(kinds), *column[1]) if kinds else column[1]
    yield "forced_week", "i8", ()
    yield "forced_machine", "i8", ()
    yield "forced_units", "i8", ()
    yield "asset_volatility", "f8", (ASSETS,)


PARAMETERS = row([(name, kind, shape) if shape else (name, kind) for name, kind, shape in _fields()])
"""One record that holds every number of a scenario in the kernels' units."""


@dataclass(frozen=True)
class _Column:
    """Where one field of a section, or of a table by kind inside it, goes in the parameter record."""

    section: str
    kind: str | None
    index: Any
    """Place in the column: its only row, or the row and the kind of agent."""
    field: str
    name: str
    choices: tuple[Any, ...]
    """Of a field with a few words; the record has their numbers."""
    is_date: bool
    factor: float

    def of(self, scenario: Scenario) -> Any:
        """The field's value in a scenario."""
        section = getattr(scenario, self.section)
        return getattr(section if self.kind is None else getattr(section, self.kind), self.field)


@cache
def _columns() -> tuple[_Column, ...]:
    """Every field that has a column."""
    found = []
    for section, model in SECTIONS.items():
        places: list[tuple[str | None, Any, type[BaseModel]]] = [(None, 0, model)]
        tables = [name for name, field in model.model_fields.items() if not documentation(field)]
        if _kinds(model):
            places += [(name, (0, k), _kinds(model)[k]) for k, name in enumerate(tables)]
        for kind, index, terms in places:
            for field, info in terms.model_fields.items():
                if documentation(info) and _column(info) is not None:
                    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
                    is_date = date in get_args(info.annotation)
                    factor = 1.0 if choices or is_date else conversion(documentation(info)["unit"])
                    name = _name(section, field)
                    found.append(_Column(section, kind, index, field, name, choices, is_date, factor))
    return tuple(found)


def _value(value: Any, column: _Column, scenario: Scenario) -> Any:
    """One field's value as its column stores it."""
    if column.choices:
        return column.choices.index(value)
    if column.is_date:
        return _future_week(value, scenario)
    if isinstance(value, dict):
        weights = np.array([value.get(machine.name, 0.0) for machine in scenario.machine])
        shares = np.zeros(MACHINE_TYPES)
        shares[: weights.size] = weights / (weights.sum() or 1.0)
        return shares
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value * column.factor
    return np.asarray(value) * column.factor


def _future_week(day: date | None, scenario: Scenario) -> int:
    """Week of a day; a day before the start is already part of the starting values, so it never comes."""
    week = NEVER if day is None else weeks_from(scenario.start_date, day)
    return week if week >= 0 else NEVER


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
        record[column.name][column.index] = _value(column.of(scenario), column, scenario)
    forced = scenario.shocks.forced_default
    record["forced_week"] = -1 if forced is None else forced.week
    record["forced_machine"] = -1 if forced is None else _machine_names(scenario).index(forced.machine)
    record["forced_units"] = 0 if forced is None else forced.units
    # of fundamentals: `funding_volatility` takes off what the pool adds
    record["asset_volatility"] = (scenario.shocks.btc_volatility, *scenario.assets.volatility)
    return record


def _machine_names(scenario: Scenario) -> list[str]:
    return [machine.name for machine in scenario.machine]


def compile_machines(scenario: Scenario) -> np.ndarray:
    """The machine table, shape (12,), with its static columns filled."""
    table = np.zeros(MACHINE_TYPES, dtype=MACHINE)
    for place, machine in enumerate(scenario.machine):
        _fill_machine(table[place], machine, scenario)
    return table


def _fill_machine(row: Any, machine: Machine, scenario: Scenario) -> None:
    """Static columns of one machine type."""
    is_gpu = machine.kind == "gpu"
    costs = scenario.costs
    pue = costs.pue_gpu if is_gpu else costs.pue_asic
    row["used"] = 1
    row["kind"] = MachineKind.GPU if is_gpu else MachineKind.ASIC
    row["cooling"] = Cooling[machine.cooling.upper()]
    row["launch_week"] = weeks_from(scenario.start_date, machine.launch_date)
    row["end_of_sale_week"] = weeks_from(scenario.start_date, machine.end_of_sale_date)
    row["throughput"] = machine.throughput
    row["kw"] = machine.kw
    row["price_new"] = machine.price_new * MILLION * (1.0 + costs.addon if is_gpu else 1.0)
    row["life_years"] = machine.life_years
    row["depreciation"] = row["price_new"] / (machine.life_years * WEEKS_A_YEAR)
    power = machine.kw * pue * np.asarray(costs.power_price) * HOURS_A_YEAR * MILLION
    row["cost"] = power + costs.upkeep * machine.price_new * MILLION
    entries = launches(machine, scenario)
    row["launches"] = len(entries)
    row["launch_at"][: len(entries)] = [week for week, _ in entries]
    row["launch_step"][: len(entries)] = [step for _, step in entries]


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
