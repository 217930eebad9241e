"""The calibration tables, and that the defaults are what their sources say."""

import csv
import math

import pytest

from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.facts import COLUMNS, FOLDER, fact, facts
from hashcredit.simulator.scenario.fields.base import CHOICE, EVIDENCE
from hashcredit.simulator.scenario.scenario import Scenario

BASELINE = Scenario()
ROWS = BASELINE.describe()
STRENGTH = "PSEDUNC"  # of evidence, best first


def _sourced() -> list[tuple[str, object, str, str, str]]:
    """Field, number, source, tag and unit of every default or element of one that names a source."""
    found = []
    for row in ROWS:
        sources, tags = row.source.split("; "), row.evidence.split("; ")
        values = row.value if isinstance(row.value, tuple) and len(sources) > 1 else (row.value,)
        tags = tags * len(sources) if len(tags) == 1 else tags
        assert len(values) == len(sources) == len(tags), row.field
        for value, source, tag in zip(values, sources, tags, strict=True):
            found.append((row.field, value, source, tag, row.unit))
    return found


@pytest.mark.parametrize("entry", facts().values(), ids=lambda entry: entry.key)
def test_every_fact_is_a_number_with_a_source_and_a_tag(entry):
    assert entry.tag in EVIDENCE
    assert entry.unit
    assert entry.source
    assert entry.note
    assert entry.date
    assert entry.covers(entry.value)
    assert entry.low is None or entry.low <= entry.value
    assert entry.high is None or entry.high >= entry.value
    assert not entry.url or entry.url.startswith("http")
    if entry.tag in "PSE":
        assert entry.url, "a published number needs its address"


def test_tables_have_the_documented_columns():
    files = sorted(FOLDER.glob("*.csv"))
    assert [file.stem for file in files] == [
        "credit",
        "episode_2022",
        "episode_2023",
        "funding",
        "machines",
        "market",
        "mining",
    ]
    for file in files:
        with open(file, encoding="utf-8", newline="") as handle:
            rows = list(csv.reader(handle))
        assert tuple(rows[0]) == COLUMNS
        assert all(len(row) == len(COLUMNS) for row in rows)
    assert sum(1 for _ in facts()) > 150


def test_an_unknown_key_is_refused_with_a_near_one():
    with pytest.raises(ScenarioError, match=r"did you mean 'btcloan\.ltv'"):
        fact("btc_loan.ltv")


@pytest.mark.parametrize(("field", "value", "source", "tag", "unit"), _sourced())
def test_defaults_are_what_their_sources_say(field, value, source, tag, unit):
    if source == CHOICE:
        assert tag in "UNC", "evidence without a source"
        return
    entry = fact(source)
    if field.endswith("_date"):
        year = value.year + (value.month - 0.5) / 12
        assert year == pytest.approx(entry.value, abs=0.3)
    elif value == entry.value:
        assert tag == entry.tag
    else:
        assert entry.covers(value)
        assert tag == "C", "another value inside the range of the source is a choice"
    assert entry.unit == unit or field.startswith("machine.")


@pytest.mark.parametrize("machine", BASELINE.machine, ids=lambda machine: machine.name)
def test_machines_carry_the_weakest_tag_of_their_numbers(machine):
    entries = [fact(f"{machine.source}.{name}") for name in ("throughput", "kw", "price_new", "life_years")]
    for entry, name in zip(entries, ("throughput", "kw", "price_new", "life_years"), strict=True):
        assert getattr(machine, name) == entry.value
    assert machine.evidence == max((entry.tag for entry in entries), key=STRENGTH.index)


DERIVED = {
    "gpu.contract.rent.low": (1.70 * 0.638 / 2.35, 0.005),
    "gpu.contract.rent.high": (4.70 * 0.638 / 2.35, 0.005),
    "crwv.debt.growth": (2.0 * math.log(11171.485 / 8033.5), 0.005),
    "machine.a100.throughput": (1.50 / 2.35, 5e-4),
    "machine.b200.throughput": (5.30 / 2.60, 5e-4),
    "machine.h100.kw": (10.2 / 8, 0.00501),
    "machine.h200.kw": (10.2 / 8, 0.00501),
    "machine.a100.kw": (1.28 * 400 / 700, 0.005),
    "machine.b200.kw": (1.28 * 1000 / 700, 0.005),
    "machine.b300.kw": (1.28 * 1200 / 700, 0.005),
    "machine.rubin.kw": (200 / 72, 0.005),
    "machine.rubin_ultra.kw": (600 / 144, 0.005),
    "machine.b300.price_new": (3.0e6 / 72, 0.5),
    "machine.rubin.price_new": (3.5e6 / 72, 0.5),
    "machine.s19_xp.price_new": (60 * 140, 1e-9),
    "gpu.retrofit.cost.kw": (425_000 / 130, 0.5),
    "gpu.h100.power_cost_hour": (1.28 * 1.2 * 0.08, 0.005),
    "rate.sofr_swap.implied": (0.0596 - 0.0213, 1e-12),
    "asic.stronghold.debt_per_machine": (67.4e6 / 26_200, 1.0),
    "asic.core.nydig.debt_per_machine": (38.6e6 / 27_403, 1.0),
    "asic.iris.recovery": (67.5 / 107.8, 5e-4),
    "asic.price_vs_hashprice.residual": ((14.88 / 101.04) / (55.94 / 246.86), 5e-3),
    "iren.gpufin.advance": (3.65 / 5.81, 5e-3),
    "iren.gpufin.prepayment": (0.2 * 9.7 / 5.81, 5e-3),
    "btc.price.2023-12-31": (17_000 * 2.49, 1.0),
    "asic.new.ratio.2022": (14.88 / 101.04, 5e-4),
    "hashprice.ratio.2022": (55.94 / 246.86, 5e-4),
    "asic.s19pro.discount.2023-06": (13.25 / 17.56, 5e-4),
    "asic.sale.celsius.ratio": (22 / 28, 5e-4),
    "asic.sale.touzi.ratio": (5.67 / 9.92, 5e-4),
    "asicloan.deals.half_on_half": ((641.8 - 576.8) / 576.8, 5e-4),
    "asicloan.default.share": (232.9 / (47.84 + 662.25 + 641.8), 5e-4),
    "asicloan.recourse_share": ((38.6 + 74) / (38.6 + 74 + 107.8 + 67.4), 5e-3),
    "asicloan.ltv.2022-03": (71e6 / 19_800 / 100 / 80, 5e-3),
    "episode.s9.price_new": (26.53 * 13.5, 0.5),
    "episode.s17.price_new": (76.10 * 56, 0.5),
    "episode.s19.price_new": (101.04 * 95, 0.5),
    "episode.s19_pro.price_new": (101.04 * 110, 0.5),
    "hashprice.2023-03-31": (59.42 * 1.31, 0.005),
    "gpu.h100.rent.2024-10.year": (2.99 / 1.26, 5e-4),
    "hyper.external_share.2023": (28 / 126, 5e-4),
    "hyper.external_share.2025": (121 / 410, 5e-4),
    "rate.fed.2025-09-17": (0.04375 - 0.0025, 1e-12),
    "rate.fed.2025-10-29": (0.04375 - 0.005, 1e-12),
    "hindcast.a100.throughput": (1.84 / 3.04, 5e-4),
    "hindcast.s19_xp.price_new": (24 * 140, 1e-9),
    "hindcast.hashrate.mean": (0.17 * 255 / 25, 0.005),
    "hindcast.valuation.trend": (0.10 - math.log(0.75), 5e-4),
    "crwv.debt.due18": ((986.052 + 4218.457) / 11171.485, 5e-4),
    "crwv.backlog.years": (99.4 / (4 * 2.08), 0.05),
    "gpudebt.neocloud.total.2023-10": (2.3 + 0.2, 1e-12),
    "neocloud.named.failed": (0 / 4, 1e-12),
    "miner.failed.2023_2026": (2 / 25, 1e-12),
    "asicloan.blockfi_bitfarms.recovery": (7.75 / 21, 5e-3),
    "wulf.flash.ltv": (1275 / 1360, 5e-3),
    "wulf.flash.balloon": (1.0 - 5 * (19 + 2 * (85 - 19) / 5) / 1275, 5e-3),
}


@pytest.mark.parametrize("key", DERIVED)
def test_derived_facts_follow_from_their_arithmetic(key):
    expected, tolerance = DERIVED[key]
    assert fact(key).value == pytest.approx(expected, abs=tolerance)


def test_each_generation_earns_more_for_a_dollar_than_those_it_lowers():
    per_dollar = {m.name: m.throughput / m.price_new for m in BASELINE.machine if m.kind == "gpu"}
    gain = fact("gpu.cadence.performance_per_dollar")
    assert gain.low is not None
    assert gain.high is not None
    left = 1.0 - BASELINE.compute.launch_step
    for newer, older in (("Rubin", "B200"), ("Rubin Ultra", "Rubin")):
        assert gain.low <= per_dollar[newer] / (per_dollar[older] * left) - 1.0 <= gain.high
    recent = [per_dollar[name] for name in ("B200", "B300", "Rubin", "Rubin Ultra")]
    assert max(recent) / min(recent) < 1.25, "no generation pays back much faster than the last"


def test_tags_of_unsourced_margins_say_that_they_were_not_found():
    tags = {row.field: row.evidence for row in ROWS}
    assert tags["credit.btc_call_ltv"] == tags["credit.btc_liquidation_ltv"] == "N"
