"""Charts, network and tables as text: places of values, joint axes, what is escaped, what has no value."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from hashcredit.experiments.dashboard import charts, network_picture, numbers, panels, tables
from hashcredit.experiments.dashboard.charts import AREA, BLOCKS, DOTS, MARKED, Chart, Layer
from hashcredit.experiments.dashboard.market import Market
from hashcredit.experiments.dashboard.settings import Settings
from hashcredit.simulator import simulate

WEEKS = 20


@pytest.fixture(scope="module")
def settings():
    return Settings.load("dump_10k_h100")


@pytest.fixture(scope="module")
def market(settings):
    market = Market(settings)
    market.step(WEEKS)
    return market


@pytest.fixture(scope="module")
def other(settings):
    market = Market(settings.with_field("channels.fire_sale", False))
    market.step(WEEKS)
    return market


def pictures(*markets):
    """Everything that the page shows of some markets."""
    found = [chart for key in panels.PANELS for chart in panels.draw_panel(key, markets)]
    found += panels.draw_prices(markets)
    found += [network_picture.draw(market) for market in markets]
    found += [tables.flows(market) for market in markets]
    found += [f"<div>{tables.log(market, True)}</div>" for market in markets]
    return [*found, f"<div>{numbers.table(dict(zip('AB', markets, strict=False)))}</div>"]


def parsed(text):
    return ElementTree.fromstring(text)


def points(text):
    """Places of the first line of a chart."""
    (path,) = re.findall(r'class="line" d="([^"]*)"', text)[:1]
    return np.array([pair.split(",") for pair in re.split("[ML]", path)[1:]], float)


@pytest.mark.parametrize("kind", [charts.LINE, DOTS, AREA, BLOCKS, MARKED])
@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_every_kind_of_layer_is_well_formed(kind, count):
    layer = Layer("a < b & c", np.linspace(0.0, 3.0, count), "#000000", kind)
    text = charts.draw(Chart("title <i>", [layer], "M$"), charts.axis_end(count))
    assert "NaN" not in text and "nan" not in text
    assert parsed(text).find("figcaption").text.startswith("title <i>")


def test_values_stand_where_they_belong():
    text = charts.draw(Chart("x", [Layer("y", np.array([0.0, 1.0, 2.0]), "#000000")]), 26, (0.0, 2.0))
    found = points(text)
    steps = np.diff(found, axis=0)
    assert steps[0] == pytest.approx(steps[1], abs=0.11)  # tenths of a pixel
    assert steps[0, 0] == pytest.approx((charts.WIDTH - charts.LEFT - charts.RIGHT) / 26, abs=0.11)
    assert found[0, 1] == pytest.approx(charts.HEIGHT - charts.BOTTOM)  # zero at the foot
    assert found[2, 1] == pytest.approx(charts.TOP)  # the highest tick is the highest value


def test_a_gap_stays_a_gap():
    text = charts.draw(Chart("x", [Layer("y", np.array([1.0, np.nan, 2.0, 1.0]), "#000000")]), 26)
    (path,) = re.findall(r'class="line" d="([^"]*)"', text)
    assert path.count("M") == 2 and path.count("L") == 1


def test_an_infinite_ratio_is_told_and_not_drawn():
    layer = Layer("y", np.array([1.0, np.inf]), "#000000", MARKED)
    text = charts.draw(Chart("x", [layer], log=True), 26)
    assert text.count("<circle") == 1 and "∞" in text


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (0.0, 3.0, (0.0, 3.0)),
        (0.0, 0.217, (0.0, 0.3)),
        (-12.0, 95.0, (-50.0, 100.0)),
        (0.0, 8252.0, (0.0, 10000.0)),
    ],
)
def test_round_ticks_enclose_the_values(low, high, ends):
    ticks = charts._ticks(low, high, 4)
    assert ticks[0] <= low and ticks[-1] >= high
    assert (ticks[0], ticks[-1]) == pytest.approx(ends)
    assert 3 <= len(ticks) <= 7


@pytest.mark.parametrize("value", [0.0, 1e-12, 5.0, -3.0])
def test_a_constant_has_an_axis(value):
    assert "NaN" not in charts.draw(Chart("x", [Layer("y", np.full(5, value), "#000000")]), 26)


def test_numbers_have_three_digits_or_say_that_there_is_none():
    written = [charts.number(value) for value in (0.123456, 12.34, 1234.5, 7.0, np.nan, np.inf)]
    assert written == ["0.12", "12.3", "1,234", "7", charts.NOTHING, "∞"]
    assert charts.number(0.2083, percent=True) == "20.8 %"


def test_the_axis_of_weeks_moves_by_half_years():
    assert [charts.axis_end(week) for week in (0, 1, 26, 27, 156)] == [26, 26, 26, 52, 156]


def test_everything_is_well_formed_before_the_first_week_and_after_some(settings, market):
    for text in (*pictures(Market(settings)), *pictures(market)):
        parsed(text)
        assert "nan" not in re.sub(
            r"[a-z]*nan[a-z]+", "", text.lower()
        )  # no value that is none, as "financed"


def test_charts_side_by_side_share_their_axes(market, other):
    for key in panels.PANELS:
        first, second = panels.draw_panel(key, [market, other])
        labels = [re.findall(r'text-anchor="end">([^<]*)<', text) for text in (first, second)]
        assert labels[0] == labels[1] != []


def test_charts_say_the_closing_values(market):
    (text,) = panels.draw_panel("haircut", [market])
    assert f"haircut <b>{100.0 * market.series['haircut'].iloc[-1]:.1f} %</b>" in text
    (text,) = panels.draw_panel("defaults", [market])
    assert f"set by the scenario <b>{market.run.summary['defaults_forced']}</b>" in text
    (text,) = panels.draw_panel("loan_to_value", [market])
    assert f"at the appraisal <b>{market.looks[-1].paper:.2f}</b>" in text


def test_stacked_causes_add_up(market):
    chart = panels.defaults(market)
    total = market.series.filter(regex="^defaults_").sum(axis=1)
    assert (chart.layers[0].values == total).all()  # the last cause on top, which is drawn first


def test_every_machine_with_a_price_has_a_plot(market):
    (text,) = panels.draw_prices([market])
    assert text.count("<figure") == sum(
        (market.series[f"appraisal_usd_{name.lower().replace(' ', '_')}"] > 0.0).any()
        for name in market.machines
    )


def test_the_network_marks_everybody_and_crosses_out_who_failed(market):
    text = network_picture.draw(market)
    assert text.count('class="agent"') == len(market.distress)
    assert text.count('class="cross"') == len(market.failures) > 0
    assert text.count('class="link"') == len(market.links)


def test_marks_of_the_network_stay_where_they_are(settings, market):
    def places(which):
        return re.findall(r'<(?:circle|rect) c?x="[\d.]+" c?y="[\d.]+"', network_picture.draw(which))

    assert places(market) == places(Market(settings))


def test_numbers_are_those_of_simulate(settings, market):
    run = simulate(settings.scenario.with_changes({"horizon_weeks": WEEKS}), settings.seed)
    text = numbers.table({"A": market})
    for figure in numbers.FIGURES:
        source = run.series.iloc[-1] if figure.of_the_week else run.summary
        assert f'id="{figure.key}-A">{numbers.written(figure, float(source[figure.key]))}</b>' in text


def test_flows_and_log_have_their_rows(market):
    assert tables.flows(market).count("<tr>") == 1 + len(market.flows)
    assert tables.log(market, False).count('class="failure"') == len(market.failures)
