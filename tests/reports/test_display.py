"""What a prompt and a notebook show: a few lines, what the object is, its size, seed and first numbers."""

from html.parser import HTMLParser

import pytest
from small_economy import SMALL

from hashcredit.experiments import Study
from hashcredit.simulator import (
    MarketModel,
    Scenario,
    paired_contagion,
    simulate,
    simulate_funding,
    simulate_many,
)
from hashcredit.simulator.display import MOST_LETTERS, seeds_in_words, some_of

STUDY = {
    "name": "rules",
    "scenario": SMALL,
    "seed": 7,
    "replicates": 20,
    "design": {"kind": "grid"},
    "factors": {"secondary_market.rule": ["auction", "deep"]},
}


@pytest.fixture(scope="module")
def shown():
    model = MarketModel(SMALL, rng=5)
    model.step()
    run, many = simulate(SMALL, seed=5), simulate_many([SMALL] * 9, seed=5, replicates=3)
    return {
        "scenario": (SMALL, ["dump_10k_h100", "12 weeks from 2026-04-06", "6 miners, 5 neoclouds"]),
        "run": (
            run,
            [
                "seed 5, replicate 0",
                "11 borrowers",
                f"{run.summary['creditor_loss_musd']:,.1f} M$",
                f"({run.summary['defaults_forced']} of them forced)",
                "handed back",
            ],
        ),
        "many": (
            many,
            ["27 runs", "seed 5", f"mean of {many.summary['defaults'].mean():.2f} defaults", "M$"],
        ),
        "study": (Study.from_dict(STUDY), ["rules, seed 7", "2 points x 20 replicates = 40 runs", "grid"]),
        "model": (model, ["seed 5", "1 of 12 weeks", "so far"]),
        "pair": (
            paired_contagion(SMALL, replicates=2),
            ["seed 1, 2 pairs of runs", "interval", "M$", "this network only"],
        ),
        "seeds": (
            simulate_many([SMALL] * 2, seeds=range(3, 6), replicates=2),
            ["12 runs: 2 replicates of each of 2 scenarios, seeds 3 to 5", "mean of"],
        ),
        "funding": (simulate_funding(SMALL, weeks=2), ["2 weeks", "bn$", "peak"]),
        "setup": (run.setup, ["seed 5"]),
        "largest": (Scenario.load("hawkish_misdiagnosis"), ["hawkish_misdiagnosis", "week "]),
    }


NAMES = ["scenario", "run", "many", "study", "model", "pair", "seeds", "funding", "setup", "largest"]


@pytest.mark.parametrize("name", NAMES)
def test_ten_lines_say_what_it_is(shown, name):
    it, words = shown[name]
    lines = repr(it).splitlines()
    assert len(lines) < 10 and max(map(len, lines)) <= MOST_LETTERS
    assert str(it) == repr(it)
    assert [word for word in words if word not in repr(it)] == []


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_get_the_same_as_a_table(shown, name):
    it, _ = shown[name]
    texts, tags = [], []
    parser = HTMLParser()
    parser.handle_data, parser.handle_starttag = texts.append, lambda tag, _: tags.append(tag)
    parser.feed(it._repr_html_())
    title, facts = it._facts()
    assert texts == [title, *(text for fact in facts.items() for text in fact)]
    assert tags.count("tr") == len(facts) < 10


def test_a_text_of_a_user_is_no_markup():
    assert "&lt;b&gt;" in SMALL.with_changes({"title": "<b>"})._repr_html_()


def test_seeds_are_told_in_a_few_words():
    assert seeds_in_words([7]) == "seed 7"
    assert seeds_in_words(range(1, 21)) == "seeds 1 to 20"
    assert seeds_in_words([5, 9, 2]) == "3 seeds from 5"


def test_of_many_names_the_first_are_told():
    assert some_of(["a", "b"], 2) == "a, b"
    assert some_of(["a", "b", "c"], 2) == "a, b and 1 more"
