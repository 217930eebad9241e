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
from hashcredit.experiments.dashboard.page_settings import Act, SettingsPart
from hashcredit.experiments.dashboard.session import FIRST, Session, explain
from hashcredit.experiments.dashboard.settings import Settings
from hashcredit.simulator.display import counted
from hashcredit.simulator.errors import HashcreditError

LOOK = Path(__file__).with_name("page.css")

SPEEDS = {"1 week/s": 1.0, "2 weeks/s": 2.0, "4 weeks/s": 4.0, "at once": 1e3}
STEPS = (1, 4, 20)
"""Weeks of the buttons that step."""

opened_with: list[Settings] = []
"""What a tab begins with; the command that serves the page writes it."""


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
            SettingsPart(session, act, seen).key(f"settings {refusals}")
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
            words = counted(weeks, "week")
            solara.Button(
                words,
                icon_name="mdi-skip-next",
                on_click=_stepper(session, act, weeks),
                disabled=going or (session.is_over and not session.is_changed),
                outlined=True,
                attributes={"id": f"step-{weeks}", "aria-label": f"Step {words}"},
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
            said = "Settings have changed: the next step begins a new market with them, in its first week."
            solara.HTML(tag="span", unsafe_innerHTML=said, attributes={"id": "changed"})
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
