"""The part of the page where settings are set: thin components over the settings of a session."""

from collections.abc import Callable
from html import escape
from typing import Any

import reacton.ipyvuetify as rv
import solara

from hashcredit.experiments.dashboard.session import FIRST, SECOND, Session
from hashcredit.experiments.dashboard.settings import (
    MARKET_RULE,
    MARKET_RULES,
    SWITCHES,
    Control,
    Settings,
    value_of,
)

Act = Callable[[Callable[[], object]], bool]
"""Does something with the session, or shows why it was refused, and draws anew; whether it was done."""


@solara.component
def SettingsPart(session: Session, act: Act, seen: int) -> None:
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
