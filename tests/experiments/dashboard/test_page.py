"""The page as it is used: a real browser opens it, sets, steps, compares, asks and saves."""

import json
import re
import subprocess
import sys
import time

import pytest
from chromium import Chromium

from hashcredit.experiments.dashboard import numbers
from hashcredit.experiments.dashboard.settings import REACHES
from hashcredit.simulator import Scenario, simulate

pytestmark = pytest.mark.dashboard

NAME = "dump_10k_h100"
WIDTHS = (1280, 1920)
MODULE = "hashcredit.experiments.commands.process"


FOCUSED = """(() => {
    const one = document.activeElement, id = one.id.startsWith("input-") ? "" : one.id;
    const near = one.closest(".v-input")?.innerText || "";
    return one.getAttribute("aria-label") || one.dataset.field || id || near;
})()"""
"""Name of what has the focus."""

IS_SLIDER = "document.activeElement.getAttribute('role') === 'slider'"


def serve(*words):
    """The command in a process of its own, and the address that it prints."""
    command = [sys.executable, "-m", MODULE, "dashboard", "--no-browser", "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    if not found:
        process.kill()
        raise AssertionError(line + process.communicate()[1])
    return process, found[0]


def end(process):
    """Stop it as Ctrl-C does; what it said on stderr."""
    process.send_signal(subprocess.signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    return said


@pytest.fixture(scope="module")
def address():
    process, url = serve(NAME)
    yield url
    assert "Traceback" not in end(process)


@pytest.fixture(scope="module")
def browser():
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
def tab(browser, address):
    """A tab on a page that is up; no test may leave it with a complaint, or with a request elsewhere."""
    tab = browser.open(address)
    tab.wait_for("#week")
    tab.wait_for("[data-slider]")
    yield tab
    tab.value("1")  # what is under way is noted
    assert tab.complaints == [] and tab.failed == []
    assert tab.hosts == {"127.0.0.1"}
    tab.close()


def week(tab):
    return int(tab.text("#week"))


def wait_for_week(tab, number):
    """Wait until every part of the page shows a week."""
    for part in (".hc-tiles", ".hc-charts"):
        tab.wait_for(f'{part}[data-week="{number}"]')
    tab.wait(lambda: week(tab) == number, f"week {number}")


def step(tab, weeks, to):
    tab.click(f"#step-{weeks}")
    wait_for_week(tab, to)


def shown(tab, name="A"):
    """The numbers of the page by key."""
    texts = {figure.key: tab.text(f"#{figure.key}-{name}") for figure in numbers.FIGURES}
    return {key: re.sub(r"^[AB] ", "", text) for key, text in texts.items()}


def expected(changes, weeks, seed=1, replicate=0, source=NAME):
    """The same numbers from `simulate`."""
    scenario = Scenario.load(source).with_changes({**changes, "horizon_weeks": weeks})
    run = simulate(scenario, seed, replicate)
    last = run.series.iloc[-1]
    return {
        each.key: numbers.written(each, float((last if each.of_the_week else run.summary)[each.key]))
        for each in numbers.FIGURES
    }


def written_after(weeks, key):
    """A number of the week after so many, of a run that is longer."""
    (figure,) = (each for each in numbers.FIGURES if each.key == key)
    return numbers.written(figure, float(simulate(NAME).series[key][weeks - 1]))


def focus_slider(tab, field):
    """Put the focus on the thumb of a slider."""
    words = next(reach.words for reach in REACHES if reach.field == field)
    found = tab.value(
        f"(() => {{ const all = [...document.querySelectorAll('[role=slider]')];"
        f"const one = all.find(each => each.getAttribute('aria-label') === {json.dumps(words)});"
        "if (one) one.focus(); return !!one; })()"
    )
    assert found, field


def switch(tab, words):
    """Click the switch of these words."""
    tab.value(
        "[...document.querySelectorAll('.v-input--switch')]"
        f".find(each => each.innerText.includes({json.dumps(words)})).querySelector('input').click()"
    )


def test_a_slider_and_twenty_weeks_are_those_of_simulate(tab):
    assert week(tab) == 0
    focus_slider(tab, "shocks.btc_volatility")
    tab.press("ArrowRight", 4)
    tab.wait(lambda: "'shocks.btc_volatility': 0.7}" in tab.text(".hc-python"), "four steps of the slider")
    step(tab, 20, to=20)
    assert shown(tab) == expected({"shocks.btc_volatility": 0.7}, 20) != expected({}, 20)


def test_a_typed_number_counts_as_the_slider_does(tab):
    tab.click('[data-field="Policy rate"]')
    tab.value("document.activeElement.select()")
    tab.type("0.06")
    tab.press("Enter")
    tab.wait_for("#changed")
    step(tab, 20, to=20)
    step(tab, 4, to=24)
    assert shown(tab) == expected({"credit.policy_rate": 0.06}, 24)


def test_what_is_refused_is_said_and_shown_no_more(tab):
    field = '[data-field="Loan to value of new machine loans"]'
    tab.click(field)
    tab.value("document.activeElement.select()")
    tab.type("7")
    tab.press("Enter")
    tab.wait_for("#error")
    assert "credit.origination_ltv: 7.0 is not allowed; expected" in tab.text("#error")
    tab.wait(lambda: tab.value(f"document.querySelector('{field}').value") == "0.6", "the old value")
    assert tab.text("#changed") is None


def test_other_draws_and_another_field(tab):
    for words, text, said in (("Seed", "3", "seed=3"), ("Replicate", "2", "replicate=2")):
        tab.click(f'[data-field="{words}"]')
        tab.value("document.activeElement.select()")
        tab.type(text)
        tab.press("Enter")
        tab.wait(lambda said=said: said in tab.text(".hc-python"), words)
    step(tab, 20, to=20)
    assert shown(tab) == expected({}, 20, seed=3, replicate=2)


def test_all_of_it_works_from_the_keyboard(tab):
    """Tab reaches every kind of control; keys alone set a slider, flip a switch and step."""
    reached = []
    for _ in range(120):
        tab.press("Tab")
        reached.append(tab.value(FOCUSED).strip())
        if reached[-1] == "Haircut on back-leverage" and tab.value(IS_SLIDER):
            tab.press("ArrowRight", 5)
        if reached[-1] == "Fire sale":
            tab.press(" ")
        if reached[-1] == "Step 20 weeks":
            break
    tab.wait(lambda: "0.25" in tab.text(".hc-python") and "fire_sale" in tab.text(".hc-python"), "changes")
    tab.press("Enter")
    wait_for_week(tab, 20)
    assert shown(tab) == expected({"repo.haircut": 0.25, "channels.fire_sale": False}, 20)
    assert tab.value(FOCUSED) == "Step 20 weeks"  # and can be pressed again
    for reach in REACHES:
        assert reach.words in reached
    for words in ("Compare two settings", "Seed", "Fire sale", "save", "play"):
        assert any(words in each for each in reached), (words, reached)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off(tab, width):
    tab.resize(width, 1000)
    step(tab, 20, to=20)
    assert tab.value("document.documentElement.scrollWidth <= window.innerWidth")
    cut = tab.value(
        "[...document.querySelectorAll('.tile b, .tile span, .hc-bar .v-btn, figcaption, .legend')]"
        ".filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)"
        ".map(each => each.innerText)"
    )
    assert cut == []
    outside = tab.value(
        "[...document.querySelectorAll('.chart svg:not(.swatch)')].filter(svg => { const box ="
        " svg.getBoundingClientRect(); return [...svg.querySelectorAll('text')].some(text => { const own ="
        " text.getBoundingClientRect(); return own.left < box.left - 1 || own.right > box.right + 1; }); })"
        ".map(svg => svg.getAttribute('aria-label'))"
    )
    assert outside == []


def test_tabs_share_nothing(tab, browser, address):
    other = browser.open(address)
    other.wait_for("#week")
    focus_slider(other, "repo.haircut")
    other.press("ArrowRight")
    other.wait_for("#changed")
    step(other, 4, to=4)
    step(tab, 1, to=1)
    assert (week(tab), week(other)) == (1, 4)
    assert "changes" not in tab.text(".hc-python")
    other.close()


def test_play_pause_and_reset(tab):
    tab.click("#play")
    tab.wait(lambda: week(tab) >= 3, "three weeks")
    tab.click("#play")
    tab.wait(lambda: "Play" in tab.text("#play"), "pause")
    time.sleep(1.5)
    stands = week(tab)
    time.sleep(1.5)
    assert week(tab) == stands
    assert shown(tab)["btc_price_usd"] == written_after(stands, "btc_price_usd")
    tab.click("#reset")
    tab.wait(lambda: week(tab) == 0, "week 0")


def test_the_network_changes_colours_and_no_places(tab):
    marks = "[...document.querySelectorAll('.network .agent > :first-child')]"

    def places():
        return tab.value(f"{marks}.map(e => ['cx', 'cy', 'x', 'y'].map(name => e.getAttribute(name)))")

    def colours():
        return tab.value(f"{marks}.map(each => each.getAttribute('fill'))")

    before, bright = places(), colours()
    assert len(before) > 100
    step(tab, 20, to=20)
    tab.wait(lambda: colours() != bright, "colours")
    assert places() == before


def test_two_settings_side_by_side(tab):
    switch(tab, "Compare two settings")
    tab.wait_for('[aria-label="Settings B"]')
    tab.click('[aria-label="Settings B"]')
    tab.wait(lambda: "Scenario of B" in tab.text(".hc-settings"), "settings B")
    switch(tab, "Fire sale")
    tab.wait(lambda: "fire_sale" in tab.text(".hc-python"), "fire sale off")
    step(tab, 20, to=20)
    assert shown(tab, "A") == expected({}, 20)
    assert shown(tab, "B") == expected({"channels.fire_sale": False}, 20)
    assert tab.value("document.querySelectorAll('.network').length") == 2
    lefts = tab.value("[...document.querySelectorAll('.network')].map(e => e.getBoundingClientRect().left)")
    assert lefts[0] < lefts[1]


def test_a_failure_is_explained(tab):
    step(tab, 20, to=20)
    tab.wait_for(".hc-explain .v-select")
    tab.click(".hc-explain .v-input__slot")
    tab.wait(lambda: tab.value("!!document.querySelector('.menuable__content__active .v-list-item')"), "list")
    tab.click(".menuable__content__active .v-list-item")
    tab.wait(lambda: tab.value("!document.querySelector('#explain').disabled"), "button")
    tab.click("#explain")
    tab.wait_for("#explanation")
    said = tab.text("#explanation")
    assert "bond_fund-3 failed in week 4" in said and "without channels" in said


def test_settings_are_saved_as_a_scenario(tab, tmp_path):
    focus_slider(tab, "repo.haircut")
    tab.press("ArrowRight", 5)
    tab.wait(lambda: "0.25" in tab.text(".hc-python"), "the change")
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab.click("#save")
    file = tmp_path / "my_scenario.toml"
    tab.wait(file.exists, "the file")
    scenario = Scenario.load(file)
    assert scenario.name == "my_scenario"
    assert scenario.digest() == Scenario.load(NAME).with_changes({"repo.haircut": 0.25}).digest()


def test_the_collateral_is_looked_at_on_demand(tab):
    step(tab, 4, to=4)  # looked at after week 0; the next look would be after week 4
    count = "[...document.querySelectorAll('.chart')].find(e => e.innerText.includes('Loan to value'))"
    before = tab.value(f"{count}.querySelectorAll('circle').length")
    tab.click("#look")
    tab.wait(lambda: tab.value(f"{count}.querySelectorAll('circle').length") == 2 * before, "a second look")


def test_the_first_page_and_a_step_come_in_time(browser):
    """Limits are far beyond what a busy machine takes: beyond them something was compiled, or waited for."""
    begun = time.monotonic()
    process, url = serve()
    tab = browser.open(url)
    tab.wait_for("#week")
    assert time.monotonic() - begun < 120.0
    tab.wait_for("#step-1")
    step(tab, 1, to=1)
    begun = time.monotonic()
    for number in range(2, 7):
        step(tab, 1, to=number)
    assert (time.monotonic() - begun) / 5.0 < 5.0
    tab.close()
    end(process)
