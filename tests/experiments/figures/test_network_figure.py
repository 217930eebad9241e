"""The figure of the credit network: what is drawn is the tree, whatever its size."""

import dataclasses

import matplotlib as mpl
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from drawings import NO_DEFAULT, make_source, texts
from forests import make_opening, make_tree
from matplotlib.collections import LineCollection
from matplotlib.patches import FancyArrowPatch

from hashcredit.agents.dimensions import Cause, Channel
from hashcredit.experiments.figures import draw, style
from hashcredit.experiments.figures.network_layout import (
    INNER_RADIUS,
    MOST_BORROWERS,
    MOST_LENDERS,
    MOST_ROWS,
    by_weight,
    elbows,
    lost_shares,
    named_loans,
    rings,
    rows,
)
from hashcredit.experiments.figures.network_marks import SHAPES, channel_line, mark_of
from hashcredit.experiments.folder.output import figure_source
from hashcredit.simulator import Scenario, simulate, simulate_many
from hashcredit.simulator.reports.contagion_tree import cascades, largest_cascade

USUAL = make_opening(miners=60, neoclouds=60, lenders=24)
HUGE = make_opening(miners=10_000, neoclouds=10_000, lenders=200)
CASES = {
    "nobody failed": (USUAL, make_tree(USUAL, 0, 60)),
    "one failure": (USUAL, make_tree(USUAL, 1, 60, failed_lenders=0)),
    "one lender": (USUAL, make_tree(USUAL, 1, 60)),
    "nothing spread": (USUAL, make_tree(USUAL, 20, 60, led=0.0)),
    "some": (USUAL, make_tree(USUAL, 30, 60, led=0.6)),
    "sixty": (USUAL, make_tree(USUAL, 60, 60, led=1.0)),
    "sixty in a week": (USUAL, make_tree(USUAL, 60, 1, led=1.0)),
    "all": (USUAL, make_tree(USUAL, 122, 156, failed_lenders=2)),
    "a huge market": (HUGE, make_tree(HUGE, 4000, 156, failed_lenders=3)),
    "a huge quiet market": (HUGE, make_tree(HUGE, 0, 156)),
    "a huge market with few failures": (HUGE, make_tree(HUGE, 12, 156)),
}
"""Opening tables and failures."""


def source_of(opening, tree):
    return dataclasses.replace(make_source(weeks=160), opening=opening, tree=tree)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    opening, tree = CASES[request.param]
    figure = draw("network", source_of(opening, tree))
    return opening, tree, figure


def panel(figure, title):
    return next(axes for axes in figure.axes if title in axes.get_title(loc="left"))


def marks(axes):
    """Places of the failures' marks in a panel, with their shapes."""
    return [(*line.get_xydata()[0], line.get_marker()) for line in axes.lines]


def arrows(axes):
    return [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]


def ends(arrow):
    """Where an arrow's path begins and ends, in data coordinates."""
    vertices = arrow._path_original.vertices
    return tuple(vertices[0]), tuple(vertices[-1])


# What is drawn


def test_every_failure_has_a_row_at_its_week_or_is_counted_at_the_foot(case):
    _, tree, figure = case
    axes, lines = panel(figure, "What led"), rows(tree)
    assert set(lines.height) | set(lines.left_out) == set(tree)
    assert len(lines.height) + len(lines.left_out) == len(tree)
    expected = [
        (tree.nodes[name]["week"], height, mark_of(tree.nodes[name])[0])
        for name, height in lines.height.items()
    ]
    assert marks(axes) == expected
    names = {text.get_text(): text.xy for text in axes.texts if isinstance(text, mpl.text.Annotation)}
    assert names == {name: (tree.nodes[name]["week"], height) for name, height in lines.height.items()}
    bars = [bar for one in axes.collections if isinstance(one, LineCollection) for bar in one.get_segments()]
    late = pd.Series([tree.nodes[name]["week"] for name in lines.left_out], dtype=int).value_counts()
    assert sorted(bar[0][0] for bar in bars) == sorted(late.index)
    tall = {bar[0][0]: bar[0][1] - bar[1][1] for bar in bars}
    assert all(tall[week] == pytest.approx(3.0 * number / late.max()) for week, number in late.items())


def test_every_link_is_an_arrow_from_parent_to_child(case):
    _, tree, figure = case
    axes, lines = panel(figure, "What led"), rows(tree)
    spot = {name: (tree.nodes[name]["week"], height) for name, height in lines.height.items()}
    expected = {
        (spot[parent], spot[child]): link["channel"]
        for parent, child, link in tree.edges(data=True)
        if parent in spot and child in spot
    }
    drawn = {ends(arrow): arrow for arrow in arrows(axes)}
    assert set(drawn) == set(expected) and len(arrows(axes)) == len(expected)
    cascade = largest_cascade(tree)
    bold = {pair for pair, arrow in drawn.items() if mpl.colors.to_hex(arrow.get_edgecolor()) == style.BLACK}
    assert bold == {(spot[a], spot[b]) for a, b in cascade.edges if a in spot and b in spot}
    for pair, channel in expected.items():
        assert (
            drawn[pair].get_linestyle()
            == FancyArrowPatch((0, 0), (1, 1), linestyle=channel_line(channel)[1]).get_linestyle()
        )


def test_the_rings_show_who_failed_and_the_largest_cascade(case):
    opening, tree, figure = case
    axes, spots = panel(figure, "Who lent"), rings(opening, tree)
    drawn = [name for names in spots.groups.values() for name in names]
    expected = {(*spots.place[name], mark_of(tree.nodes[name])[0]) for name in drawn if name in tree}
    assert set(marks(axes)) == expected
    alive = sum(len(one.get_offsets()) for one in axes.collections if not isinstance(one, LineCollection))
    assert alive == sum(name not in tree for name in drawn)
    cascade, told = largest_cascade(tree), rows(tree).height
    wanted = {
        (tuple(spots.place[a]), tuple(spots.place[b])) for a, b in cascade.edges if a in told and b in told
    }
    assert {ends(arrow) for arrow in arrows(axes)} == wanted
    links = sum(len(one.get_segments()) for one in axes.collections if isinstance(one, LineCollection))
    assert links == len(spots.loans)


def test_lenders_are_filled_by_the_share_of_their_loans_that_failed(case):
    opening, tree, figure = case
    fills = {patch.get_gid(): patch for patch in panel(figure, "Who lent").patches if patch.get_gid()}
    spots = rings(opening, tree)
    assert set(fills) == set(spots.lenders)
    failed = {node["agent"] for _, node in tree.nodes(data=True) if node["agent_kind"] != "lenders"}
    loans = opening["loans"]
    rows_of = dict(zip(opening["lenders"]["name"], opening["lenders"].index, strict=True))
    for name, fill in list(fills.items())[:10]:
        held = loans[loans["holder"] == rows_of[name]]
        lost = held.loc[held["obligor"].isin(failed), "principal"].sum()
        share = lost / held["principal"].sum()
        assert fill.get_height() / fill.get_width() == pytest.approx(share, rel=1e-9, abs=1e-12)


def test_the_caption_counts(case):
    opening, tree, figure = case
    said = " ".join(texts(figure).split())
    failed_lenders = sum(node["agent_kind"] == "lenders" for _, node in tree.nodes(data=True))
    everybody = len(opening["borrowers"])
    assert "seed 3: one run (replicate 0" in said
    assert ("arrows from cause" in said) == bool(tree.edges)
    assert f"{len(tree) - failed_lenders:,} of {everybody:,} borrowers" in said
    assert f"{failed_lenders:,} of {len(opening['lenders']):,} lenders failed" in said
    groups = cascades(tree)
    if groups and len(groups[0]) > 1:
        depth = nx.dag_longest_path_length(largest_cascade(tree), weight=None)
        assert f"{len(groups):,} of these {len(tree):,} cannot be traced to another" in said
        assert f"Largest cascade (black): {len(groups[0]):,} failures from" in said
        assert f", {depth} link{'s' * (depth > 1)} deep." in said
    elif len(tree) > 1:
        assert "none of them is traced to another" in said
    if not len(tree):
        assert "nobody failed in this run" in said
    assert ("only failed ones are drawn" in said) == (everybody > MOST_BORROWERS)
    assert ("bars at the foot" in said) == (len(tree) > len(rows(tree).height))


def test_words_do_not_run_into_each_other_or_out_of_the_figure(case):
    figure = case[2]
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width, height = figure.canvas.get_width_height()
    axes = panel(figure, "What led")
    named = [text for text in axes.texts if isinstance(text, mpl.text.Annotation)]
    boxes = [text.get_window_extent(renderer) for text in named]
    middles = np.sort([0.5 * (box.y0 + box.y1) for box in boxes])
    points = figure.dpi / 72.0
    if len(boxes) > 1:  # rows are as far apart as lower-case letters with their ascenders are high
        assert np.diff(middles).min() > 0.95 * named[0].get_fontsize() * points
    words = [text for one in figure.axes for text in one.texts]
    words += [figure._suptitle, figure._supxlabel, axes.xaxis.label, *figure.axes[1].get_legend().get_texts()]
    for text in words:
        box = text.get_window_extent(renderer)
        assert box.x0 >= -1.0 and box.x1 <= width + 1.0, text.get_text()
        assert box.y0 >= -1.0 and box.y1 <= height + 1.0, text.get_text()
    left, keys, caption = panel(figure, "Who lent"), figure.axes[1], figure._supxlabel
    legend = keys.get_legend().get_window_extent(renderer)
    below = caption.get_window_extent(renderer)
    assert legend.y0 >= below.y1
    numbers = [text for text in left.texts if text.get_text().isdigit()]
    assert all(text.get_window_extent(renderer).y0 >= legend.y1 - 1.0 for text in numbers)
    assert legend.x1 <= min([axes.get_window_extent(renderer).x0, *(box.x0 for box in boxes)])


def test_numbers_on_the_ring_are_those_of_the_failed_and_keep_apart(case):
    opening, tree, figure = case
    spots = rings(opening, tree)
    numbers = [text for text in panel(figure, "Who lent").texts if text.get_text().isdigit()]
    allowed = {name.rpartition("-")[2] for name in tree}
    assert {text.get_text() for text in numbers} <= allowed
    outside = [text for text in numbers if np.hypot(*text.get_position()) > 1.0]
    angles = np.sort([np.arctan2(*text.get_position()[::-1]) for text in outside])
    if len(angles) > 1:
        assert np.diff(angles).min() > 0.04
    if len(opening["borrowers"]) <= MOST_BORROWERS:
        names = [name for name in largest_cascade(tree) if name in spots.place and name not in spots.lenders]
        if 1 < len(names) <= MOST_ROWS:
            assert {name.rpartition("-")[2] for name in names} <= {text.get_text() for text in outside}


# Layout


def test_places_are_distinct_and_on_their_rings(case):
    opening, tree, _ = case
    spots = rings(opening, tree)
    names = [name for group in spots.groups.values() for name in group]
    assert len(names) <= MOST_BORROWERS and len(spots.lenders) <= MOST_LENDERS
    if len(opening["borrowers"]) <= MOST_BORROWERS:
        assert len(names) == len(opening["borrowers"])
        assert len(spots.lenders) == len(opening["lenders"])
        assert len(spots.loans) == len(named_loans(opening))
    else:
        assert set(names) <= set(tree)
    for group, radius in ((names, 1.0), (spots.lenders, INNER_RADIUS)):
        places = np.array([spots.place[name] for name in group]).reshape(-1, 2)
        assert np.allclose(np.hypot(*places.T), radius)
        assert len(np.unique(places.round(6), axis=0)) == len(group)
    for name in tree:  # whoever failed is drawn, as far as there is room
        assert name in spots.place or len(opening["borrowers"]) > MOST_BORROWERS


def test_miners_stand_on_the_left_and_neoclouds_on_the_right():
    spots = rings(USUAL, nx.DiGraph())
    assert list(spots.groups) == ["miner", "neocloud"]
    assert all(spots.place[name][0] < 0.0 for name in spots.groups["miner"])
    assert all(spots.place[name][0] > 0.0 for name in spots.groups["neocloud"])


def test_a_borrower_stands_near_its_lender():
    opening = make_opening(miners=0, neoclouds=40, lenders=10, loans_each=1)
    opening["lenders"]["kind"] = "bank"
    spots = rings(opening, nx.DiGraph())
    angle = [
        np.degrees(np.arccos(spots.place[loan.borrower] @ spots.place[loan.lender] / INNER_RADIUS))
        for loan in spots.loans.itertuples()
    ]
    assert np.mean(angle) < 35.0  # 90 if they stood at random


def test_loans_are_added_up_by_pair():
    opening = {
        "borrowers": pd.DataFrame({"name": ["miner-0", "neocloud-0"]}),
        "lenders": pd.DataFrame({"name": ["bank-0", "bond_fund-0"]}),
        "loans": pd.DataFrame(
            {"obligor": [0, 0, 1, 1], "holder": [1, 1, 1, 0], "principal": [1.0, 2.0, 5.0, 0.0]}
        ),
    }
    assert named_loans(opening).to_numpy().tolist() == [
        ["miner-0", "bond_fund-0", 3.0],
        ["neocloud-0", "bond_fund-0", 5.0],
    ]
    tree = nx.DiGraph()
    tree.add_node("miner-0")
    assert lost_shares(opening, tree) == {"bond_fund-0": 3.0 / 8.0}


def test_parents_stand_above_their_branch_and_links_do_not_cross(case):
    tree = case[1]
    height = rows(tree).height
    elbow = elbows(tree, height, 0.5)
    for parent, child in tree.edges:
        if parent not in height or child not in height:
            continue
        assert height[parent] < height[child]
        assert elbow[parent] <= tree.nodes[parent]["week"] - 0.5
        for between in height:  # the way down passes left of every mark, and of the links that start there
            if height[parent] < height[between] < height[child]:
                assert elbow[parent] < tree.nodes[between]["week"]
                assert elbow[parent] <= elbow.get(between, np.inf) - 0.5


def test_what_is_left_out_of_a_cascade_led_to_no_more_than_what_is_kept():
    tree = CASES["a huge market"][1]
    members = cascades(tree)[0]
    assert len(members) > MOST_ROWS
    kept = by_weight(tree, members)[:MOST_ROWS]
    assert set(kept) == set(rows(tree).height)
    assert all(set(tree.predecessors(name)) <= set(kept) for name in kept)


def test_failures_that_led_to_nothing_are_in_the_order_of_time():
    tree = CASES["nothing spread"][1]
    weeks = [tree.nodes[name]["week"] for name in rows(tree).height]
    assert weeks == sorted(weeks)


# Marks


def test_every_cause_has_a_shape_and_every_channel_its_words():
    assert set(SHAPES) == {cause.name.lower() for cause in Cause if cause not in NO_DEFAULT}
    assert len({*SHAPES.values(), "s"}) == len(SHAPES) + 1  # the square is the lenders'
    words = [channel_line(channel.name.lower())[0] for channel in Channel]
    assert len(set(words)) == len(words)
    assert channel_line("a_new_one")[0] == "through a new one"


def test_keys_name_what_occurs_and_nothing_else():
    def keys(case):
        legend = draw("network", source_of(*CASES[case])).axes[1].get_legend()
        return [text.get_text() for text in legend.get_texts()]

    assert keys("nobody failed") == ["did not fail", "lender, by share of loans hit"]
    assert keys("one lender") == ["lender failed (1)", "did not fail", "lender, by share of loans hit"]
    assert "through a new one" in keys("sixty")
    counted = [int(key.split("(")[1].strip(")").replace(",", "")) for key in keys("all") if "(" in key]
    assert sum(counted) == 122


# Runs


@pytest.mark.parametrize(("name", "seed"), [("dump_10k_h100", 2), ("thin_market", 1)])
def test_a_run_is_drawn(name, seed, tmp_path):
    scenario = Scenario.load(name)
    run = simulate(scenario, seed=seed)
    source = figure_source(scenario, simulate_many(scenario, seed=seed, replicates=1), run)
    assert nx.utils.graphs_equal(source.tree, run.contagion_tree())
    figure = draw("network", source)
    assert len(marks(panel(figure, "What led"))) == run.summary["defaults"] + run.summary["lender_failures"]
    for path in style.save(figure, tmp_path, "network"):
        assert path.stat().st_size > 10_000
