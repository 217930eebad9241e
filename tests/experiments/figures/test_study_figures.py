"""Figures of studies: what is drawn where, and studies in which there is little to draw."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from drawings import texts

from hashcredit.experiments.figures import STUDY_FIGURES, draw, style
from hashcredit.experiments.figures.heatmap import cell_means
from hashcredit.experiments.figures.study_source import FactorAxis, Response, StudySource


def table(index="S1", unit=""):
    rows = [("defaults", index, f"factor {k}", "", 0.1 * k, 0.0, 0.3 * k, unit, 8, 0, 0.2) for k in range(4)]
    names = [
        "outcome",
        "index",
        "factor",
        "other",
        "value",
        "low",
        "high",
        "unit",
        "blocks",
        "dropped",
        "noise",
    ]
    return pd.DataFrame(rows, columns=names)


def make_study(points=40, undefined=False):
    random = np.random.default_rng(5)
    ends = np.arange(2.0)
    along = Response(ends + 1.0, ends, ends + 2.0, ends)
    apart = Response(np.ones(1), np.zeros(1), np.full(1, 2.0), np.ones(1))
    factors = (
        FactorAxis(
            "shocks.btc_volatility", "1/yr^0.5", random.uniform(0.4, 0.9, points), log=True, response=along
        ),
        FactorAxis("rule", "", random.integers(0, 2, points) * 1.0, ("auction", "deep"), False, along, apart),
    )
    value = np.full(points, np.nan) if undefined else random.normal(5.0, 1.0, points)
    words = "invented, seed 3: random design, 40 points of 2 replicates."
    return StudySource(words, "defaults, borrowers", factors, value, "Bars: 95 %.", indices=table())


@pytest.mark.parametrize("key", STUDY_FIGURES)
@pytest.mark.parametrize(
    "source", [make_study(), make_study(1), make_study(undefined=True)], ids=["", "1", "none"]
)
def test_figures_are_drawn_and_labelled(key, source, tmp_path):
    figure = draw(key, source)
    said = texts(figure)
    assert STUDY_FIGURES[key] in said and "invented, seed 3" in said
    if key != "indices":
        assert "shocks.btc_volatility, 1/yr^0.5" in said and "rule" in said
    assert style.save(figure, tmp_path, key)[0].read_bytes().startswith(b"\x89PNG")


def test_dots_are_points():
    source = make_study()
    value = source.value.copy()
    value[3] = np.nan
    axes = draw("scatter", dataclasses.replace(source, value=value)).axes[0]
    dots = axes.collections[0].get_offsets()
    assert len(dots) == 39 and axes.get_xscale() == "log"
    np.testing.assert_array_equal(dots[:, 1], np.delete(value, 3))


def test_cells_have_means():
    row, column = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    mean = cell_means(row, column, np.array([1.0, 3.0, 5.0, np.nan]), (2, 2))
    np.testing.assert_array_equal(mean, [[2.0, np.nan], [np.nan, 5.0]])
    said = " ".join(texts(draw("heatmap", make_study(1))).split())
    assert "White: 1 cells without a value" in said


def test_the_largest_index_is_on_top_and_constants_say_so():
    axes = draw("indices", make_study()).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"factor {k}" for k in (3, 2, 1, 0)]
    nothing = table().assign(value=np.nan, low=np.nan, high=np.nan)
    assert "the same at every point" in texts(
        draw("indices", dataclasses.replace(make_study(), indices=nothing))
    )
    effects = dataclasses.replace(make_study(), indices=table("mu_star", "M$"))
    assert draw("indices", effects).axes[0].get_xlabel() == "M$, over the whole range"
