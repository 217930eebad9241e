"""What kernels read: names, units and conversions, against numbers worked out by hand."""

from datetime import date

import numpy as np
import pytest

from hashcredit.agents.dimensions import (
    BUYER_KINDS,
    GRADES,
    LENDER_KINDS,
    MACHINE_TYPES,
    SITE_CLASSES,
    Belief,
    Cooling,
    Enforcement,
    LenderKind,
    MachineKind,
    Receivership,
    SaleRule,
)
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.scenario.fields.base import documentation
from hashcredit.simulator.scenario.fields.buyers import BuyerTerms
from hashcredit.simulator.scenario.fields.lenders import LenderTerms
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.parameters import (
    NO_WEEK,
    PARAMETERS,
    compile_machines,
    compile_parameters,
    compile_paths,
    conversion,
    weeks_from,
)
from hashcredit.simulator.state.machines import MACHINE
from hashcredit.simulator.state.pool import FundingRule

BASELINE = Scenario()
P = compile_parameters(BASELINE)[0]
MACHINES = dict(zip([m.name for m in BASELINE.machine], compile_machines(BASELINE), strict=False))
TEXT_AND_PATHS = (
    {"name", "title", "start_date", "funding.tightness", "repo.haircut"}
    | {f"funding.{name}" for name in ("capex", "external_share", "purchases", "fiscal")}
    | {f"shocks.{name}" for name in ("btc_path", "rent_path", "hashprice_path")}
    | {f"shocks.{name}" for name in ("forced_default", "forced_lender_failure", "demand_turn")}
)
TEXT_AND_PATHS |= {f"networks.{name}_file" for name in ("credit", "trade", "interlender")} | {"interventions"}


def test_record_has_every_number_of_the_scenario():
    expected = {"from_week", "forced_week", "forced_machine", "forced_units", "asset_volatility"}
    expected |= {f"forced_lender_{name}" for name in ("week", "kind", "share")}
    expected |= {"turn_week", "turn_drop", "turn_growth"}
    for row in BASELINE.describe():
        parts = row.field.split(".")
        if row.field in TEXT_AND_PATHS or parts[0] == "machine":
            continue
        expected.add("_".join([parts[0], *parts[-1:]]) if len(parts) > 1 else row.field)
    expected = {name.replace("_date", "_week") for name in expected}
    assert set(PARAMETERS.names) == expected
    assert PARAMETERS.isalignedstruct


def test_shapes_of_the_columns():
    assert compile_parameters(BASELINE).shape == (1,)
    assert P["costs_power_price"].shape == (SITE_CLASSES,)
    assert P["credit_spread_by_grade"].shape == (GRADES,)
    assert P["lenders_advance_rate"].shape == (LENDER_KINDS,)
    assert P["buyers_margin"].shape == (BUYER_KINDS,)
    assert P["miners_asic_shares"].shape == P["neoclouds_gpu_shares"].shape == (MACHINE_TYPES,)
    assert P["channels_repo"].dtype == np.int8


def test_conversions_to_the_kernels_units():
    assert P["resolution_removal_cost"] == pytest.approx(800e-6)  # M$ a unit
    assert P["secondary_market_storage_cost"] == pytest.approx(3e-6)  # M$ a unit and week
    assert P["costs_lease"] == pytest.approx([48e-6, 1320e-6, 1560e-6])  # M$ a kW and year: 12 months
    assert P["costs_retrofit"] == pytest.approx([50e-6, 1200e-6, 4000e-6])  # M$ a kW
    assert P["buyers_moving_cost"] == pytest.approx([1500e-6, 800e-6, 1500e-6, 100e-6])
    assert P["costs_power_price"].tolist() == [0.04, 0.05, 0.065, 0.08]  # USD/kWh stays
    assert P["shocks_btc_price0"] == 67_000.0  # USD stays
    assert P["mining_hashprice0"] == 29.0
    assert P["compute_rent_index0"] == 2.35
    assert P["credit_btc_depth"] == 20_000.0  # M$ already
    assert P["miners_hashrate_median"] == 2.2


def test_codes_switches_and_kinds():
    changed = BASELINE.with_changes(
        {"credit.enforcement": "never", "secondary_market.rule": "impact", "channels.repo": False}
    )
    record = compile_parameters(changed)[0]
    assert (P["credit_enforcement"], record["credit_enforcement"]) == (1, 2)
    assert (P["secondary_market_rule"], record["secondary_market_rule"]) == (0, 1)
    assert (P["channels_repo"], record["channels_repo"]) == (1, 0)
    assert P["lenders_belief"].tolist() == [Belief.UTILITY, Belief.VENTURE, Belief.LEARNED]
    assert P["lenders_equity_ratio"].tolist() == [0.12, 0.40, 0.95]
    assert P["buyers_slots_asic"].tolist() == [2000, 3000, 3000, 0]


CHOICES = [
    ("credit.enforcement", Enforcement),
    ("funding.rule", FundingRule),
    ("interlender.receivership", Receivership),
    ("lenders.bank.belief", Belief),
    ("secondary_market.rule", SaleRule),
]


@pytest.mark.parametrize(("field", "codes"), CHOICES)
def test_a_word_becomes_the_code_that_kernels_compare(field, codes):
    section, *_, name = field.split(".")
    for code in codes:
        word = code.name.lower().replace("_", "-")
        record = compile_parameters(BASELINE.with_changes({field: word}))[0]
        assert np.ravel(record[f"{section}_{name}"])[0] == code
    with pytest.raises(ScenarioError, match=f"{field}: 'neither' is not allowed; expected one of"):
        BASELINE.with_changes({field: "neither"})


def test_shares_stand_in_the_machines_columns_and_sum_to_one():
    record = compile_parameters(BASELINE.with_changes({"miners.asic_shares": {"S21": 6, "S19 XP": 2}}))[0]
    names = [m.name for m in BASELINE.machine]
    expected = np.zeros(MACHINE_TYPES)
    expected[names.index("S21")], expected[names.index("S19 XP")] = 0.75, 0.25
    np.testing.assert_array_equal(record["miners_asic_shares"], expected)
    assert P["neoclouds_gpu_shares"].sum() == pytest.approx(1.0)


def test_dates_become_weeks():
    assert weeks_from(date(2026, 4, 6), date(2026, 4, 6)) == 0
    assert weeks_from(date(2026, 4, 6), date(2026, 4, 12)) == 0
    assert weeks_from(date(2026, 4, 6), date(2026, 4, 13)) == 1
    assert weeks_from(date(2026, 4, 6), date(2026, 4, 5)) == -1
    assert P["mining_halving_week"] == (date(2028, 4, 17) - date(2026, 4, 6)).days // 7 == 106
    for gone in ("none", date(2024, 4, 20)):
        record = compile_parameters(BASELINE.with_changes({"mining.halving_date": gone}))[0]
        assert record["mining_halving_week"] == NO_WEEK


def test_forced_default():
    assert (P["forced_week"], P["forced_machine"], P["forced_units"]) == (-1, -1, 0)
    record = compile_parameters(Scenario.load("dump_10k_h100"))[0]
    names = [m.name for m in BASELINE.machine]
    assert (record["forced_week"], names[record["forced_machine"]], record["forced_units"]) == (
        8,
        "H100",
        10_000,
    )


def test_forced_failure_of_lenders():
    assert P["forced_lender_week"] == -1
    forced = {"week": 9, "kind": "bond_fund", "share": 0.25}
    record = compile_parameters(BASELINE.with_changes({"shocks.forced_lender_failure": forced}))[0]
    names = [f"forced_lender_{name}" for name in ("week", "kind", "share")]
    assert [record[name] for name in names] == [9, LenderKind.BOND_FUND, 0.25]


@pytest.mark.parametrize("row", BASELINE.describe(), ids=lambda row: row.field)
def test_every_unit_has_a_conversion(row):
    if row.field.startswith("machine."):
        return
    assert conversion(row.unit) > 0.0


def test_an_unknown_unit_is_an_error():
    with pytest.raises(ValueError, match="furlong"):
        conversion("furlong")


def test_static_columns_of_the_h100_by_hand():
    h100 = MACHINES["H100"]
    assert h100["used"] == 1
    assert (h100["kind"], h100["cooling"]) == (MachineKind.GPU, Cooling.AIR)
    # 1.28 kW x PUE 1.2 x 8766 h x 0.04 to 0.08 USD/kWh, plus 2 % of 30,000 USD
    by_hand = [538.58304 + 600, 673.2288 + 600, 875.19744 + 600, 1077.16608 + 600]
    assert h100["cost"] * 1e6 == pytest.approx(by_hand, rel=1e-12)
    assert h100["price_new"] == pytest.approx(0.03375)  # 30,000 USD and 12.5 % for the network
    assert (h100["throughput"], h100["kw"], h100["life_years"]) == (1.0, 1.28, 6.0)
    assert h100["end_of_sale_week"] == -14
    # H200, B200, B300, Rubin, Rubin Ultra, and three more a year apart, each 13 weeks after its launch
    assert h100["launches"] == 8
    weeks = [-99, -62, -31, 29, 77, 77 + 52, 77 + 104, 77 + 156]
    assert h100["launch_at"][:8].tolist() == [week + 13 for week in weeks]
    assert h100["launch_step"][:9].tolist() == [0.25] * 8 + [0.0]


def test_static_columns_of_an_asic_by_hand():
    s21 = MACHINES["S21"]
    assert (s21["kind"], s21["cooling"]) == (MachineKind.ASIC, Cooling.ASIC)
    assert s21["price_new"] == pytest.approx(0.0024)  # no network to add
    # 3.5 kW x 1.05 x 8766 h x 0.05 USD/kWh, plus 2 % of 2,400 USD
    assert s21["cost"][1] * 1e6 == pytest.approx(1610.7525 + 48, rel=1e-12)
    assert s21["launches"] == 0  # a terahash earns hashprice whatever its generation


def test_launches_are_sorted():
    for machine in compile_machines(BASELINE):
        assert np.all(np.diff(machine["launch_at"][: machine["launches"]]) > 0)


def test_the_newest_machine_expects_unnamed_successors_and_unused_rows_are_empty():
    assert MACHINES["Rubin Ultra"]["launches"] == 3
    alone = compile_machines(BASELINE.with_changes({"compute.successors": 0}))
    assert alone[[m.name for m in BASELINE.machine].index("Rubin Ultra")]["launches"] == 0
    table = compile_machines(BASELINE)
    assert table.shape == (MACHINE_TYPES,)
    assert table.dtype == MACHINE
    assert table["used"].sum() == len(BASELINE.machine) == 11
    assert not table[11]["price_new"]


def test_twelve_machines_fit_with_all_their_launches():
    h100 = {**BASELINE.machine[1].model_dump(), "end_of_sale_date": date(2040, 1, 1)}
    gpus = [{**h100, "name": f"G{i}", "launch_date": date(2015 + i, 1, 1)} for i in range(MACHINE_TYPES)]
    changes = {"population.miners": 0, "machine": gpus, "neoclouds.gpu_shares": {"G0": 1}}
    scenario = BASELINE.with_changes(changes)
    assert compile_machines(scenario)[0]["launches"] == MACHINE_TYPES - 1 + BASELINE.compute.successors


def test_paths():
    tightness, haircut, btc, rent, hashprice = compile_paths(BASELINE)
    assert tightness.shape == haircut.shape == (156,)
    assert set(tightness) == {0.2}
    assert btc.size == rent.size == hashprice.size == 0
    changed = BASELINE.with_changes(
        {
            "horizon_weeks": 8,
            "funding.rule": "path",
            "funding.tightness": [[2, 0.2], [4, 0.6]],
            "shocks.btc_path": [[0, 60000], [100, 160000]],
            "shocks.rent_path": [[3, 2.0]],
            "shocks.hashprice_path": [[1, 50.0], [3, 30.0]],
        }
    )
    tightness, haircut, btc, rent, hashprice = compile_paths(changed)
    assert tightness == pytest.approx([0.2, 0.2, 0.2, 0.4, 0.6, 0.6, 0.6, 0.6])
    assert btc == pytest.approx(60000 + 1000 * np.arange(8))
    assert rent.tolist() == [2.0] * 8
    assert hashprice.tolist() == [50.0, 50.0, 40.0, 30.0, 30.0, 30.0, 30.0, 30.0]
    assert all(path.dtype == np.float64 for path in (tightness, haircut, btc, rent, hashprice))


def test_documentation_of_kinds_is_complete():
    for terms, kinds in ((LenderTerms, LENDER_KINDS), (BuyerTerms, BUYER_KINDS)):
        for field in terms.model_fields.values():
            assert len(documentation(field)["defaults_by_kind"]) == kinds
