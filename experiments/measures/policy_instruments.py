"""What an authority, or lenders who agree, might do: instruments, each at three strengths.

All act from the first week on by interventions, so that the opening is that of the scenario: the same
machines, debts and networks. Steps are relative to what the scenario has; that makes an instrument the same
at every point of a prior.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.inputs import read_regular
from hashcredit.simulator.scenario.interventions import regimes
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.scenario.text import parse_toml

LENDERS = ("bank", "private_credit", "bond_fund")
Fields = dict[str, Any]
MOST_EQUITY = 2.0
"""Bound of the fields."""


@dataclass(frozen=True)
class Step:
    """One strength of an instrument: its label, and fields that have another value from a week on."""

    label: str
    fields: Callable[[Scenario], Fields]
    week: int = 0

    def on(self, scenario: Scenario) -> Scenario:
        """The scenario with it, beside its own interventions.

        Where one of these gives a field of the step another value, the step is taken from that value on: half
        a point off a path of rates is half a point off each of them.
        """
        before = scenario.with_changes({"interventions": ()})
        later = []
        for week, present in regimes(scenario):
            if week <= self.week:
                before = present
            else:
                later.append((week, present))
        fields = self.fields(before)
        written = [
            {"week": each.week, "field": each.field, "value": each.value}
            for each in scenario.interventions
            if each.field not in fields or each.week < self.week
        ]
        for week, present in [(self.week, before), *later]:
            now = self.fields(present)
            set_here = {each.field for each in scenario.interventions if each.week == week}
            names = now if week == self.week else set_here & set(now)
            written += [{"week": week, "field": name, "value": now[name]} for name in names]
        return scenario.with_changes({"interventions": written})


@dataclass(frozen=True)
class Policy:
    """An instrument.

    name        as in `hashcredit policies --policies`
    words       what it does
    expected    of creditors' loss, and of credit: written down before anything was run
    steps       from the weakest to the strongest
    """

    name: str
    words: str
    expected: str
    steps: tuple[Step, ...]

    @property
    def middle(self) -> Step:
        """The strength by which instruments are ranked over a prior."""
        return self.steps[(len(self.steps) - 1) // 2 if len(self.steps) % 2 else len(self.steps) // 2]


def _facility(haircut: float) -> Step:
    fields = {"repo.standing_facility": True, "repo.facility_haircut": haircut}
    return Step(f"haircut {haircut:.0%}", lambda _: dict(fields))


def _rate(cut: float) -> Step:
    return Step(f"-{cut:.1%}", lambda scenario: {"credit.policy_rate": scenario.credit.policy_rate - cut})


def _capital(times: float) -> Step:
    def fields(scenario: Scenario) -> Fields:
        found = {}
        for kind in LENDERS:
            lender = getattr(scenario.lenders, kind)
            found[f"lenders.{kind}.capital_target"] = min(MOST_EQUITY, times * lender.capital_target)
            # no scenario has lenders that begin below it
            found[f"lenders.{kind}.capital_minimum"] = min(
                lender.equity_ratio, times * lender.capital_minimum
            )
        return found

    return Step(f"x {times:g}", fields)


def _advance(times: float) -> Step:
    def fields(scenario: Scenario) -> Fields:
        return {
            f"lenders.{kind}.advance_rate": times * getattr(scenario.lenders, kind).advance_rate
            for kind in LENDERS
        }

    return Step(f"x {times:g}", fields)


def _tenor(weeks: int) -> Step:
    def fields(scenario: Scenario) -> Fields:
        credit = scenario.credit
        return {
            "credit.tenor_weeks": min(weeks, credit.tenor_weeks),
            "credit.utility_tenor_weeks": min(weeks, credit.utility_tenor_weeks),
        }

    return Step(f"{weeks} weeks", fields)


def _btc(times: float) -> Step:
    names = ("btc_initial_ltv", "btc_call_ltv", "btc_liquidation_ltv")

    def fields(scenario: Scenario) -> Fields:
        return {f"credit.{name}": times * getattr(scenario.credit, name) for name in names}

    return Step(f"x {times:g}", fields)


def _standstill(weeks: int) -> Step:
    return Step(
        f"{weeks} weeks", lambda scenario: {"credit.cure_weeks": max(weeks, scenario.credit.cure_weeks)}
    )


def _haircut(most: float) -> Step:
    def fields(scenario: Scenario) -> Fields:
        return {
            "repo.highest_haircut": max(
                scenario.repo.lowest_haircut, min(most, scenario.repo.highest_haircut)
            )
        }

    return Step(f"at most {most:.0%}", fields)


POLICIES = {
    each.name: each
    for each in (
        Policy(
            "standing_facility",
            "the authority lends against seized machines, which nobody else does",
            "less loss, since fewer lenders have to sell; credit as before; the authority may lose",
            (_facility(0.7), _facility(0.5), _facility(0.3)),
        ),
        Policy(
            "rate_cut",
            "the policy rate is lower",
            "less loss; more credit, which may add to it later",
            (_rate(0.005), _rate(0.01), _rate(0.02)),
        ),
        Policy(
            "capital_requirement",
            "lenders stop lending, and step in, at more equity over loans",
            "less credit, so less loss later; fewer lenders fail by new loans, more are stopped at once",
            (_capital(1.1), _capital(1.25), _capital(1.5)),
        ),
        Policy(
            "advance_cap",
            "new machine loans are a smaller part of the price",
            "less credit and less loss",
            (_advance(0.9), _advance(0.8), _advance(0.65)),
        ),
        Policy(
            "tenor_cap",
            "new machine loans are shorter",
            "less loss given default; less credit, since service takes more of the cash flow",
            (_tenor(182), _tenor(156), _tenor(104)),
        ),
        Policy(
            "btc_margin",
            "loans on coins at a lower loan to value, with calls and liquidation at lower ones as well",
            "more calls at once; hardly any loss of creditors either way, since coins are sold in time",
            (_btc(0.9), _btc(0.8), _btc(0.65)),
        ),
        Policy(
            "standstill",
            "creditors may not call a loan in breach of a covenant for longer",
            "fewer defaults if breaches mend by themselves, more loss on those that do not",
            (_standstill(13), _standstill(26), _standstill(52)),
        ),
        Policy(
            "haircut_cap",
            "the haircut on lenders' back-leverage rises to less in a crisis; who lends to them bears it",
            "fewer failed lenders, a little less loss",
            (_haircut(0.35), _haircut(0.3), _haircut(0.25)),
        ),
    )
}
"""Instruments of this package; all strengths are modelling choices (C)."""


def policies_of(given: Iterable[str | Policy] | None) -> tuple[Policy, ...]:
    """Instruments by name or as they are, all of the package if left out; ScenarioError for other names."""
    found = []
    for each in POLICIES.values() if given is None else given:
        if isinstance(each, str):
            if each not in POLICIES:
                raise ScenarioError("policies", each, f"names out of {', '.join(POLICIES)}")
            each = POLICIES[each]
        if not each.steps:
            raise ScenarioError("policies", each.name, "a policy with one step at least")
        found.append(each)
    names = [each.name for each in found]
    if not names or len(set(names)) < len(names):
        raise ScenarioError("policies", ", ".join(names), "one policy at least, each once")
    return tuple(found)


def read_policies(path: str | Path) -> tuple[Policy, ...]:
    """Policies of a file: tables [[policy]] with name, words and [[policy.step]] of label, week and fields.

    Raises ScenarioError, which names what is wrong.
    """
    file = Path(path)
    try:
        content = parse_toml(read_regular(file).decode("utf-8-sig"))
    except OSError as error:
        raise ScenarioError("policies", str(path), f"a readable TOML file ({error.strerror})") from None
    except ValueError as error:
        raise ScenarioError("policies", str(path), f"valid TOML in UTF-8; {error}") from None
    tables = content.get("policy")
    if set(content) != {"policy"} or not isinstance(tables, list):
        raise ScenarioError("policies", str(path), "tables [[policy]] and nothing else")
    return policies_of([_read_policy(table, f"policy.{place}") for place, table in enumerate(tables)])


def _read_policy(table: Any, place: str) -> Policy:
    if not isinstance(table, Mapping) or not set(table) <= {"name", "words", "expected", "step"}:
        raise ScenarioError(place, table, "a table with name, words, expected and [[policy.step]]")
    texts = {name: table.get(name, "") for name in ("name", "words", "expected")}
    for name, text in texts.items():
        if not isinstance(text, str) or not text.isprintable() or (name == "name" and not text):
            raise ScenarioError(f"{place}.{name}", text, "one line of text")
    steps = table.get("step", [])
    if not isinstance(steps, list) or not steps:
        raise ScenarioError(f"{place}.step", steps, "one table at least")
    read = tuple(_read_step(step, f"{place}.step.{number}") for number, step in enumerate(steps))
    return Policy(texts["name"], texts["words"], texts["expected"], read)


def _read_step(table: Any, place: str) -> Step:
    if not isinstance(table, Mapping) or not {"label", "fields"} <= set(table) <= {"label", "week", "fields"}:
        raise ScenarioError(place, table, "a table with label, fields and week (0 if left out)")
    label, week, fields = table["label"], table.get("week", 0), table["fields"]
    if not isinstance(label, str) or not label or not label.isprintable():
        raise ScenarioError(f"{place}.label", label, "one line of text")
    if not isinstance(week, int) or isinstance(week, bool) or week < 0:
        raise ScenarioError(f"{place}.week", week, "a week, 0 or later")
    if not isinstance(fields, Mapping) or not fields:
        raise ScenarioError(f"{place}.fields", fields, "a table of dotted names in quotes with values")
    values = {str(name): value for name, value in fields.items()}
    return Step(label, lambda _: dict(values), week)
