"""Figures: what is drawn, what is said, and the runs in which there is little to draw."""

import dataclasses
import os
import subprocess
import sys
from datetime import date

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from drawings import MACHINES, NO_DEFAULT, make_source, texts

from hashcredit.agents.compiled import cache_folder
from hashcredit.agents.dimensions import Cause
from hashcredit.experiments.figures import FIGURES, defaults, draw, style
from hashcredit.experiments.figures.font_cache import find_font_cache
from hashcredit.experiments.folder.output import figure_source
from hashcredit.simulator import Scenario, simulate, simulate_many


@pytest.mark.parametrize("key", FIGURES)
@pytest.mark.parametrize(
    "source",
    [
        make_source(),
        make_source(quiet=True),
        make_source(weeks=5, replicates=1),
        make_source(weeks=1, replicates=1, quiet=True),
    ],
    ids=["usual", "no defaults", "one replicate", "one week"],
)
def test_figure_is_drawn_and_labelled(key, source, tmp_path):
    figure = draw(key, source)
    said = texts(figure)
    assert FIGURES[key] in said
    assert "invented, seed 3" in said
    assert ("replicate 0" in said) or (f"{source.replicates} replicate" in said)
    paths = style.save(figure, tmp_path, key)
    assert [path.name for path in paths] == [f"{key}.png", f"{key}.pdf"]
    assert paths[0].read_bytes().startswith(b"\x89PNG") and paths[1].read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("key", FIGURES)
def test_nothing_written_sticks_out(key):
    source = dataclasses.replace(make_source(), scenario="a_scenario_with_quite_a_long_name_indeed")
    figure = draw(key, source)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width, height = figure.canvas.get_width_height()
    ticks = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.findobj(mpl.text.Text)
        if label is not axis.label
    }
    for text in figure.findobj(mpl.text.Text):
        if text.get_text() and id(text) not in ticks:  # ticks beyond the limits exist, but are not drawn
            box = text.get_window_extent(renderer)
            assert box.x0 >= -1.0 and box.x1 <= width + 1.0, text.get_text()
            assert box.y0 >= -1.0 and box.y1 <= height + 1.0, text.get_text()


@pytest.mark.parametrize("key", FIGURES)
def test_equal_results_give_equal_files(key, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        style.save(draw(key, make_source()), folder, key)
    for name in (f"{key}.png", f"{key}.pdf"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_settings_of_matplotlib_are_left_alone():
    with mpl.rc_context({"font.size": 33.0, "lines.linewidth": 9.0}):
        before = dict(mpl.rcParams)
        figure = draw("prices", make_source())
        assert dict(mpl.rcParams) == before
        assert figure.axes[0].lines[0].get_linewidth() == 1.0  # nor does a user's setting get in


def test_pyplot_is_never_imported():
    code = (
        "import sys; from importlib import import_module\n"
        "from hashcredit.experiments.figures import FIGURES\n"
        "for key in FIGURES: import_module(f'hashcredit.experiments.figures.{key}')\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_figure_has_the_title_of_its_key():
    for key, title in FIGURES.items():
        assert draw(key, make_source()).get_suptitle().rstrip() == title
    with pytest.raises(KeyError, match="no figure 'nonsense'; there are prices"):
        draw("nonsense", make_source())


def test_every_cause_has_a_colour_of_its_own():
    assert set(defaults.CAUSES) == {cause.name.lower() for cause in Cause if cause not in NO_DEFAULT}
    assert len({colour for _, colour in defaults.CAUSES.values()}) == len(defaults.CAUSES)


def test_stack_ends_at_the_number_of_defaults():
    source = make_source(weeks=61)
    axes = draw("defaults", source).axes[0]
    top = axes.lines[0].get_ydata()
    expected = source.series.filter(like="defaults_").sum(axis=1)
    assert list(top) == list(expected)
    assert top[-1] == 7
    dates = pd.DatetimeIndex(axes.lines[0].get_xdata())
    assert (dates[0].date(), dates[60].date()) == (date(2026, 4, 6), date(2027, 5, 31))


def test_prices_are_in_thousands_and_only_where_something_traded():
    source = make_source()
    axes = draw("prices", source).axes
    assert [panel.get_title(loc="left") for panel in axes[:3]] == list(MACHINES)
    ultra = axes[1]
    assert ultra.lines[0].get_ydata()[0] == pytest.approx(
        source.series["fundamental_usd_rubin_ultra"][0] / 1e3
    )
    traded = source.series["units_traded_rubin_ultra"] > 0
    assert len(ultra.collections[0].get_offsets()) == traded.sum() < len(traded)


def test_a_type_without_any_price_has_no_panel():
    source = make_source()
    series = source.series.copy()
    series[[name for name in series if name.endswith("_usd_s21")]] = 0.0
    axes = draw("prices", dataclasses.replace(source, series=series)).axes
    assert [panel.get_title(loc="left") for panel in axes] == ["H100", "Rubin Ultra"]
    empty = dataclasses.replace(source, machines={})
    assert "no machine has a price" in texts(draw("prices", empty))


def test_recovery_shows_the_share_of_paper_value():
    source = make_source()
    source.summary.loc[0, "paper_sold_musd"] = 0.0  # nothing sold in this replicate
    source.summary.loc[1, "recovery_rate"] = np.nan
    above, below = draw("recovery", source).axes
    shares = above.collections[0].get_offsets()[:, 1]
    assert len(shares) == source.replicates - 1
    assert np.allclose(shares, 0.4, rtol=1e-12)
    assert sum(bar.get_height() for bar in below.patches) == source.replicates - 1
    said = texts(above.figure)
    assert "39 with seized machines sold (dots), 39 with a default resolved (bars)" in said
    assert "nothing" not in said
    nobody = texts(draw("recovery", make_source(quiet=True)))
    assert "no seized machine was sold" in nobody and "no default was resolved" in nobody


def test_distribution_adds_up_to_one():
    source = make_source(replicates=400)
    for axes, column in zip(
        draw("distribution", source).axes, ("defaults", "defaults_miners", "defaults_neoclouds"), strict=True
    ):
        heights = [bar.get_height() for bar in axes.containers[0]] + [
            b.get_height() for b in axes.containers[1]
        ]
        assert sum(heights) == pytest.approx(1.0, abs=1e-12)
        none = (source.summary[column] == 0).mean()
        assert axes.containers[0][0].get_height() == none
        assert f"none in {none:.1%}" in axes.get_title(loc="right")
        assert f"median {source.summary[column].median():g} " in axes.get_title(loc="right")


@pytest.mark.parametrize(
    ("home", "chosen", "imported", "folder"),
    [
        ("writable", "", False, ""),
        ("file/home", "", False, "ours"),
        ("file/home", "theirs", False, "theirs"),
        ("file/home", "", True, ""),  # too late: Matplotlib has chosen
    ],
)
def test_fonts_are_kept_where_it_is_writable(home, chosen, imported, folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder can be made below a file")
    monkeypatch.setenv("HOME", str(tmp_path / home))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MPLCONFIGDIR", chosen)
    if not imported:
        monkeypatch.delitem(sys.modules, "matplotlib")
    find_font_cache()
    ours = str(cache_folder().parent / "matplotlib")
    assert os.environ["MPLCONFIGDIR"] == {"ours": ours}.get(folder, folder)


def test_other_replicates_are_shown_behind_the_one():
    source = make_source()
    axes = draw("haircut", source).axes[0]
    outline = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert outline.min() == pytest.approx(source.ensemble["haircut"][0].min(), rel=1e-12)
    assert outline.max() == pytest.approx(source.ensemble["haircut"][2].max(), rel=1e-12)
    for key in ("prices", "defaults", "haircut", "lenders", "bathtub"):
        said = " ".join(texts(draw(key, source)).split())
        assert "replicate 0 of 40" in said and "of 40 replicates" in said, key
        alone = " ".join(texts(draw(key, make_source(replicates=1))).split())
        assert "(replicate 0)" in alone and "middle 90" not in alone, key


@pytest.mark.parametrize("key", ["prices", "defaults", "haircut", "lenders", "bathtub", "assets", "network"])
def test_time_axes_have_dates(key):
    figure = draw(key, make_source())
    assert "date" in [axes.get_xlabel() for axes in figure.axes]
    assert "week" not in [axes.get_xlabel() for axes in figure.axes]


def test_units_are_no_formulas():
    """Two dollar signs in one text are not the ends of a formula."""
    figure = draw("bathtub", make_source())
    assert "1 bn$ = 1,000 M$" in " ".join(texts(figure).split())
    assert not any(text.get_parse_math() for text in figure.findobj(mpl.text.Text) if text.get_text())


def test_the_band_is_that_of_the_replicates():
    scenario = Scenario.load().with_changes({"horizon_weeks": 8, "population.miners": 5})
    run, many = simulate(scenario, seed=2), simulate_many(scenario, seed=2, replicates=5)
    source = figure_source(scenario, many, run)
    series = [simulate(scenario, seed=2, replicate=number).series for number in range(5)]
    for name in ("haircut", "pool_bnusd", "appraisal_usd_s21"):
        expected = np.quantile([each[name] for each in series], [0.05, 0.5, 0.95], axis=0)
        np.testing.assert_array_equal(source.ensemble[name], expected)
    totals = [each.filter(like="defaults_").sum(axis=1) for each in series]
    np.testing.assert_array_equal(source.ensemble["defaults"][1], np.median(totals, axis=0))
    assert source.ensemble_replicates == 5
    assert figure_source(scenario, simulate_many(scenario, seed=2, replicates=1), run).ensemble == {}


def test_the_band_of_several_networks_has_runs_of_each(monkeypatch):
    scenario = Scenario.load().with_changes({"horizon_weeks": 8, "population.miners": 5})
    run, many = simulate(scenario, seed=2), simulate_many(scenario, seeds=(2, 7, 4), replicates=3)
    monkeypatch.setattr("hashcredit.experiments.folder.ensemble.MOST_BAND_RUNS", 6)
    source = figure_source(scenario, many, run)
    behind = [simulate(scenario, seed, k).series["haircut"] for seed in (2, 7, 4) for k in range(2)]
    np.testing.assert_array_equal(source.ensemble["haircut"], np.quantile(behind, [0.05, 0.5, 0.95], axis=0))
    assert (source.ensemble_replicates, source.band_replicates, source.together) == (6, 6, 3)
    said = " ".join(texts(draw("distribution", source)).split())
    assert "3 seeds from 2: 9 replicates" in said and "Wilson interval, over networks" in said
    assert "(replicate 0 of 3)" in " ".join(texts(draw("prices", source)).split())
