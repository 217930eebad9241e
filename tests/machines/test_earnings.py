"""What machines earn and are worth: obsolescence, rents, hashprice, anticipation, appraisals, floors."""

import math

import numpy as np
import pytest
from worlds import ASIC, GPU, NEW_GPU, World

from hashcredit.agents.dimensions import SITE_CLASSES
from hashcredit.simulator.machines.earnings import (
    launch_progress,
    mark_appraisals,
    move_compute_market,
    move_hashprice,
    note_launches,
    obsolescence,
    orderly_value,
    scrap_price,
    set_earnings,
    update_income_values,
    value_of,
)
from hashcredit.simulator.state.codes import EventKind

WEEK = 1 / 52
STEP = 0.2


def world(launch_at: tuple[float, ...] = (), **numbers) -> World:
    """GPUs that lose a fifth of their earnings to each launch; a launch is felt over some weeks."""
    w = World(neoclouds=1, banks=1, **numbers)
    w.machine(GPU, launches=len(launch_at))
    w.economy.machines["launch_at"][GPU, : len(launch_at)] = launch_at
    w.economy.machines["launch_step"][GPU, : len(launch_at)] = STEP
    return w


def left(w: World, week: int) -> float:
    return obsolescence(w.economy, w.p, w.economy.machines[GPU], week)


# Obsolescence.


def test_logistic_of_a_launch() -> None:
    w = world()
    assert launch_progress(w.p, 30.0, 30) == 0.5
    assert launch_progress(w.p, 30.0, 34) == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-15)
    assert launch_progress(w.p, 30.0, 26) + launch_progress(w.p, 30.0, 34) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("launches", [(), (60.0,), (-3.0, 5.0, 60.0, 61.0), (-500.0,)])
def test_obsolescence_is_one_in_the_first_week(launches: tuple) -> None:
    assert left(world(launches), 0) == pytest.approx(1.0, rel=1e-15)


def test_obsolescence_falls_by_the_step() -> None:
    w = world((60.0,))
    # Half of it at the midpoint; before the first week a share of exp(-15) had come through.
    assert left(w, 60) == pytest.approx(0.9, abs=1e-7)
    assert left(w, 60 + 80) == pytest.approx(0.8, abs=1e-7)
    path = [left(w, week) for week in range(150)]
    assert (np.diff(path) < 0).all()


def test_launches_multiply_and_old_ones_are_forgotten() -> None:
    # All over by week 300: two future launches, one half done at the start, one long before it.
    w = world((-400.0, 0.0, 60.0, 100.0))
    assert left(w, 300) == pytest.approx(0.8 * 0.8 * (0.8 / 0.9), abs=1e-6)


# The rent index.


def after(w: World, weeks: int, active: float = 100.0) -> float:
    """The rent index after some weeks at a steady own supply."""
    for _ in range(weeks):
        w.market["active"] = active
        move_compute_market(w.economy, w.p)
        w.clock["week"] += 1
    return float(w.market["rent_index"])


def rents(**numbers) -> World:
    w = World(neoclouds=1, banks=1, **numbers)
    w.market["active_base"] = 100.0
    return w


def test_index_stands_still_without_a_reason() -> None:
    assert after(rents(), 52) == 2.0


def test_index_follows_its_trend() -> None:
    assert after(rents(compute_trend=0.15), 26) == pytest.approx(2.0 * math.exp(-0.075), rel=1e-12)


def test_index_is_elastic_in_demand() -> None:
    # Demand doubles in a year; half a per cent of rent for a per cent of scarcity.
    w = rents(compute_demand_growth=math.log(2.0))
    assert after(w, 52) == pytest.approx(2.0 * math.sqrt(2.0), rel=1e-12)
    assert w.market["demand"] == pytest.approx(2.0, rel=1e-12)


def test_tightness_slows_demand() -> None:
    w = rents(compute_demand_growth=0.3, compute_demand_tightness=0.4)
    w.market["tightness"] = 0.5
    assert after(w, 52) == pytest.approx(2.0 * math.exp(0.5 * (0.3 - 0.2)), rel=1e-12)


def test_index_is_elastic_in_supply() -> None:
    # This economy is a quarter of the world: switched off, supply falls to 3/4; doubled, it rises to 5/4.
    assert after(rents(), 1, active=0.0) == pytest.approx(2.0 * math.sqrt(4 / 3), rel=1e-12)
    assert after(rents(), 1, active=200.0) == pytest.approx(2.0 * math.sqrt(4 / 5), rel=1e-12)
    # The hyperscalers have doubled their three quarters: 1/4 + 6/4
    w = rents()
    w.economy.macro["stock"] = 2.0
    assert after(w, 52) == pytest.approx(2.0 * math.sqrt(4 / 7), rel=1e-12)


def test_shock_moves_the_index_both_ways() -> None:
    for shock in (-0.4, 0.4):
        w = rents()
        w.market["rent_shock"] = shock
        assert after(w, 1) == pytest.approx(2.0 * math.exp(shock), rel=1e-12)


# Hashprice.


def hashprices(w: World, weeks: int) -> np.ndarray:
    """Hashprice over 50 for some weeks."""
    path = []
    for _ in range(weeks):
        move_hashprice(w.economy, w.p)
        w.clock["week"] += 1
        path.append(w.market["hashprice"] / 50.0)
    return np.array(path)


def mining(**numbers) -> World:
    return World(miners=1, banks=1, **({"mining_difficulty_speed": 1.56} | numbers))


def test_hashprice_falls_with_difficulty_at_its_trend() -> None:
    path = hashprices(mining(mining_difficulty_trend=0.104), 20)
    assert path == pytest.approx(np.exp(-0.002 * np.arange(1, 21)), rel=1e-12)


def test_difficulty_takes_a_rise_of_btc_away() -> None:
    # The gap to the trend closes by a factor 1 - 1.56 / 52 = 0.97 a week, from the week after.
    w = mining()
    w.market["btc_price"] *= 2.0
    path = hashprices(w, 60)
    assert path == pytest.approx(np.exp(math.log(2.0) * 0.97 ** np.arange(60)), rel=1e-10)


def test_halving_takes_its_share_and_difficulty_gives_it_back() -> None:
    w = mining(mining_halving_week=10)
    path = hashprices(w, 40)
    assert path[:10] == pytest.approx(1.0, rel=1e-12)
    assert path[10:] == pytest.approx(np.exp(math.log(0.5) * 0.97 ** np.arange(30)), rel=1e-10)


# Earnings.


def test_earnings_by_hand() -> None:
    w = world()
    w.machine(GPU, idiosyncratic=math.log(1.1), cost=(0.001, 0.009, 0.0096, 0.0097))
    set_earnings(w.economy, w.p)
    # 2 $ an hour, half of 8,766 hours, ten per cent above the index: 0.0096426 M$ a year
    gpu = w.economy.machines[GPU]
    assert gpu["earning"] == pytest.approx(2.0 * 0.5 * 8766 * 1.1e-6, rel=1e-12)
    assert gpu["on"].tolist() == [1, 1, 1, 0]
    # Twice the throughput; 100 TH/s are a tenth of a PH/s at 50 $ a day.
    assert w.economy.machines["earning"][NEW_GPU] == pytest.approx(2 * 8766e-6, rel=1e-12)
    assert w.economy.machines["earning"][ASIC] == pytest.approx(0.1 * 50 * 365.25e-6, rel=1e-12)


def test_machine_that_breaks_even_is_switched_off() -> None:
    w = world()
    set_earnings(w.economy, w.p)
    w.machine(GPU, cost=w.economy.machines["earning"][GPU])
    set_earnings(w.economy, w.p)
    assert w.economy.machines["on"][GPU].tolist() == [0] * SITE_CLASSES


# Values. Five years, trend of 10 %, no volatility, cost of capital 6 % and what is added.


def flow_value(earning: float, cost: float, k: float, years: float = 5.0, trend: float = 0.1) -> float:
    """Closed form of a machine that runs to the end of the horizon."""
    return (
        earning * (1 - math.exp(-(trend + k) * years)) / (trend + k) - cost * (1 - math.exp(-k * years)) / k
    )


def test_value_by_hand() -> None:
    w = world()
    w.machine(GPU, earning=0.01, cost=(0.001, 0.002, 0.003, 0.004))
    for site, cost in enumerate((0.001, 0.002, 0.003, 0.004)):
        expected = flow_value(0.01, cost, 0.06 + 0.09)
        assert value_of(w.economy, w.p, GPU, site, 0.09, 0) == pytest.approx(expected, rel=1e-9)


def test_each_kind_has_its_volatility() -> None:
    # At break-even the option to switch off is all there is: it needs volatility.
    w = world(valuation_volatility=0.0, valuation_volatility_asic=0.4)
    for m in (GPU, ASIC):
        w.machine(m, earning=0.005, cost=0.005)
    assert value_of(w.economy, w.p, GPU, 0, 0.09, 0) == 0.0
    assert value_of(w.economy, w.p, ASIC, 0, 0.09, 0) > 0.001


def test_value_may_be_as_old_as_the_caller_allows() -> None:
    w = world()
    w.machine(GPU, earning=0.01, cost=0.0)
    fresh = value_of(w.economy, w.p, GPU, 0, 0.09, 0)
    w.machine(GPU, earning=0.02)
    w.clock["week"] = 4
    assert value_of(w.economy, w.p, GPU, 0, 0.09, 4) == fresh
    assert value_of(w.economy, w.p, GPU, 0, 0.09, 3) == pytest.approx(2 * fresh, rel=1e-9)
    assert value_of(w.economy, w.p, GPU, 0, 0.09, 4) == pytest.approx(2 * fresh, rel=1e-9)


def test_appraisers_assume_an_average_operator() -> None:
    w = world()
    w.machine(GPU, earning=0.01, cost=(0.0, 0.0, 0.003, 0.0))
    w.machine(ASIC, earning=0.0015, cost=(0.0, 0.0005, 0.0, 0.0))
    assert orderly_value(w.economy, w.p, GPU) == pytest.approx(flow_value(0.01, 0.003, 0.14), rel=1e-9)
    assert orderly_value(w.economy, w.p, ASIC) == pytest.approx(flow_value(0.0015, 0.0005, 0.14), rel=1e-9)


def test_orderly_value_is_at_least_scrap() -> None:
    w = world()
    w.machine(GPU, earning=0.001, cost=0.01)
    assert value_of(w.economy, w.p, GPU, 2, 0.08, 0) == 0.0
    assert orderly_value(w.economy, w.p, GPU) == scrap_price(w.p, w.economy.machines[GPU])
    assert orderly_value(w.economy, w.p, GPU) == pytest.approx(0.04 * 0.030, rel=1e-12)


def values_through_a_launch(at: float, weeks: int, **numbers) -> np.ndarray:
    """Value of a GPU without costs, week by week, while the launch comes and goes."""
    w = world((at,), valuation_trend=0.0, **numbers)
    path = []
    for week in range(weeks):
        w.clock["week"] = week
        w.machine(GPU, earning=0.01 * left(w, week), cost=0.0)
        path.append(value_of(w.economy, w.p, GPU, 0, 0.08, 0))
    return np.array(path)


def test_certain_launch_is_no_news() -> None:
    """A launch at the end of the horizon (260 weeks) comes nearer week by week and takes a fifth in the end.

    Every week a week's worth of the step is lost earlier: 0.2 * 0.01 / 52 of value. While the logistic rises,
    x widths before its midpoint, what it takes early is added: (1 - q) + x q (1 - q), q = 1 / (1 + exp(x)),
    of that week's worth, which is 1.10 at most.
    """
    path = values_through_a_launch(at=270.0, weeks=360)
    before = flow_value(0.01, 0.0, 0.14, trend=0.0)
    assert path[0] == pytest.approx(before, rel=1e-9)
    assert path[-1] == pytest.approx(0.8 * before, rel=1e-9)
    falls = -np.diff(path)
    assert falls.max() <= 1.10 * STEP * 0.01 * WEEK
    # The fall spread over five years: none in the launch itself, most of it long before.
    assert falls[270 - 13 : 270 + 32].sum() < 0.1 * falls.sum()
    # Only where the last 4e-4 of the logistic are dropped, eight widths on, does it rise by as much.
    assert falls.min() > -4e-4 * STEP * before


def test_doubted_launch_is_news_when_it_comes() -> None:
    # Believed to one half until the product is there (13 weeks before the midpoint): then the other half of
    # the step is lost at once, for all years after the midpoint.
    path = values_through_a_launch(at=60.0, weeks=70, valuation_launch_belief=0.5)
    falls = -np.diff(path)
    assert falls.argmax() == 60 - 13 - 1
    later = 0.01 * (math.exp(-0.14 * 13 / 52) - math.exp(-0.14 * 5)) / 0.14
    assert falls.max() == pytest.approx(0.5 * STEP * later, rel=0.02)


def test_halving_is_anticipated_as_a_gap_that_difficulty_closes() -> None:
    # Speed 1 a year: half of the revenue is gone for one year from week 52 on, then back.
    w = world(mining_halving_week=52, mining_asic_trend=0.0, mining_difficulty_trend=0.0,
              mining_difficulty_speed=1.0, mining_halving_share=0.5)  # fmt: skip
    w.machine(ASIC, earning=0.0015, cost=0.0)
    lost = 0.5 * (math.exp(-0.14) - math.exp(-0.28)) / 0.14
    whole = -math.expm1(-0.14 * 5) / 0.14
    assert value_of(w.economy, w.p, ASIC, 0, 0.08, 0) == pytest.approx(0.0015 * (whole - lost), rel=1e-6)
    w.clock["week"] = 52  # it is in the earnings now: half of them for one more year
    w.market["hashprice"] *= 0.5
    lost = 0.5 * -math.expm1(-0.14) / 0.14
    w.machine(ASIC, earning=0.00075, cost=0.0)
    assert value_of(w.economy, w.p, ASIC, 0, 0.08, 0) == pytest.approx(0.0015 * (whole - lost), rel=1e-6)


def test_without_difficulty_the_halving_is_for_good() -> None:
    w = world(mining_halving_week=52, mining_asic_trend=0.0, mining_difficulty_speed=0.0,
              mining_halving_share=0.5)  # fmt: skip
    w.machine(ASIC, earning=0.0015, cost=0.0)
    first, rest = -math.expm1(-0.14) / 0.14, (math.exp(-0.14) - math.exp(-0.7)) / 0.14
    expected = 0.0015 * (first + 0.5 * rest)
    assert value_of(w.economy, w.p, ASIC, 0, 0.08, 0) == pytest.approx(expected, rel=1e-6)


def test_launches_are_logged_in_their_week() -> None:
    w = world()
    w.machine(NEW_GPU, launch_week=3)
    for week in range(6):
        w.clock["week"] = week
        note_launches(w.economy)
    (event,) = w.events(EventKind.LAUNCH)
    assert (event["week"], event["machine"], event["price"]) == (3, NEW_GPU, 0.040)


def test_halving_is_no_news() -> None:
    # Known for years, certain, and no shock: in the week of the halving value should not jump.
    w = mining(mining_halving_week=60, mining_asic_trend=0.0)
    w.machine(ASIC, cost=0.0)
    path = []
    for week in range(62):
        w.clock["week"] = week
        move_hashprice(w.economy, w.p)
        set_earnings(w.economy, w.p)
        path.append(value_of(w.economy, w.p, ASIC, 0, 0.08, 0))
    assert abs(math.log(path[60] / path[59])) < 0.03


# Appraisals.


def marks(traded: int, vwap: float, **numbers) -> float:
    """Appraisal of 0.020 after a week of trade, income value 0.016."""
    w = world(**numbers)
    w.machine(GPU, news=traded, news_value=traded * vwap, income_value=0.016, opening_units=50_000)
    mark_appraisals(w.economy, w.p)
    assert w.economy.machines["price"][GPU] == (pytest.approx(vwap, rel=1e-12) if traded else 0.020)
    assert (w.economy.machines["news"][GPU], w.economy.machines["news_value"][GPU]) == (0, 0.0)  # noted once
    return float(w.economy.machines["appraisal"][GPU])


def test_no_trade_is_no_market_news() -> None:
    assert marks(0, 0.0) == pytest.approx(0.020 - 0.05 * 0.004, rel=1e-12)


def test_trades_count_by_volume() -> None:
    # 500 units are a hundredth of all, which is half of the full weight of one half: 0.25 * (0.008 - 0.020)
    assert marks(500, 0.008) == pytest.approx(0.020 - 0.003 - 0.0002, rel=1e-12)
    assert marks(1500, 0.008) == pytest.approx(0.020 - 0.0045 - 0.0002, rel=1e-12)
    assert marks(500, 0.028) == pytest.approx(0.020 + 0.002 - 0.0002, rel=1e-12)  # up as well as down


def test_depth_is_a_share_of_what_exists() -> None:
    """Ten times the machines and ten times the trades are marked alike; deliveries and scrap count."""
    w = world()
    w.machine(GPU, news=500, news_value=500 * 0.008, income_value=0.016)
    w.machine(GPU, opening_units=40_000, delivered=15_000, scrapped=5_000)
    w.machine(NEW_GPU, news=5000, news_value=5000 * 0.008, income_value=0.016, opening_units=500_000)
    w.machine(NEW_GPU, appraisal=0.020)
    mark_appraisals(w.economy, w.p)
    assert w.economy.machines["appraisal"][[GPU, NEW_GPU]] == pytest.approx(0.020 - 0.003 - 0.0002, rel=1e-12)


def test_a_machine_on_sale_is_never_appraised_above_its_price() -> None:
    """An income value and trades far above the price of a new one; freely once the vendor has none."""
    for end_of_sale, marked in ((3, 0.030), (2, 0.0299 + 0.25 * (0.050 - 0.0299) + 0.05 * (0.060 - 0.0299))):
        w = world()
        w.clock["week"] = 3
        w.machine(GPU, news=500, news_value=500 * 0.050, income_value=0.060, opening_units=50_000)
        w.machine(GPU, appraisal=0.0299, launch_week=0, end_of_sale_week=end_of_sale)
        mark_appraisals(w.economy, w.p)
        assert w.economy.machines["appraisal"][GPU] == pytest.approx(marked, rel=1e-12)


def on_sale(price: float, launch_week: int = 0, end_of_sale_week: int = 9) -> object:
    """The newer GPU costs `price` new and is worth .080, the old one .040; the vendor has no ASICs."""
    w = world()
    w.clock["week"] = 5
    w.value(GPU, 0.040)
    w.value(NEW_GPU, 0.080)
    w.machine(NEW_GPU, price_new=price, launch_week=launch_week, end_of_sale_week=end_of_sale_week)
    return w


def test_appraisers_know_what_the_same_service_costs_new() -> None:
    w = on_sale(0.050)
    assert orderly_value(w.economy, w.p, NEW_GPU) == 0.050
    assert orderly_value(w.economy, w.p, GPU) == pytest.approx(0.040 * 0.050 / 0.080, rel=1e-12)
    w.machine(ASIC, earning=0.0015, cost=(0.0, 0.0005, 0.0, 0.0))  # that of a GPU says nothing about an ASIC
    assert orderly_value(w.economy, w.p, ASIC) == pytest.approx(flow_value(0.0015, 0.0005, 0.14), rel=1e-9)
    dear = on_sale(0.100)
    assert orderly_value(dear.economy, dear.p, NEW_GPU) == pytest.approx(0.080, rel=1e-12)
    assert orderly_value(dear.economy, dear.p, GPU) == pytest.approx(0.040, rel=1e-12)


def test_a_type_to_come_is_worth_no_more_than_its_price_and_sets_nobody_elses() -> None:
    w = on_sale(0.050, launch_week=6)
    assert orderly_value(w.economy, w.p, NEW_GPU) == 0.050
    assert orderly_value(w.economy, w.p, GPU) == pytest.approx(0.040, rel=1e-12)
    over = on_sale(0.050, end_of_sale_week=4)
    assert orderly_value(over.economy, over.p, NEW_GPU) == pytest.approx(0.080, rel=1e-12)


def test_without_the_channel_only_income_speaks() -> None:
    assert marks(500, 0.008, channels_fire_sale=0) == pytest.approx(0.0198, rel=1e-12)


def test_income_values_are_renewed_in_turn() -> None:
    # Every four weeks, type m in weeks whose sum with m divides by four.
    w = world()
    renewed = []
    for week in range(8):
        w.clock["week"] = week
        w.economy.machines["income_value"] = -1.0
        update_income_values(w.economy, w.p)
        renewed.append((w.economy.machines["income_value"][:3] > 0).tolist())
    gpu, new, asic = (list(column) for column in zip(*renewed, strict=True))
    assert gpu == [True, False, False, False] * 2
    assert new == [False, False, False, True] * 2
    assert asic == [False, False, True, False] * 2
