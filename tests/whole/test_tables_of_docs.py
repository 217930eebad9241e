"""Tables and lists in the documentation are what the code says: parameters, observables, the model."""

import importlib
import re

import numpy as np
import pytest
from pages import PAGES
from repository import ROOT

from hashcredit.agents import borrower, buyer, lender
from hashcredit.experiments.tools.observables_table import main as write_observables
from hashcredit.experiments.tools.parameter_table import FILE, parameter_document
from hashcredit.experiments.tools.parameter_table import main as write_parameters
from hashcredit.simulator import Scenario
from hashcredit.simulator.books.randomness import Stream
from hashcredit.simulator.scenario.facts import facts
from hashcredit.simulator.scenario.scenario import SECTIONS
from hashcredit.simulator.state.decisions import DECISIONS
from hashcredit.simulator.state.loans import CONTRACT, LOAN, ORDER
from hashcredit.simulator.state.machines import MACHINE
from hashcredit.simulator.state.outcomes import OUTCOMES, summarise
from hashcredit.simulator.state.pool import ASSET, INVESTOR, MACRO
from hashcredit.simulator.state.series import series_columns
from hashcredit.simulator.week import step

ODD = (ROOT / "docs" / "odd.md").read_text(encoding="utf-8")


# The parameter table


def test_parameter_table_is_current(capsys):
    assert write_parameters(["--check", str(ROOT / "docs" / "parameters.md")]) == 0, capsys.readouterr().err


def test_a_stale_parameter_table_is_noticed(tmp_path, capsys):
    file = tmp_path / "parameters.md"
    assert write_parameters(["--check", str(file)]) == 1
    assert write_parameters([str(file)]) == 0
    assert write_parameters(["--check", str(file)]) == 0
    file.write_text(file.read_text().replace("156", "157", 1))
    capsys.readouterr()
    assert write_parameters(["--check", str(file)]) == 1
    assert "is stale: run python -m hashcredit.experiments.tools.parameter_table" in capsys.readouterr().err
    assert "157" in file.read_text()  # --check writes nothing
    assert FILE == ROOT / "docs" / "parameters.md"


def test_parameter_table_has_every_field_and_every_cited_fact():
    """Each field stands in the part of its section, each cited key in the list of sources."""
    document = parameter_document()
    parts = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL))
    assert set(parts) == {"Top of the file", "machine", "Sources", *SECTIONS}
    for row in Scenario().describe():
        section, _, rest = row.field.partition(".")
        part = parts[section if rest else "Top of the file"]
        assert f"| `{row.field.rpartition('.')[2]}` |" in part, row.field
        assert row.meaning.replace("|", "\\|") in part
        for key in row.source.split("; "):
            if key in facts():
                assert f"| `{key}` |" in parts["Sources"], key
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in document.splitlines() if line.startswith("|")]
    assert min(widths) >= 3


# Observables


def test_observables_are_current(capsys):
    assert write_observables(["--check", str(ROOT / "docs" / "observables.md")]) == 0, capsys.readouterr().err


def test_observables_are_all_listed_with_a_unit():
    """Whatever a run reports has its row, whether it was asked for by name or came with a machine type."""
    document = (ROOT / "docs" / "observables.md").read_text(encoding="utf-8").partition("## Tables")[0]
    rows = [re.split(r" \| ", line.strip("| ")) for line in document.splitlines() if line.startswith("| `")]
    assert all(len(row) >= 3 and all(row[:3]) for row in rows)
    columns = [name.removesuffix("_a") for name in series_columns(["A"])]
    scalars = list(summarise(np.zeros(1, OUTCOMES)))
    assert [row[0].strip("`") for row in rows] == scalars + columns


# The model's description


def test_phases_are_described_in_the_order_of_the_week():
    described = re.findall(r"^### Phase `(\w+)`$", ODD, re.MULTILINE)
    assert described == [phase.__name__ for phase in step.PHASES]


def test_phases_are_called_by_name():
    """A phase that is put in between would make every number behind it wrong."""
    names = {phase.__name__ for phase in step.PHASES}
    rooms = ("agents", "simulator", "experiments", "tests")
    for file in [*PAGES, *(file for room in rooms for file in (ROOT / room).rglob("*.py"))]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\bphases? \(?\d", text, re.IGNORECASE), file
        assert set(re.findall(r"\bPhase `(\w+)`", text)) <= names, file


def test_streams_are_all_listed():
    listed = re.findall(r"^\| `([A-Z_]+)` \|", ODD, re.MULTILINE)
    assert listed == [stream.name for stream in Stream]


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("Borrowers", borrower.BORROWER),
        ("Lenders", lender.LENDER),
        ("Secondary buyers", buyer.BUYER),
        ("Loans", LOAN),
        ("Contracts", CONTRACT),
        ("Orders", ORDER),
        ("Machine types", MACHINE),
    ],
)
def test_state_variables_are_all_listed(heading, row):
    """Each column of a table of agents, loans or machines, and nothing else."""
    (part,) = re.findall(rf"^### {heading}\n(.*?)^### ", ODD, re.MULTILINE | re.DOTALL)
    first_cells = re.findall(r"^\| (`[^|]*) \|", part, re.MULTILINE)
    listed = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert listed == set(row.names)


def test_state_variables_of_the_pool_are_all_listed():
    (part,) = re.findall(r"^### The funding pool\n(.*?)^### ", ODD, re.MULTILINE | re.DOTALL)
    for table, row in (("pool", MACRO), ("asset", ASSET), ("investor", INVESTOR)):
        cells = re.findall(rf"^\| {table} \| (`[^|]*) \|", part, re.MULTILINE)
        assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(row.names), table


def test_decisions_that_can_be_replaced_are_all_listed():
    """Each with answer, unit, type and default; each argument with type, unit and meaning, in order."""
    (part,) = re.findall(r"^### 7.7 .*?\n(.*?)^## ", ODD, re.MULTILINE | re.DOTALL)
    rows = [re.split(r" *\| *", line)[1:-1] for line in part.splitlines() if line.startswith("| `")]
    decided = [
        [f"`{name}`", decision.answer, decision.unit, f"`{decision.result}`", f"`{room}.{function}()`"]
        for name, decision in DECISIONS.items()
        for room, function in [(decision.default.__module__.split(".")[-1], decision.default.__name__)]
    ]
    told = [
        [f"`{name}`", f"`{argument.name}`", f"`{argument.kind}`", argument.unit, argument.meaning]
        for name, decision in DECISIONS.items()
        for argument in decision.arguments
    ]
    assert rows == decided + told


def test_functions_named_in_the_model_exist():
    """`module.function()` is a function in simulator/ or agents/."""
    named = set(re.findall(r"`(\w+)\.(\w+)\(\)`", ODD)) - {("module", "function")}
    assert len(named) > 30
    files = [file for room in ("agents", "simulator") for file in (ROOT / room).rglob("*.py")]
    for module, function in named:
        places = [file.relative_to(ROOT).with_suffix("") for file in files if file.stem == module]
        modules = [importlib.import_module(".".join(("hashcredit", *place.parts))) for place in places]
        assert any(hasattr(each, function) for each in modules), f"{module}.{function}"


def test_fields_named_in_the_model_exist():
    """`section.field` is a field of a scenario."""
    fields = {row.field for row in Scenario().describe()}
    sections = "|".join(SECTIONS)
    named = set(re.findall(rf"`((?:{sections})\.\w+)`", ODD))
    assert len(named) > 40
    assert named <= fields
