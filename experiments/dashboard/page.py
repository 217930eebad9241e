"""The page: thin components over a session, of which every browser tab has one."""

import threading
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import reacton.ipyvuetify as rv
import solara

from hashcredit.experiments.dashboard import network_picture, numbers, panels, tables
from hashcredit.experiments.dashboard.session import FIRST, SECOND, Session, explain
from hashcredit.experiments.dashboard.settings import (
    MARKET_RULE,
    MARKET_RULES,
    SWITCHES,
    Control,
    Settings,
    value_of,
)
from hashcredit.simulator.errors import HashcreditError

LOOK = Path(__file__).with_name("page.css")

SPEEDS = {"1 week/s": 1.0, "2 weeks/s": 2.0, "4 weeks/s": 4.0, "at once": 1e3}
STEPS = (1, 4, 20)
"""Weeks of the buttons that step."""

opened_with: list[Settings] = []
"""What a tab begins with; the command that serves the page writes it."""

Act = Callable[[Callable[[], object]], bool]
"""Does something with the session, or shows why it was refused, and draws anew; whether it was done."""


@solara.component
def Layout(children: list[Any]) -> Any:
    """Nothing around the page."""
    return solara.Div(children=children)


@solara.component
def Page() -> None:
    """Settings on the left, the market on the right."""
    session = solara.use_memo(lambda: Session(opened_with[0]), [])
    seen, set_seen = solara.use_state(0)
    error, set_error = solara.use_state("")
    refusals, set_refusals = solara.use_state(0)

    def act(what: Callable[[], object]) -> bool:
        said = ""
        try:
            what()
        except HashcreditError as refused:
            said = str(refused)
            set_refusals(lambda number: number + 1)
        set_error(said)
        set_seen(lambda number: number + 1)
        return not said

    solara.Title("hashcredit")
    solara.Style(LOOK)
    with rv.Html(tag="div", class_="hc-page"):
        with rv.Html(tag="aside", class_="hc-settings", attributes={"aria-label": "Settings"}):
            # after a refusal made anew, so that no field shows what was refused
            _Settings(session, act, seen).key(f"settings {refusals}")
        with rv.Html(tag="main", class_="hc-market"):
            _Bar(session, act, seen)
            with solara.Div():  # always there: what follows keeps its place, and with it the focus
                if error:
                    solara.HTML(
                        tag="div",
                        unsafe_innerHTML=escape(error),
                        classes=["hc-error"],
                        attributes={"role": "alert", "id": "error"},
                    )
            _Market(session, act, seen)


# Settings


@solara.component
def _Settings(session: Session, act: Act, seen: int) -> None:
    """Scenario, draws, sliders and switches of settings A or B."""
    chosen, choose = solara.use_state(FIRST)
    name = chosen if chosen in session.settings else FIRST
    settings = session.settings[name]

    solara.HTML(tag="h1", unsafe_innerHTML="hashcredit")
    with solara.Div(classes=["hc-row"]):
        solara.Switch(
            label="Compare two settings",
            classes=["hc-wide"],
            value=session.is_comparing,
            on_value=lambda on: act(lambda: session.compare(on)),
        )
        if session.is_comparing:
            with solara.ToggleButtonsSingle(value=name, on_value=choose, mandatory=True, dense=True):
                for each in (FIRST, SECOND):
                    solara.Button(each, value=each, attributes={"aria-label": f"Settings {each}"}, small=True)
    solara.Select(
        "Scenario" + (f" of {name}" if session.is_comparing else ""),
        values=session.choices,
        value=settings.source,
        on_value=lambda source: act(lambda: session.pick(name, source)),
        dense=True,
    )
    solara.HTML(tag="p", unsafe_innerHTML=escape(settings.base.title), classes=["hc-note"])
    with solara.Div(classes=["hc-row"]):
        _Number("Seed", str(settings.seed), lambda text: act(
            lambda: session.set_draws(_whole(text), settings.replicate)), 1.0)  # fmt: skip
        _Number("Replicate", str(settings.replicate), lambda text: act(
            lambda: session.set_draws(settings.seed, _whole(text))), 1.0)  # fmt: skip
    for control in settings.controls:
        _Slider(control, _setter(session, act, name, control.parameter.field)).key(
            f"{name} {control.parameter.field}"
        )
    solara.Select(
        "Market for used machines",
        values=list(MARKET_RULES),
        value=value_of(settings.scenario, MARKET_RULE),
        on_value=_setter(session, act, name, MARKET_RULE),
        dense=True,
    )
    solara.HTML(tag="h2", unsafe_innerHTML="Channels of contagion")
    for field, words in SWITCHES.items():
        solara.Switch(
            label=words,
            value=value_of(settings.scenario, field),
            on_value=_setter(session, act, name, field),
        )
    _Other(session, act, name)
    _Save(settings)


def _setter(session: Session, act: Act, name: str, field: str) -> Callable[[Any], object]:
    """What to call with a new value of a field."""
    return lambda value: act(lambda: session.set_field(name, field, value))


def _whole(text: str) -> Any:
    """A whole number, or the text as it is, which is then refused by name."""
    return int(text) if text.strip().isdecimal() else text


@solara.component
def _Number(words: str, text: str, on_text: Callable[[str], object], step: float, unit: str = "") -> None:
    """A number to type; it counts when the field is left or Enter is pressed."""
    field = rv.TextField(
        label=words,
        v_model=text,
        suffix=unit,
        type="number",
        dense=True,
        hide_details=True,
        class_="hc-narrow" if not unit else "",
        attributes={"step": "any" if step < 1.0 else f"{step:g}", "data-field": words},
    )
    rv.use_event(field, "change", lambda _widget, _event, given: on_text(str(given)))


@solara.component
def _Slider(control: Control, on_value: Callable[[Any], object]) -> None:
    """A field with its unit, bounds and meaning: a slider, and a number for whatever the model allows."""
    words, field = control.reach.words, control.parameter.field
    meaning = f"{control.parameter.meaning} ({field}: {control.bounds})"
    if control.is_path:
        meaning = f"follows a path in this scenario, which has no slider: {meaning}"
    with solara.Div(classes=["hc-control"]):
        if control.is_path:
            solara.HTML(tag="div", unsafe_innerHTML=escape(words))
        else:
            value = float(control.parameter.value)
            _Number(
                words, f"{value:g}", lambda text: on_value(_decimal(text)), control.reach.step, control.unit
            )
            _Track(control, value, on_value)
        solara.HTML(tag="p", unsafe_innerHTML=escape(meaning), classes=["hc-note"])


@solara.component
def _Track(control: Control, value: float, on_value: Callable[[Any], object]) -> None:
    """The slider itself; a new value counts when it is let go, or with each press of a key."""
    slider = rv.Slider(
        v_model=value,
        min=control.low,
        max=control.high,
        step=control.reach.step,
        dense=True,
        hide_details=True,
        attributes={"aria-label": control.reach.words, "data-slider": control.parameter.field},
    )
    rv.use_event(slider, "change", lambda _widget, _event, given: on_value(round(float(given), 6)))


def _decimal(text: str) -> Any:
    """A number, or the text as it is, which the scenario then refuses by the name of the field."""
    try:
        return float(text)
    except ValueError:
        return text


@solara.component
def _Other(session: Session, act: Act, name: str) -> None:
    """Any other field, as on the command line."""
    text, set_text = solara.use_state("")

    def assign() -> None:
        session.assign(name, text)
        set_text("")

    with solara.Div(classes=["hc-row"]):
        rv.TextField(label="Other: KEY=VALUE", v_model=text, on_v_model=set_text, dense=True,
                     hide_details=True)  # fmt: skip
        solara.Button("Set", on_click=lambda: act(assign), disabled=not text.strip(), small=True)


@solara.component
def _Save(settings: Settings) -> None:
    """The settings as a scenario file, and as a line of Python."""
    name, set_name = solara.use_state("my_scenario")
    given = name.strip() or "my_scenario"
    solara.HTML(tag="h2", unsafe_innerHTML="Take it along")
    rv.TextField(
        label="Name of the scenario",
        v_model=name,
        on_v_model=set_name,
        dense=True,
        hide_details=True,
        attributes={"data-field": "name"},
    )
    refused = settings.refused_name(given)
    if refused:
        solara.HTML(tag="p", unsafe_innerHTML=escape(refused), classes=["hc-error"])
    else:
        with solara.FileDownload(lambda: settings.toml(given), f"{given}.toml", mime_type="application/toml"):
            solara.Button("Save as a scenario file", outlined=True, small=True, attributes={"id": "save"})
    solara.HTML(tag="pre", unsafe_innerHTML=escape(settings.python), classes=["hc-python"])


# The market


@solara.component
def _Bar(session: Session, act: Act, seen: int) -> None:
    """Play, step and reset; where the market stands."""
    playing, set_playing = solara.use_state(False)
    speed, set_speed = solara.use_state(next(iter(SPEEDS)))
    going = playing and (session.is_changed or not session.is_over)

    def play(cancel: threading.Event) -> None:
        while going and not cancel.is_set():
            begun = time.monotonic()
            if not act(session.step) or session.is_over:
                set_playing(False)
                return
            cancel.wait(max(0.0, begun + 1.0 / SPEEDS[speed] - time.monotonic()))

    thread = solara.use_thread(play, dependencies=[playing, speed], intrusive_cancel=False)
    if thread.error is not None:
        raise thread.error

    with solara.Div(classes=["hc-bar"]):
        solara.Button(
            "Pause" if going else "Play",
            icon_name="mdi-pause" if going else "mdi-play",
            on_click=lambda: set_playing(not going),
            color="primary",
            attributes={"id": "play"},
        )
        for weeks in STEPS:
            solara.Button(
                f"{weeks} week" + ("s" if weeks > 1 else ""),
                icon_name="mdi-skip-next",
                on_click=_stepper(session, act, weeks),
                disabled=going or (session.is_over and not session.is_changed),
                outlined=True,
                attributes={"id": f"step-{weeks}", "aria-label": f"Step {weeks} weeks"},
            )
        solara.Button(
            "Reset",
            icon_name="mdi-restart",
            on_click=lambda: act(session.reset),
            disabled=going,
            outlined=True,
            attributes={"id": "reset"},
        )
        with solara.Div(classes=["hc-speed"]):
            solara.Select("Speed", values=list(SPEEDS), value=speed, on_value=set_speed, dense=True)
        market = session.markets[FIRST]
        day = market.run.dates[min(market.week, len(market.run.dates) - 1)]
        of = market.settings.scenario.horizon_weeks
        where = f'week <b id="week">{session.week}</b> of {of} <span>{day:%d %B %Y}</span>'
        solara.HTML(
            tag="div", unsafe_innerHTML=where, classes=["hc-where"], attributes={"aria-live": "polite"}
        )
    with solara.Div(classes=["hc-changed" if session.is_changed else "hc-same"]):
        if session.is_changed:
            words = "Settings have changed: the next step begins a new market with them, in its first week."
            solara.HTML(tag="span", unsafe_innerHTML=words, attributes={"id": "changed"})
            solara.Button("Undo", on_click=lambda: act(session.undo), small=True, text=True)


def _stepper(session: Session, act: Act, weeks: int) -> Callable[[], object]:
    return lambda: act(lambda: session.step(weeks))


@solara.component
def _Market(session: Session, act: Act, seen: int) -> None:
    """Numbers, charts, network, flows and log, of one market or of two side by side."""
    everything, set_everything = solara.use_state(False)
    markets = session.markets
    several = len(markets) > 1
    # Drawn anew when a market has moved on, and not when a slider has.
    views = [(id(market), market.week, len(market.looks)) for market in markets.values()]
    drawn = solara.use_memo(lambda: _drawn(session), [views])

    solara.HTML(tag="div", unsafe_innerHTML=_block("hc-tiles", session, numbers.table(markets)))
    if several:
        heads = "".join(
            f"<div><b>{name}</b> {escape(market.settings.words)}</div>" for name, market in markets.items()
        )
        solara.HTML(tag="div", unsafe_innerHTML=heads, classes=["hc-heads"])
    columns = "hc-two" if several else "hc-one"
    solara.HTML(tag="div", unsafe_innerHTML=_block(f"hc-charts {columns}", session, "".join(drawn)))
    with solara.Div(classes=["hc-row", "hc-questions"]):
        solara.Button(
            "Look at the collateral now",
            on_click=lambda: act(session.look),
            outlined=True,
            small=True,
            disabled=session.week == 0,
            attributes={"id": "look"},
        )
    _Explain(session, seen)
    with solara.Div(classes=["hc-log"]):
        with solara.Div(classes=["hc-row"]):
            solara.HTML(tag="h3", unsafe_innerHTML="Event log")
            solara.Switch(label="lending and trading too", value=everything, on_value=set_everything)
        for name, market in markets.items():
            head = f"<h4>{name}</h4>" if several else ""
            solara.HTML(
                tag="div",
                unsafe_innerHTML=head + tables.log(market, everything),
                classes=["hc-scroll"],
                attributes={"tabindex": "0", "id": f"log-{name}"},
            )


def _block(classes: str, session: Session, content: str) -> str:
    """A block that says which week it shows: those of a page come one after the other."""
    return f'<div class="{classes}" data-week="{session.week}">{content}</div>'


def _drawn(session: Session) -> list[str]:
    """Every chart, those of several markets next to each other."""
    markets = list(session.markets.values())
    charts = [chart for key in panels.PANELS for chart in panels.draw_panel(key, markets)]
    networks = [network_picture.draw(market) for market in markets]
    flows = [tables.flows(market) for market in markets]
    return [*charts, *networks, *flows, *panels.draw_prices(markets)]


@solara.component
def _Explain(session: Session, seen: int) -> None:
    """Choose a failure and ask without what it would not have been."""
    chosen, choose = solara.use_state("")
    asked, ask = solara.use_state((0, "", session.settings[FIRST]))
    failures = session.failures()

    def answer() -> str:
        number, failure, settings = asked
        return explain(settings, failure) if number else ""

    def put() -> None:
        settings, failure = failures[chosen]
        ask((asked[0] + 1, failure.name, settings))

    found = solara.lab.use_task(answer, dependencies=[asked[0]], raise_error=False)
    with solara.Div(classes=["hc-explain"]):
        solara.HTML(tag="h3", unsafe_innerHTML="Why did it fail?")
        with solara.Div(classes=["hc-row"]):
            if failures:
                solara.Select(
                    "A failure",
                    values=list(failures),
                    value=chosen if chosen in failures else None,
                    on_value=choose,
                    dense=True,
                )
            else:
                solara.HTML(tag="p", unsafe_innerHTML="Nobody has failed so far.", classes=["hc-note"])
            solara.Button(
                "Explain",
                on_click=put,
                outlined=True,
                disabled=found.pending or chosen not in failures,
                attributes={"id": "explain"},
            )
        if found.error:
            solara.HTML(tag="div", unsafe_innerHTML=escape(str(found.exception)), classes=["hc-error"])
        elif found.pending and asked[0]:
            solara.HTML(tag="p", unsafe_innerHTML="The run is replayed without each thing ...")
        elif found.finished and found.value:
            solara.HTML(tag="pre", unsafe_innerHTML=escape(found.value), attributes={"id": "explanation"})
