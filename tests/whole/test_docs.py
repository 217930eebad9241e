"""The documentation tells the truth: its code runs, its names exist, its tables are current."""

import re
from importlib.util import find_spec
from pathlib import Path

import mesa
import pyarrow.parquet as pq
import pytest
import tutorials
from pages import PAGES, blocks, commands, without_code
from repository import ROOT

from hashcredit.agents import views
from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.figures import FIGURES
from hashcredit.experiments.scenarios.named import NAMED
from hashcredit.simulator import Scenario
from hashcredit.simulator.mesa_face import payments
from hashcredit.simulator.week import step

README = (ROOT / "README.md").read_text(encoding="utf-8")
ODD = (ROOT / "docs" / "odd.md").read_text(encoding="utf-8")
SWEEPS = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
MESA = (ROOT / "docs" / "mesa.md").read_text(encoding="utf-8")
RUNS = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
SCENARIOS = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
HELP = (ROOT / "docs" / "help.md").read_text(encoding="utf-8")
REPRODUCE = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
PAPERS = sorted((ROOT / "experiments" / "papers").rglob("README.md"))
SMALLER = ["--seeds", "2", "--replicates", "1", "--set", "horizon_weeks=10", "--quiet"]


# Code


def check_readme(names, said):
    """The examples print both scenarios, the flows that they show close, and owners do put money in."""
    assert "dump_10k_h100" in said and "dump_deep" in said
    flows = names["run"].flows
    scale = flows.abs().to_numpy().sum()
    assert flows.sum(axis=0).abs().max() < 1e-12 * scale
    assert flows.sum(axis=1).abs().max() < 1e-12 * scale
    assert len(names["many"].summary) == 40
    assert names["model"].week == 4
    assert names["model"].flows.loc["equity_injections", "neoclouds"] > 0.0


def check_mesa(names, said):
    """The rows of `batch_run` are the runs that it asked for."""
    assert "machine_loan" in said
    assert {(row["scenario"], row["replicate"]) for row in names["rows"]} == {
        (scenario, replicate) for scenario in (names["scenario"], "deep_market") for replicate in (0, 1)
    }
    assert names["model"].flows.loc["equity_injections", "neoclouds"] > 0.0


def check_rules(names, said):
    """The patient lender makes another run, whose record names it."""
    assert "'function': 'rules_page.patient'" in said
    assert (names["seed"], names["replicate"]) == (1, 0)


def check_contagion(names, said):
    """Those who print a number print the one in the remark behind it."""
    assert "0.9577" in said and "165" in said


def check_funding(names, said):
    """Flows close, debt makes funding tighter, and so does a boom."""
    assert names["run"].flows.sum(axis=1).abs().max() < 1e-9
    assert names["gap"].iloc[-1] > 0.0
    boom = float(re.findall(r"mean tightness ([\d.]+)", said)[0])
    assert boom > names["run"].summary["mean_tightness"]


def check_runs(names, said):
    """The tree has the failures of the run, and its links say what the page says they do."""
    failed = names["run"].summary["defaults"] + names["run"].summary["lender_failures"]
    assert len(names["tree"]) == failed > 0
    assert all({"channel", "via", "weeks"} <= set(link) for _, _, link in names["tree"].edges(data=True))


def check_measures(names, said):
    """Shares add up, the last arm is the scenario, every replay has an answer, and sales cost something."""
    found, why = names["found"], names["why"]
    sums = found.shares.groupby("measure")["share"].sum()
    assert (sums - found.totals["difference"]).abs().max() < 1e-9
    assert found.arms["units_unsold"].iloc[-1] == found.totals.loc["units_unsold", "with_channels"]
    assert set(why.table["answer"]) <= {"prevented", "delayed", "earlier", "unchanged", "imposed"}
    assert names["last"] in said
    table = names["spreads"].table
    assert len(table) > 3 and table["fair_bp"].notna().any()
    assert all(loss >= 0.0 for of_seed in names["losses"] for loss in of_seed)
    assert len(names["cohort"].run_out) == len(names["cohort"].at_horizon) > 0
    table = names["values"].table
    assert (table["liquidation_ltv"] >= table["market_ltv"] - 1e-9).all()


def check_dashboard(names, said):
    """Twenty weeks of both settings, which differ; the first failure is the one of the event log."""
    first, second = names["session"].markets.values()
    assert first.week == second.week == 20
    assert first.looks[-1] != second.looks[-1]
    assert first.failures[0].name in said


def check_regimes(names, said):
    """The map has its rays, both arms of each point, and says how it was made."""
    assert "seeds 1 to 4, 1 replicate each" in said
    assert set(names["found"].rays["kind"]) >= {"single", "pair", "plane"}
    assert names["found"].points["with_channels"].max() > 0.0


def check_reporting(names, said):
    """The table has a row a network."""
    assert "| seed | defaults | creditor loss musd |" in said
    assert len(names["means"]) == 3


def check_scenarios(names, said):
    """The change is in the scenario, and the networks are where they were to be."""
    assert names["scenario"].credit.marked_share == 0.75
    assert {path.name for path in Path("networks").iterdir()} == set(re.findall(r"\w+\.graphml", said))


def check_tenors(names, said):
    """Opening debts are equal where the page says so, and losses are printed of every tenor and design."""
    opening = names["frontier"].opening
    assert opening[opening["design"] == "equal_debt"]["equal_bits"].all()
    assert len(names["losses"]) == 5 and "lost at equal opening debt" in said


def check_calibration(names, said):
    """The search finds the parameters that made the observations, and both of them matter."""
    tolerance = {"secondary_market.sell_share": 0.05, "marking.market_weight": 0.2}
    for name, value in zip(names["BOUNDS"], names["found"].x, strict=True):
        assert abs(value - names["TRUTH"][name]) < tolerance[name]
    assert all(effect > 0.0 for effect in names["effects"]["mu_star"])


def check_policies(names, said):
    """Both policies stand on the frontier's table, with doing nothing, and cost no opening debt."""
    weighed = names["weighed"]
    assert len(weighed.frontier) == 7
    rows = weighed.table[weighed.table["account"] == "opening_debt_change"]
    assert (rows["value"] == 0.0).all()


def check_priors(names, said):
    """The ranges that the page shows are those of the file."""
    assert "repo.haircut 0.1 0.35 fraction" in said


CHECKS = {
    "README.md": check_readme,
    "docs/calibration.md": check_calibration,
    "docs/contagion.md": check_contagion,
    "docs/dashboard.md": check_dashboard,
    "docs/funding.md": check_funding,
    "docs/measures.md": check_measures,
    "docs/mesa.md": check_mesa,
    "docs/policies.md": check_policies,
    "docs/priors.md": check_priors,
    "docs/regimes.md": check_regimes,
    "docs/reporting.md": check_reporting,
    "docs/rules.md": check_rules,
    "docs/runs.md": check_runs,
    "docs/scenarios.md": check_scenarios,
    "docs/tenors.md": check_tenors,
}
"""What holds after the Python of a page has run, block by block in its order."""

OPTIONAL = ("black_it", "ema_workbench")
"""Tools that a page shows and hashcredit does not install."""

ON_STUDIES = {"docs/results.md", "docs/studies.md", "docs/sweeps.md"}
"""Pages whose Python needs the folder of a study: `test_results_of_studies`, `test_study`, and below."""


TUTORIALS = {f"docs/tutorials/{name}.md" for name in tutorials.names()}
"""Pages that are run with all their blocks by `test_tutorials`."""


def name_of(page: Path) -> str:
    """The path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


def test_python_of_every_page_is_run():
    with_python = {name_of(page) for page in PAGES if blocks(page.read_text(encoding="utf-8"), "python")}
    assert with_python == set(CHECKS) | ON_STUDIES | TUTORIALS


@pytest.mark.parametrize("name", CHECKS)
def test_python_of_a_page_runs(name, tmp_path, monkeypatch, capsys):
    page = ROOT / name
    names: dict[str, object] = {"__name__": f"{page.stem}_page"}
    monkeypatch.chdir(tmp_path)
    for code in blocks(page.read_text(encoding="utf-8"), "python"):
        if any(f"from {tool}" in code and find_spec(tool) is None for tool in OPTIONAL):
            continue  # neither works with our pins as it is, so no environment of ours has it
        exec(compile(code, page.name, "exec"), names)
    CHECKS[name](names, capsys.readouterr().out)


def test_the_page_on_mesa_lists_every_property_and_payment():
    described = set(re.findall(r"`(\w+)`", MESA))
    for kind in views.KINDS:
        public = {name for name in dir(kind) if not name.startswith("_") and not hasattr(mesa.Agent, name)}
        assert public - {"read", "write", "table", "kinds", "model"} <= described, kind
    assert {f"before_{step.PHASES[0].__name__}", f"after_{step.PHASES[-1].__name__}"} <= described
    (listed,) = re.findall(r"^\| flow \|.*?\n\n", MESA, re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (`.*?) \|", listed, re.MULTILINE)
    flows = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert flows == [flow.name.lower() for flow in payments.ALLOWED]


@pytest.fixture
def my_scenario(tmp_path, monkeypatch):
    """The scenario file that its page shows, in the working folder."""
    (text,) = [block for block in blocks(SCENARIOS, "toml") if "schema" in block]
    (tmp_path / "my_scenario.toml").write_text(text)
    monkeypatch.chdir(tmp_path)


def test_scenario_file_says_what_it_means(my_scenario):
    scenario = Scenario.load("my_scenario.toml")
    assert scenario.name == "my_scenario"
    assert scenario.credit.marked_share == 0.75
    assert scenario.funding.tightness == ((0, 0.2), (52, 0.8))


def test_intervention_that_the_page_shows_is_one(my_scenario):
    (text,) = [block for block in blocks(SCENARIOS, "toml") if "interventions" in block]
    file = Path("my_scenario.toml")
    file.write_text(file.read_text().replace("\n[credit]", f"{text}\n[credit]"))
    (intervention,) = Scenario.load(file).interventions
    assert (intervention.week, intervention.field, intervention.value) == (26, "credit.policy_rate", 0.05)


def test_packaged_scenarios_are_all_listed_with_their_titles():
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", SCENARIOS, re.MULTILINE))
    assert listed == {name: Scenario.load(name).title for name in Scenario.names()}


def test_what_can_be_reproduced_is_all_listed(capsys):
    """Papers and the episode with their titles; named scenarios have an index of their own."""
    assert main(["reproduce", "--list"]) == 0
    titles = dict(re.split(r"  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines())
    listed = re.findall(r"^\| \[(\w+)\]\(\S+\) \| (.*?) \|$", REPRODUCE, re.MULTILINE)
    assert dict(listed) == {key: title for key, title in titles.items() if key not in NAMED}


def on_studies(words):
    return words[1] in ("sweep", "status", "failures", "export", "rerun")


SHOWN = [words for page in (README, RUNS, SCENARIOS, REPRODUCE, HELP) for words in commands(page)]


@pytest.mark.parametrize("words", [words for words in SHOWN if not on_studies(words)], ids=" ".join)
def test_commands_run(words, my_scenario, capsys):
    """Each as written; those that simulate on a smaller scale."""
    parsed = build_parser().parse_args(words[1:])
    simulates = parsed.command in ("run", "compare")
    assert main([*words[1:], *(SMALLER if simulates else [])]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", [*PAGES, *PAPERS], ids=name_of)
def test_commands_are_understood(page):
    """Those of pages that are not run as well."""
    for words in commands(page.read_text(encoding="utf-8")):
        build_parser().parse_args(words[1:])


def test_study_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    """Its commands in their order."""
    (text,) = [block for block in blocks(README, "toml") if "replicates" in block]
    run_study_commands(text, commands(README), "my_study.toml", tmp_path, monkeypatch)
    assert "80 of 80 runs ok" in capsys.readouterr().out
    assert (tmp_path / "my_results" / "runs.csv").read_text().count("\n") == 81


def test_commands_of_the_page_on_sweeps_run(tmp_path, monkeypatch, capsys):
    """Those for this machine run, those for clusters are understood; the Python then finds all done."""
    (text,) = blocks(SWEEPS, "toml")
    run_study_commands(text, commands(SWEEPS), "study.toml", tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert "80 of 80 runs ok" in said and "the same bits as the row in the store" in said
    assert (tmp_path / "results" / "one" / "provenance.json").exists()
    (code,) = blocks(SWEEPS, "python")
    exec(compile(code, "sweeps.md", "exec"), {"__name__": "__main__"})
    assert "0 runs computed, 0 failed" in capsys.readouterr().out


def run_study_commands(text, lines, name, folder, monkeypatch):
    (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    for words in lines:
        if not on_studies(words):
            continue
        parsed = build_parser().parse_args(words[1:])
        if getattr(parsed, "executor", "local") == "local":
            if "RUN_ID" in words:
                rows = pq.read_table(folder / parsed.folder / "runs", columns=["run_id"])
                words[words.index("RUN_ID")] = rows["run_id"][0].as_py()
            assert main(words[1:]) == 0, words


def test_the_page_on_sweeps_lists_the_folder(tmp_path, monkeypatch):
    """Every file that a sweep leaves is explained, and every command on studies is shown."""
    (text,) = blocks(SWEEPS, "toml")
    (tmp_path / "study.toml").write_text(text)
    assert main(["sweep", str(tmp_path / "study.toml"), "--out", str(tmp_path / "store"), "--quiet"]) == 0
    (listing,) = [block for block in blocks(SWEEPS, "") if "plan.parquet" in block]
    listed = set(re.findall(r"^[\w./, -]+?(?=   )", listing, re.MULTILINE))
    listed = {part.split("/")[0] for entry in listed for part in re.split(r",? ", entry)}
    assert {path.name for path in (tmp_path / "store").iterdir()} <= listed


def test_result_folder_is_listed_in_full(tmp_path):
    """What the page lists is what `hashcredit run --out` writes, and every figure is drawn."""
    folder = tmp_path / "result"
    assert main(["run", "--out", str(folder), *SMALLER]) == 0
    (listing,) = [block for block in blocks(RUNS, "") if "provenance.json" in block]
    listed = {line.split()[0].rstrip("/") for line in listing.splitlines()}
    assert listed == {path.name for path in folder.iterdir()}
    assert {path.stem for path in (folder / "figures").iterdir()} == set(FIGURES)


# The map, and links


def test_every_page_is_in_the_map():
    """Once, and where a folder has an index of its own, by that."""
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = re.findall(r"^- \[.*?\]\(([^.].*?)\)", text, re.MULTILINE)  # those of this folder
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    folders = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").glob("*/README.md")}
    assert sorted(linked) == sorted(pages | folders)


def test_the_readme_is_read_in_a_few_minutes():
    assert README.count("\n") < 150


def slug(heading: str) -> str:
    """A heading's anchor, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    """Files and headings of this project; the web is not asked."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_in_code_spans_exist(page):
    """`docs/odd.md` and the like; generated folders apart."""
    rooms = "agents|simulator|experiments|tests|docs"
    named = re.findall(rf"`((?:{rooms})/[\w./]+\.(?:py|md|csv|toml))`", page.read_text(encoding="utf-8"))
    for path in named:
        assert (ROOT / path).is_file(), path
