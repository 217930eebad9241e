"""Everything that can be wrong with what a user gives: one line, exit code 2, and nothing is written.

Each case goes through the command line itself. The line names the field or the file, the value, and what is
allowed instead.
"""

import os
import subprocess
import sys

import pytest

from hashcredit.experiments.commands.cli import main

BASE = 'schema = 1\nbase = "baseline_2026"\n'
MACHINE = """
[[machine]]
name = "H100"
kind = "gpu"
cooling = "air"
launch_date = 2022-10-01
end_of_sale_date = {end}
throughput = 1.0
kw = 1.28
price_new = 30000.0
life_years = 6.0
source = "modelling choice"
evidence = "C"
"""
NETWORK = BASE + '[networks]\n{0}_kind = "file"\n{0}_file = "{1}"\n'

FILES: dict[str, str | bytes] = {
    "empty.toml": "",
    "comment.toml": "# nothing yet\n",
    "incomplete.toml": "schema = 1\nhorizon_weeks = 52\n",
    "no_schema.toml": 'base = "baseline_2026"\n',
    "schema_2.toml": 'schema = 2\nbase = "baseline_2026"\n',
    "schema_true.toml": 'schema = true\nbase = "baseline_2026"\n',
    "self.toml": 'schema = 1\nbase = "self.toml"\n',
    "hen.toml": 'schema = 1\nbase = "egg.toml"\n',
    "egg.toml": 'schema = 1\nbase = "hen.toml"\n',
    "orphan.toml": 'schema = 1\nbase = "baseline_2062"\n',
    "child_of_folder.toml": 'schema = 1\nbase = "full"\n',
    "base_is_a_list.toml": 'schema = 1\nbase = ["baseline_2026"]\n',
    "grandchild.toml": 'schema = 1\nbase = "too_long.toml"\n',
    "too_long.toml": BASE + "horizon_weeks = 1041\n",
    "near_key.toml": BASE + "[shocks]\nbtc_volatilty = 0.5\n",
    "far_key.toml": BASE + "zzzz = 0.5\n",
    "near_section.toml": BASE + "[shoks]\nbtc_volatility = 0.5\n",
    "dotted_key.toml": BASE + '"shocks.btc_volatility" = 0.5\n',
    "nan.toml": BASE + "[shocks]\nbtc_volatility = nan\n",
    "text_for_number.toml": BASE + 'horizon_weeks = "52"\n',
    "bool_for_whole.toml": BASE + "horizon_weeks = true\n",
    "fraction_for_whole.toml": BASE + "[population]\nminers = 1.5\n",
    "section_is_text.toml": BASE + 'shocks = "strong"\n',
    "time_for_day.toml": BASE + "start_date = 2026-04-06T12:00:00\n",
    "truncated.toml": BASE + "[shocks]\nbtc_volatility = 0.",
    "unclosed.toml": BASE + "[shocks",
    "twice.toml": BASE + "horizon_weeks = 5\nhorizon_weeks = 6\n",
    "binary.toml": bytes(range(256)),
    "latin_1.toml": BASE.encode() + 'title = "Caf\u00e9"\n'.encode("latin-1"),
    "zero_byte.toml": BASE + "title = \0\n",
    "fleet.toml": BASE + "[neoclouds]\ngpu_shares = { H1000 = 1.0 }\n",
    "machine_twice.toml": BASE + 2 * MACHINE.format(end="2025-12-31"),
    "sold_before_launch.toml": BASE + MACHINE.format(end="2022-09-30"),
    "three_shares.toml": BASE + "[miners]\nsite_class_shares = [0.5, 0.3, 0.2]\n",
    "no_shares.toml": BASE + "[miners]\nsite_class_shares = [0, 0, 0, 0]\n",
    "forced_machine.toml": BASE + '[shocks]\nforced_default = { week = 3, machine = "H10", units = 5 }\n',
    "forced_late.toml": BASE + '[shocks]\nforced_default = { week = 156, machine = "H100", units = 5 }\n',
    "btc_negative.toml": BASE + '[shocks]\nbtc_path = "negative.csv"\n',
    "negative.csv": "week,value\n0,60000\n10,-60000\n",
    "btc_short.toml": BASE + '[shocks]\nbtc_path = "short.csv"\n',
    "short.csv": "week,value\n0,60000\n1\n",
    "btc_back.toml": BASE + '[shocks]\nbtc_path = "back.csv"\n',
    "back.csv": "week,value\n10,60000\n9,60000\n",
    "btc_head.toml": BASE + '[shocks]\nbtc_path = "head.csv"\n',
    "head.csv": "date,price\n0,60000\n",
    "btc_none.toml": BASE + '[shocks]\nbtc_path = "nowhere.csv"\n',
    "one_column.toml": NETWORK.format("credit", "one_column.csv"),
    "one_column.csv": "source\nminer-0\n",
    "weights.toml": NETWORK.format("trade", "weights.csv"),
    "weights.csv": "source,target,weight\nminer-0,broker-0,3\n",
    "no_links.toml": NETWORK.format("credit", "no_links.csv"),
    "no_links.csv": "",
    "far_node.toml": NETWORK.format("trade", "far_node.csv"),
    "far_node.csv": "source,target\nminer-0,broker-0\nminer-0,Kraken\n",
    "near_node.toml": NETWORK.format("credit", "near_node.graphml"),
    "near_node.graphml": '<graphml><graph edgedefault="directed">\n'
    '<edge source="neo_cloud-3" target="bank-0"/></graph></graphml>',
    "broken.toml": NETWORK.format("credit", "broken.graphml"),
    "broken.graphml": '<graphml><graph edgedefault="directed">\n<node id="miner-0"></graph>',
    "lenders.toml": NETWORK.format("credit", "lenders.csv"),
    "lenders.csv": "source,target\nbank-0,bank-1\n",
    "no_file.toml": NETWORK.format("credit", "nowhere.graphml"),
    "full/mine": "keep me",
    "file": "keep me",
}
"""What lies in the working folder of every case."""


def run(*words):
    """`hashcredit run` that would write to a folder inside a new folder."""
    return ["run", *words, "--seeds", "1", "--replicates", "1", "--out", "new/result"]


def changed(*assignments):
    return run(*(word for assignment in assignments for word in ("--set", assignment)))


CASES: dict[str, tuple[list[str], tuple[str, ...]]] = {
    # Scenario files
    "empty file": (run("empty.toml"), ("'empty.toml'", "names its base; this is empty")),
    "only a comment": (run("comment.toml"), ("'comment.toml'", "this is empty")),
    "incomplete": (run("incomplete.toml"), ("name in incomplete.toml", "(missing)", "without `base`")),
    "no schema": (run("no_schema.toml"), ("schema in no_schema.toml", "(missing)", "schema = 1 at the top")),
    "other schema": (run("schema_2.toml"), ("schema in schema_2.toml: 2 ", "schema = 1")),
    "schema is no number": (run("schema_true.toml"), ("schema in schema_true.toml: True", "schema = 1")),
    "base of itself": (run("self.toml"), ("base", "self.toml -> self.toml", "this one is a circle")),
    "circle of bases": (run("hen.toml"), ("base", "hen.toml -> egg.toml -> hen.toml", "a circle")),
    "base not found": (run("orphan.toml"), ("base in orphan.toml: 'baseline_2062'", "mean 'baseline_2026'")),
    "base is a folder": (run("child_of_folder.toml"), ("base in child_of_folder", "'full'", "is a folder")),
    "base is a list": (run("base_is_a_list.toml"), ("base in base_is", "['baseline_2026']", "the name of a")),
    "base with a bad value": (run("grandchild.toml"), ("horizon_weeks", "1041", "from 1 to 1040 [weeks]")),
    "no such file": (run("nowhere.toml"), ("'nowhere.toml'", "an existing file", "dump_10k_h100")),
    "near name": (run("deep-market"), ("'deep-market'", "did you mean 'deep_market'")),
    "no name": (run(""), ("scenario: ''", "the name of a scenario or a path")),
    "folder for file": (run("full"), ("'full'", "a TOML file; this is a folder")),
    "path below a file": (run("file/x.toml"), ("'file/x.toml'", "an existing file")),
    "name too long": (run("x" * 300 + ".toml"), ("xxx.toml'", "a path to a TOML file")),
    "zero byte in a path": (run("a\0b"), ("'a\\x00b'", "an existing file")),
    "not readable": (run("/proc/self/mem"), ("'/proc/self/mem'", "a readable TOML file")),
    "truncated": (run("truncated.toml"), ("'truncated.toml'", "valid TOML", "line 4")),
    "unclosed": (run("unclosed.toml"), ("'unclosed.toml'", "valid TOML", "at end of document")),
    "key twice": (run("twice.toml"), ("'twice.toml'", "valid TOML", "line 4")),
    "binary": (run("binary.toml"), ("'binary.toml'", "in UTF-8; this is a binary file")),
    "not UTF-8": (run("latin_1.toml"), ("'latin_1.toml'", "in UTF-8", "another encoding")),
    "zero byte": (run("zero_byte.toml"), ("'zero_byte.toml'", "valid TOML", "line 3")),
    "checked file": (
        ["scenario", "check", "too_long.toml"],
        ("horizon_weeks in too_long.toml", "1041", "1040"),
    ),
    # Keys and values
    "near key": (run("near_key.toml"), ("shocks.btc_volatilty in near_key.toml", "mean 'btc_volatility'")),
    "far key": (run("far_key.toml"), ("zzzz in far_key.toml", "a known name; known are name, title")),
    "near section": (run("near_section.toml"), ("shoks", "did you mean 'shocks'?")),
    "dotted key": (run("dotted_key.toml"), ("shocks.btc_volatility", "did you mean 'shocks'?")),
    "NaN": (run("nan.toml"), ("shocks.btc_volatility in nan.toml: nan", "a finite number from 0.0 to 3.0")),
    "text for number": (run("text_for_number.toml"), ("horizon_weeks", "'52'", "a whole number from 1 to")),
    "bool for whole": (run("bool_for_whole.toml"), ("horizon_weeks", "True", "a whole number from 1 to")),
    "fraction for whole": (run("fraction_for_whole.toml"), ("population.miners", "1.5", "a whole number")),
    "section is text": (
        run("section_is_text.toml"),
        ("shocks in section_is_text.toml", "'strong'", "a table"),
    ),
    "time for day": (run("time_for_day.toml"), ("start_date", "2026-04-06T12:00:00", "a day such as")),
    # Machines, shares, shocks
    "unknown machine": (run("fleet.toml"), ("neoclouds.gpu_shares.H1000", "1.0", "did you mean 'H100'")),
    "machine twice": (run("machine_twice.toml"), ("machine.name", "'H100'", "differ from each other")),
    "sold before launch": (
        run("sold_before_launch.toml"),
        ("machine.H100.end_of_sale_date", "2022-09-30", "from 2022-10-01 (its launch) on"),
    ),
    "launch after its sale": (
        changed("machine.H100.launch_date=2026-01-01"),
        ("machine.H100.end_of_sale_date", "2025-12-31", "from 2026-01-01 (its launch) on"),
    ),
    "fleet before its launch": (
        changed("start_date=2020-01-01"),
        ("miners.asic_shares.S19 Pro", "asic types launched by 2020-01-01"),
    ),
    "bullets that end before they begin": (
        changed("credit.bullet_weeks_high=1"),
        ("credit.bullet_weeks_high: 1 ", "at least bullet_weeks_low = 26"),
    ),
    "three shares for four": (
        run("three_shares.toml"),
        ("miners.site_class_shares", "[0.5, 0.3, 0.2]", "a list of 4 numbers"),
    ),
    "shares of nothing": (
        run("no_shares.toml"),
        ("miners.site_class_shares", "[0.0, 0.0, 0.0, 0.0]", "weights that do not sum to zero"),
    ),
    "weights over one": (
        changed("marking.market_weight=0.99"),
        ("marking.income_weight", "0.05", "market_weight + income_weight of at most 1"),
    ),
    "forced default of an unknown machine": (
        run("forced_machine.toml"),
        ("shocks.forced_default.machine in forced_machine.toml", "'H10'", "did you mean 'H100'"),
    ),
    "forced default after the end": (
        run("forced_late.toml"),
        ("shocks.forced_default.week", "156", "a week before the horizon, 0 to 155"),
    ),
    "BTC below zero": (run("btc_negative.toml"), ("shocks.btc_path", "-60000.0", "from 1.0 to")),
    "BTC path with a short line": (run("btc_short.toml"), ("shocks.btc_path", "'1'", "line 3 of short.csv")),
    "BTC path that goes back": (
        run("btc_back.toml"),
        ("shocks.btc_path", "[10, 9]", "ascending weeks from 0"),
    ),
    "BTC path without head": (
        run("btc_head.toml"),
        ("shocks.btc_path", "head.csv", "first line is week,value"),
    ),
    "BTC path is nowhere": (run("btc_none.toml"), ("shocks.btc_path", "nowhere.csv", "a readable CSV file")),
    "BTC path is a number": (
        changed("shocks.btc_path=5"),
        ("shocks.btc_path: 5", "pairs or the name of a CSV"),
    ),
    # Networks
    "links with one column": (run("one_column.toml"), ("credit_file", "'source'", "line of one_column.csv")),
    "links with weights": (run("weights.toml"), ("trade_file", "'source,target,weight'", "weights.csv")),
    "no links": (run("no_links.toml"), ("credit_file", "'no_links.csv'", "source,target; this is empty")),
    "far node": (run("far_node.toml"), ("trade_file", "'Kraken'", "line 3 of far_node.csv", "miner-0 to")),
    "near node": (
        run("near_node.toml"),
        ("credit_file", "'neo_cloud-3'", "line 2 of near_node.graphml", "'neoc"),
    ),
    "broken GraphML": (run("broken.toml"), ("credit_file", "'broken.graphml'", "mismatched tag: line 2")),
    "lender to lender": (
        run("lenders.toml"),
        ("credit_file", "'bank-0 -> bank-1'", "a borrower (", "line 2"),
    ),
    "no network file": (run("no_file.toml"), ("credit_file", "nowhere.graphml", "a readable file (No such")),
    "kind without file": (
        changed("networks.credit_kind=file"),
        ("credit_file: 'none'", "credit_kind is 'file'"),
    ),
    "file without kind": (
        changed("networks.trade_file=far_node.csv"),
        ("networks.trade_kind: 'erdos-renyi'", "'file', since trade_file is given"),
    ),
    "network too large": (
        changed("population.miners=50000", "networks.trade_kind=complete"),
        ("networks.trade_kind: 'complete'", "at most 5,000,000 links, not"),
    ),
    # --set
    "no equals sign": (changed("horizon_weeks"), ("--set: 'horizon_weeks'", "key=value, such as")),
    "no key": (changed("=5"), ("--set: '=5'", "key=value, such as")),
    "unknown section": (changed("shock.btc_drift=1"), ("shock: 'shock'", "did you mean 'shocks'?")),
    "unknown machine type": (changed("machine.H1000.kw=1"), ("machine.H1000", "did you mean 'H100'")),
    "below a number": (changed("costs.upkeep.x=1"), ("costs.upkeep.x: 'x'", "no further name")),
    "too low": (changed("horizon_weeks=0"), ("horizon_weeks: 0", "from 1 to 1040 [weeks]")),
    "too high": (changed("shocks.btc_volatility=3.1"), ("shocks.btc_volatility: 3.1", "from 0.0 to 3.0")),
    "infinite": (changed("shocks.btc_drift=-inf"), ("shocks.btc_drift: -inf", "a finite number from -2.0")),
    "comma for point": (changed("shocks.btc_drift=0,5"), ("shocks.btc_drift: '0,5'", "a number from -2.0")),
    "nothing": (changed("horizon_weeks="), ("horizon_weeks: ''", "a whole number from 1 to 1040")),
    "number for switch": (changed("channels.repo=1"), ("channels.repo: 1 ", "true or false")),
    "unknown choice": (
        changed("secondary_market.rule=Deep"),
        ("secondary_market.rule: 'Deep'", "one of 'auction', 'impact', 'deep'"),
    ),
    "set twice": (changed("horizon_weeks=5", "horizon_weeks=6"), ("horizon_weeks: '6'", "set twice")),
    "no such day": (
        changed("start_date=2026-13-01"),
        ("start_date: '2026-13-01'", "a day such as 2026-04-06"),
    ),
    "half a letter": (changed("title=\udcff"), ("title: '\\udcff'", "text in UTF-8")),
    # Other options
    "no replicates": (["run", "--replicates", "0"], ("--replicates: '0'", "a whole number from 1 to")),
    "fewer than none": (["run", "--replicates", "-1"], ("--replicates: '-1'", "a whole number from 1 to")),
    "replicates as text": (
        ["run", "--replicates", "ten"],
        ("--replicates: 'ten'", "a whole number from 1 to"),
    ),
    "negative seed": (
        ["run", "--seed", "-1"],
        ("--seed: '-1'", "a whole number from 0 to 9223372036854775807"),
    ),
    "seed as text": (["run", "--seed", "one"], ("--seed: 'one'", "a whole number from 0 to")),
    "huge seed": (["run", "--seed", str(2**63)], (f"--seed: '{2**63}'", f"from 0 to {2**63 - 1}")),
    "no threads": (["run", "--threads", "0"], ("--threads: '0'", "a whole number from 1 to 1024")),
    "unknown option": (["run", "--replicate", "3"], ("--replicate",)),
    "unknown command": (["rum"], ("'rum'", "'run'")),
    "unknown market": (["compare", "--markets", "bazaar"], ("'bazaar'", "'auction', 'impact', 'deep'")),
    # Output folder
    "folder is not empty": (
        ["run", "--out", "full"],
        ("output folder full", "is not empty; give the name of"),
    ),
    "folder is a file": (
        ["run", "--out", "file"],
        ("output folder file", "is a file; give the name of a new"),
    ),
    "folder below a file": (["run", "--out", "file/a/b"], ("output folder file/a/b", "(not a directory)")),
    "folder that the system refuses": (["run", "--out", "/proc/a"], ("output folder /proc/a", "cannot be")),
    "folder without name": (["run", "--out", " "], ("output folder ' '", "needs a name")),
    "folder with a zero byte": (["run", "--out", "a\0b"], ("output folder 'a\\x00b'", "cannot be the name")),
    "folder name too long": (["run", "--out", "y" * 300], ("output folder yyy", "(file name too long)")),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder with all files in it."""
    for name, content in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything_under(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_refused(code, out, err, words):
    assert code == 2
    assert out == ""
    assert err.startswith("hashcredit: error: ") and err.endswith("\n") and err.count("\n") == 1
    for word in words:
        assert word in err
    assert not err.endswith("...\n")  # short enough to be shown in full


@pytest.mark.parametrize("case", CASES)
def test_one_line_exit_code_2_and_nothing_written(case, folder, capsys):
    arguments, words = CASES[case]
    before = everything_under(folder)
    code = main(arguments)
    said = capsys.readouterr()
    assert_refused(code, said.out, said.err, words)
    assert everything_under(folder) == before


@pytest.mark.parametrize(
    "case",
    ["circle of bases", "binary", "near node", "network too large", "half a letter", "folder is a file"],
)
def test_a_process_says_the_same(case, folder):
    arguments, words = CASES[case]
    before = everything_under(folder)
    command = [sys.executable, "-m", "hashcredit.experiments.commands.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert_refused(done.returncode, done.stdout, done.stderr, words)
    assert everything_under(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write anything")
def test_permissions_are_named(folder, capsys):
    (folder / "secret.toml").write_text(BASE)
    (folder / "secret.toml").chmod(0)
    assert main(run("secret.toml")) == 2
    assert "a readable TOML file (Permission denied)" in capsys.readouterr().err
    (folder / "locked").mkdir(mode=0o555)
    assert main(["run", "--out", "locked/result"]) == 2
    assert "cannot be written (permission denied)" in capsys.readouterr().err
