"""What to run: a frozen, validated scenario, read from TOML files and changed by dotted names."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ValidationError, model_validator

from hashcredit.agents.dimensions import MACHINE_TYPES
from hashcredit.simulator.display import Facts, Shown, counted, some_of
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.errors import dotted_fields, hint, scenario_error, unknown
from hashcredit.simulator.scenario.fields.base import (
    Section,
    check_weights,
    field,
    inner_sections,
    named_field,
    optional_section,
    refused,
)
from hashcredit.simulator.scenario.fields.buyers import Buyers
from hashcredit.simulator.scenario.fields.channels import Channels
from hashcredit.simulator.scenario.fields.credit import Credit, Equity
from hashcredit.simulator.scenario.fields.earnings import Compute, Mining, Shocks
from hashcredit.simulator.scenario.fields.funding import Assets, Funding, Investors
from hashcredit.simulator.scenario.fields.investment import Investment
from hashcredit.simulator.scenario.fields.lenders import Interlender, Lenders, Repo
from hashcredit.simulator.scenario.fields.machines import BASELINE_MACHINES, Machine
from hashcredit.simulator.scenario.fields.market import Costs, Marking, Resolution, SecondaryMarket, Valuation
from hashcredit.simulator.scenario.fields.miners import Miners
from hashcredit.simulator.scenario.fields.neoclouds import Neoclouds
from hashcredit.simulator.scenario.fields.networks import Networks
from hashcredit.simulator.scenario.fields.population import Population
from hashcredit.simulator.scenario.fields.types import Day, Shares, Text, WholeWeeks, unit
from hashcredit.simulator.scenario.files import (
    PACKAGED,
    SCHEMA,
    is_schema,
    packaged_names,
    read_paths,
    read_scenario,
)
from hashcredit.simulator.scenario.forced import check_forced
from hashcredit.simulator.scenario.interventions import Intervention, check_interventions
from hashcredit.simulator.scenario.network_files import NETWORKS, file_links, hash_of
from hashcredit.simulator.scenario.text import (
    Parameter,
    parameters,
    parse_assignments,
    parse_value,
    remark,
    toml_document,
)

__all__ = ["SECTIONS", "Scenario", "parse_assignments"]

LOWEST_DISCOUNT, HIGHEST_DISCOUNT = 0.02, 0.80
"""Discount rates for which machine values are tabulated, per year."""


class Scenario(Shown, Section):
    """Everything that a run depends on, except seed and replicate.

    Examples
    --------
    >>> scenario = Scenario.load()
    >>> scenario.with_changes({"secondary_market.rule": "deep"}).secondary_market.rule
    'deep'
    """

    name: Text = field("baseline_2026", "short name, used in results")
    title: Text = field("Compute credit in April 2026", "one line about the scenario")
    horizon_weeks: WholeWeeks = field(156, "length of a run")
    start_date: Day = field(
        date(2026, 4, 6), "day of the first week", low=date(2010, 1, 1), high=date(2100, 1, 1)
    )
    interventions: Annotated[tuple[Intervention, ...], unit("none")] = field(
        (), "fields that have another value from a week on: { week, field, value }"
    )
    population: Population = Population()
    machine: tuple[Machine, ...] = BASELINE_MACHINES
    shocks: Shocks = Shocks()
    compute: Compute = Compute()
    mining: Mining = Mining()
    costs: Costs = Costs()
    valuation: Valuation = Valuation()
    marking: Marking = Marking()
    credit: Credit = Credit()
    equity: Equity = Equity()
    resolution: Resolution = Resolution()
    secondary_market: SecondaryMarket = SecondaryMarket()
    investment: Investment = Investment()
    funding: Funding = Funding()
    assets: Assets = Assets()
    investors: Investors = Investors()
    repo: Repo = Repo()
    interlender: Interlender = Interlender()
    channels: Channels = Channels()
    networks: Networks = Networks()
    miners: Miners = Miners()
    neoclouds: Neoclouds = Neoclouds()
    lenders: Lenders = Lenders()
    buyers: Buyers = Buyers()

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise scenario_error(error, Scenario, data) from None

    def _facts(self) -> Facts:
        people = [f"{number:,} {kind.replace('_', ' ')}" for kind, number in self.population if number]
        machines = [machine.name for machine in self.machine]
        facts = {
            "title": self.title,
            "length": f"{counted(self.horizon_weeks, 'week')} from {self.start_date}",
            "agents": some_of(people, 9),
            "machines": some_of(machines, 9),
            "market": self.secondary_market.rule,
        }
        if self.interventions:
            changed = [f"week {each.week}: {each.field}" for each in self.interventions]
            facts["interventions"] = some_of(changed, 3)
        return f"Scenario {self.name}", facts

    # Reading

    @classmethod
    def load(cls, source: str | Path | None = None) -> Self:
        """The baseline, a packaged scenario by name, or a TOML file.

        A file is complete or names its `base`: a packaged scenario, or a file relative to itself.
        """
        file, content = read_scenario("baseline_2026" if source is None else source, cls)
        try:
            return cls(**content)
        except ScenarioError as error:
            raise error.read_from(file.name) from None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path | None = None) -> Self:
        """A scenario from `to_dict()`, or from the same content read from elsewhere.

        Files that it names lie relative to `folder`, by default the working folder.
        """
        content = {name: value for name, value in data.items() if name != "schema"}
        if not is_schema(data.get("schema", SCHEMA)):
            raise ScenarioError(
                "schema", data["schema"], f"{SCHEMA}, the version of scenario files read here"
            )
        return cls(**read_paths(content, folder or Path.cwd()))

    @staticmethod
    def names() -> list[str]:
        """Names of the packaged scenarios, the baseline first."""
        return packaged_names(PACKAGED)

    # Changing

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """A new scenario in which some fields differ.

        Parameters
        ----------
        changes : mapping
            Dotted names to values, such as `{"shocks.btc_volatility": 0.7, "machine.H100.kw": 1.3}`.
            Text given for a field that is not text is read as TOML.
        """
        roots = {str(key).partition(".")[0] for key in changes}
        data: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        # Sections that nobody changes stay the objects they are, which are not checked again.
        data |= self.model_dump(include=roots)
        if "machine" in roots:
            data["machine"] = {machine["name"]: machine for machine in data["machine"]}
        for key, value in changes.items():
            _assign(data, str(key), deepcopy(value))
        if isinstance(data["machine"], dict):
            data["machine"] = list(data["machine"].values())
        return type(self)(**read_paths(data, Path.cwd()))

    # Writing

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, tuples, numbers, texts and dates; complete."""
        return {"schema": SCHEMA, **self.model_dump()}

    def to_toml(self, comments: bool = False) -> str:
        """A complete scenario file, with units and meanings behind the values on request."""
        remarks = {row.field: remark(row) for row in self.describe()} if comments else {}
        return toml_document(self.to_dict(), remarks)

    def digest(self) -> str:
        """SHA-256 of everything that results depend on.

        Names, titles, sources of numbers and places of files are left out; what network files hold counts.
        """
        unrelated: dict[str, Any] = {
            "name": True,
            "title": True,
            "machine": {"__all__": {"source", "evidence"}},
        }
        data = self.model_dump(mode="json", exclude=unrelated)
        for network in NETWORKS:
            data["networks"][f"{network}_file"] = hash_of(getattr(self.networks, f"{network}_file"))
        canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def describe(self) -> list[Parameter]:
        """One row a field: name, present and baseline value, unit, bounds, meaning, source, evidence."""
        return list(parameters(self, Scenario()))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON schema of a scenario file."""
        schema = cls.model_json_schema()
        schema["properties"] = {
            "schema": {"const": SCHEMA},
            "base": {"type": "string", "description": "scenario that this file changes"},
            **schema["properties"],
        }
        schema["required"] = ["schema"]
        _add_bounds(schema)
        return schema

    # Checks across sections

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._check_texts()
        self._check_machines()
        self._check_fleets()
        self._check_discount_rates()
        for network in NETWORKS:
            file = getattr(self.networks, f"{network}_file")
            if file is not None:
                file_links(network, file, self.population)
        check_forced(self)
        check_interventions(self, type(self))
        return self

    def _check_texts(self) -> None:
        """A name that can be part of a file name, a title of one line."""
        if not self.name or not all(c.isalnum() or c in "-_." for c in self.name) or self.name[0] == ".":
            raise refused("name", self.name, "a name of letters, digits and -_.")
        if not self.title.isprintable():
            raise refused("title", self.title, "one line of text")

    def _check_machines(self) -> None:
        """Between 1 and 12 types, whose names also differ in lower case."""
        if not 1 <= len(self.machine) <= MACHINE_TYPES:
            raise refused("machine", len(self.machine), f"1 to {MACHINE_TYPES} machine types")
        seen: set[str] = set()
        for machine in self.machine:
            column = machine.name.lower().replace(" ", "_")
            if column in seen:
                raise refused(
                    "machine.name", machine.name, "names that differ from each other, also in lower case"
                )
            seen.add(column)

    def _check_fleets(self) -> None:
        """Fleets that are drawn consist of machines of the right kind that were for sale before the start."""
        population, miners = self.population, self.miners
        gpus_of_miners = population.miners > 0 and miners.gpu_probability > 0.0
        tables = (
            ("miners.asic_shares", "asic", miners.asic_shares, population.miners > 0),
            ("miners.gpu_shares", "gpu", miners.gpu_shares, gpus_of_miners),
            ("neoclouds.gpu_shares", "gpu", self.neoclouds.gpu_shares, population.neoclouds > 0),
        )
        for name, kind, shares, drawn in tables:
            if drawn:
                eligible = [
                    m.name for m in self.machine if m.kind == kind and m.launch_date <= self.start_date
                ]
                _check_fleet(name, shares, eligible, f"{kind} types launched by {self.start_date}")

    def spread_bounds(self) -> tuple[float, float]:
        """Least and largest spread over the market's cost of capital that an agent may discount at, per year.

        Every discount rate that can occur must lie where machine values are tabulated.
        """
        lowest = self.credit.policy_rate
        highest = lowest + self.funding.premium + self.funding.premium_convexity
        return LOWEST_DISCOUNT - lowest, HIGHEST_DISCOUNT - highest

    def _check_discount_rates(self) -> None:
        """Every discount rate that can occur lies where machine values are tabulated."""
        spreads = [("valuation.appraiser_spread", self.valuation.appraiser_spread)]
        spreads += [("credit.borrower_spread_by_grade", s) for s in self.credit.borrower_spread_by_grade]
        for section in ("lenders", "buyers"):
            for kind, terms in getattr(self, section):
                spreads.append((f"{section}.{kind}.spread", terms.spread))
        least, most = self.spread_bounds()
        for name, spread in spreads:
            if not least <= spread <= most:
                allowed = (
                    f"a spread from {least:.4g} to {most:.4g}, so that discount rates (policy rate and"
                    f" funding premium included) lie between {LOWEST_DISCOUNT} and {HIGHEST_DISCOUNT}"
                )
                raise refused(name, spread, allowed)


SECTIONS = inner_sections(Scenario)
"""Name in a scenario file -> model, in the order of the file."""


def _check_fleet(field: str, shares: Mapping[str, float], eligible: list[str], wanted: str) -> None:
    """A table of weights names eligible machines only, at least one of them."""
    check_weights(field, shares)
    for name, weight in shares.items():
        if name not in eligible and weight > 0.0:
            raise refused(f"{field}.{name}", weight, f"{wanted}; {hint(name, eligible)}")


def _assign(data: dict[str, Any], key: str, value: Any, prefix: str = "") -> None:
    """Put a value at a dotted place of a dumped scenario; tables inside `value` are merged into sections."""
    parts = key.split(".")
    table: Any = data
    for depth, part in enumerate(parts):
        dotted = prefix + ".".join(parts[: depth + 1])
        optional = optional_section(Scenario, dotted)
        if optional is not None and table.get(part) is None and depth < len(parts) - 1:
            table[part] = optional().model_dump()
        if not isinstance(table, dict):
            raise ScenarioError(dotted, part, "no further name, since the field before it has none below it")
        if part not in table and not _is_share_table(dotted):
            raise unknown(dotted, part, table, elsewhere=dotted_fields(Scenario))
        if depth < len(parts) - 1:
            table = table[part]
    last, present = parts[-1], table.get(parts[-1])
    if isinstance(value, str) and not isinstance(present, str):
        value = parse_value(value)
    is_section = isinstance(present, dict) and not _is_share_table(f"{prefix}{key}.x")
    is_whole = optional_section(Scenario, f"{prefix}{key}") is not None  # it is there or it is not
    if isinstance(value, Mapping) and is_section and not is_whole:
        for name, entry in value.items():
            _assign(present, str(name), entry, f"{prefix}{key}.")
    else:
        table[last] = dict(value) if isinstance(value, Shares) else value


def _is_share_table(dotted: str) -> bool:
    """Whether a dotted name is an entry of a table of machine weights."""
    info = named_field(Scenario, dotted.rpartition(".")[0])
    return info is not None and info.annotation == dict[str, float]


def _add_bounds(node: Any) -> None:
    """Write documented bounds as JSON schema's own minimum and maximum, wherever numbers are."""
    if isinstance(node, dict):
        if "evidence" in node and "unit" in node:
            _bound_numbers(node, node.get("low"), node.get("high"))
        for child in node.values():
            _add_bounds(child)
    elif isinstance(node, list):
        for child in node:
            _add_bounds(child)


def _bound_numbers(node: Any, low: Any, high: Any) -> None:
    if isinstance(node, list):
        for child in node:
            _bound_numbers(child, low, high)
    elif isinstance(node, dict):
        if node.get("type") in ("number", "integer") and isinstance(low, int | float):
            node["minimum"], node["maximum"] = low, high
        for name in ("items", "prefixItems", "anyOf", "additionalProperties"):
            if name in node:
                _bound_numbers(node[name], low, high)
