"""The event log: what an event does not say is "none", and the two sides of a loan are not mixed up."""

from typing import Any

import numba
from worlds import GPU, World

from hashcredit.agents.dimensions import Cause, Channel
from hashcredit.simulator.books.events import (
    NO_EVENT,
    NOBODY,
    note,
    note_borrower,
    note_holder,
    note_lender,
    note_obligor,
)
from hashcredit.simulator.state.codes import EventKind, Sector

FIELDS = ("agent_kind", "agent", "counterparty_kind", "counterparty", "machine", "units", "amount", "price")
REASONS = ("cause", "channel", "parent")


def world_with_a_loan() -> World:
    """The second of two neo-clouds owes the third of three banks, against GPUs."""
    w = World(neoclouds=2, banks=3)
    w.loan(1, 2, 1.0, machine=GPU, units=20)
    return w


def logged(w: World, kind: EventKind, names: tuple[str, ...]) -> list[float]:
    (event,) = w.events(kind)
    return [event[name] for name in names]


def test_event_without_anything() -> None:
    w = world_with_a_loan()
    assert note(w.economy, EventKind.POLICY_CHANGE) == 0
    assert logged(w, EventKind.POLICY_CHANGE, FIELDS) == [NOBODY] * 5 + [0, 0.0, 0.0]
    assert logged(w, EventKind.POLICY_CHANGE, REASONS) == [Cause.NONE, Channel.NONE, NO_EVENT]


def test_both_sides_of_a_loan() -> None:
    w = world_with_a_loan()
    row = w.loans[w.loans["units"] > 0][0]
    assert note_holder(w.economy, EventKind.SEIZURE, row, 0.4, 5, 0.08, Cause.MARGIN, Channel.RENT, 3) == 0
    assert note_obligor(w.economy, EventKind.HAND_BACK, row, 0.3, 4, channel=Channel.RENT) == 1
    bank, cloud = [Sector.LENDERS, 2], [Sector.NEOCLOUDS, 1]
    assert logged(w, EventKind.SEIZURE, FIELDS) == [*bank, *cloud, GPU, 5, 0.4, 0.08]
    assert logged(w, EventKind.SEIZURE, REASONS) == [Cause.MARGIN, Channel.RENT, 3]
    assert logged(w, EventKind.HAND_BACK, FIELDS) == [*cloud, *bank, GPU, 4, 0.3, 0.0]
    assert logged(w, EventKind.HAND_BACK, REASONS) == [Cause.NONE, Channel.RENT, NO_EVENT]


def test_events_of_one_agent() -> None:
    w = world_with_a_loan()
    note_lender(w.economy, EventKind.LENDER_CLOSED, 2, 0.7, Channel.REPO, 1)
    note_borrower(w.economy, EventKind.DEFAULT, 1, 0.9, 20, Cause.FORCED)
    nobody = [NOBODY] * 3
    assert logged(w, EventKind.LENDER_CLOSED, FIELDS) == [Sector.LENDERS, 2, *nobody, 0, 0.7, 0.0]
    assert logged(w, EventKind.LENDER_CLOSED, REASONS) == [Cause.NONE, Channel.REPO, 1]
    assert logged(w, EventKind.DEFAULT, FIELDS) == [Sector.NEOCLOUDS, 1, *nobody, 20, 0.9, 0.0]


def test_arguments_left_out_compile_nothing_anew() -> None:
    """One compiled version for all kernels, whatever they leave out: see `agents.compiled`."""

    @numba.njit
    def two_events(economy: Any) -> None:
        note(economy, EventKind.SALE, amount=1.0)
        note(economy, 3, Sector.MINERS, 0, parent=2)

    two_events(world_with_a_loan().economy)
    if hasattr(note, "kernel"):  # not where compilation is off
        assert len(note.kernel.part.signatures) == 1
