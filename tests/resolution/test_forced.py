"""Failures that a scenario imposes on borrowers: who fails, who loses a part, how many units are seized."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import GPU, NEW_GPU, World

from hashcredit.agents.dimensions import (
    FACILITIES,
    BorrowerStatus,
    Cause,
    Channel,
    Instrument,
    LoanStatus,
)
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.resolution.default import resolve_defaults
from hashcredit.simulator.resolution.forced import split_facility
from hashcredit.simulator.state.codes import EventKind

ALIVE, FAILED = BorrowerStatus.ALIVE, BorrowerStatus.IN_RESOLUTION
WEEK, STAY = 3, 4


def holders(forced: int, pledged: tuple[int, ...] = (30, 50, 20), **numbers) -> World:
    """Neo-clouds that have pledged so many GPUs, own ten more each, and newer ones behind another loan."""
    w = World(
        neoclouds=len(pledged),
        banks=1,
        forced_week=WEEK,
        forced_machine=GPU,
        forced_units=forced,
        **numbers,
    )
    for b, units in enumerate(pledged):
        w.borrower(b, units={GPU: units + 10, NEW_GPU: 7})
        w.loan(b, 0, 0.01 * units, machine=GPU, units=units)
        w.loan(b, 0, 0.1, machine=NEW_GPU, units=7)
    w.lender(0, cash=9.0)
    w.open()
    return w


def force(w: World, weeks: int = 1) -> None:
    """The week of the failures, and so many weeks of resolutions in all."""
    w.clock["week"] = WEEK
    for _ in range(weeks):
        resolve_defaults(w.economy, w.p, 1, 0)
        w.assert_books_close()
        w.clock["week"] += 1


@pytest.mark.parametrize(
    ("forced", "failed", "part_of"),
    [
        (1, [0, 0, 0], 1),  # nobody is so small: one machine of the largest
        (20, [0, 0, 1], None),
        (30, [1, 0, 0], None),
        (49, [1, 0, 0], 1),  # 30, and 19 of the largest: the one with 20 does not fit
        (50, [0, 1, 0], None),
        (51, [0, 1, 0], 0),
        (80, [1, 1, 0], None),
        (99, [1, 1, 0], 2),
        (100, [1, 1, 1], None),
        (10**6, [1, 1, 1], None),  # more than there are: everybody
    ],
)
def test_as_many_units_are_seized_as_asked_for(forced: int, failed: list, part_of: int | None) -> None:
    w = holders(forced)
    resolve_defaults(w.economy, w.p, 1, 0)
    assert w.outcomes["defaults"] == 0  # another week
    force(w, STAY + 1)
    assert (w.borrowers["status"] != ALIVE).astype(int).tolist() == failed
    assert w.outcomes["defaults_by_cause"][Cause.FORCED] == sum(failed)
    events = w.events(EventKind.DEFAULT) + w.events(EventKind.FACILITY_DEFAULT)
    assert all(event["channel"] == Channel.EXOGENOUS and event["parent"] == -1 for event in events)
    assert {event["cause"] for event in events} == {Cause.FORCED}
    parts = [event["agent"] for event in w.events(EventKind.FACILITY_DEFAULT)]
    assert parts == ([] if part_of is None else [part_of])
    assert w.outcomes["facility_defaults"] == len(parts)
    seized = [event["units"] for event in w.events(EventKind.SEIZURE) if event["machine"] == GPU]
    assert sum(seized) == min(forced, 100)
    # what has not been pledged is the estates' to sell, and not among them
    assert w.borrowers["offered"][:, GPU].tolist() == [10 * each for each in failed]


def test_the_part_takes_its_share_of_the_debt() -> None:
    # 51: the holder of 50 fails, and 1 of 30 is taken from a loan of 0.3, of which 0.06 is overdue.
    w = holders(51)
    w.loans["overdue"][0] = 0.06
    w.loans["balloon"][0] = 0.15
    w.contract(0, GPU, 29, loan=0)
    force(w)
    old, part = w.loans[0], w.loans[2]
    assert (old["units"], part["units"], part["seized"]) == (29, 0, 1)
    assert old["principal"] == pytest.approx(0.29, rel=1e-12)
    # its share, and the removal and the first week's storage of the machine
    assert part["claim"] == pytest.approx(0.01, rel=1e-12)
    assert old["overdue"] == pytest.approx(0.058, rel=1e-12)
    assert old["balloon"] == pytest.approx(0.145, rel=1e-12)
    assert (part["status"], old["status"]) == (LoanStatus.DEFAULTED, LoanStatus.PERFORMING)
    assert w.contracts["units"][0] == 29  # the one that is not let goes first
    assert (w.borrowers["claims"][0], w.borrowers["facilities"][0]) == (1, 3)


def test_a_contract_shrinks_with_the_machines() -> None:
    # Thirty in two contracts, five free ones in another: of twelve that go the second one loses all ten.
    w = holders(51)
    w.contract(0, GPU, 20, loan=0)
    w.contract(0, GPU, 10, loan=0)
    w.contract(0, GPU, 5)
    split_facility(w.economy, 0, 12)
    assert w.contracts["units"][:3].tolist() == [18, 0, 5]
    w.assert_books_close()


def test_whole_facilities_of_the_last_holder_come_first() -> None:
    # 25 of one that has pledged 20 and 30 in two loans: the first, and five of the second.
    w = World(neoclouds=1, banks=1, forced_week=WEEK, forced_machine=GPU, forced_units=25)
    w.borrower(0, units={GPU: 50})
    for units in (20, 30):
        w.loan(0, 0, 0.01 * units, machine=GPU, units=units)
    w.lender(0, cash=9.0)
    w.open()
    force(w)
    assert w.borrowers["status"][0] == ALIVE
    assert [event["units"] for event in w.events(EventKind.SEIZURE)] == [20, 5]
    assert w.loans["units"][:3].tolist() == [0, 25, 0]


def test_what_secures_no_debt_is_not_asked_for() -> None:
    # Fifty free machines, and ten in a claim: none of them can be seized.
    w = World(neoclouds=1, banks=1, forced_week=WEEK, forced_machine=GPU, forced_units=60)
    w.borrower(0, units={GPU: 50})
    w.loan(0, 0, 0.2, machine=GPU, seized=10, status=LoanStatus.DEFAULTED)
    w.lender(0, cash=9.0)
    w.open()
    force(w)
    assert w.borrowers["status"][0] == ALIVE
    assert w.outcomes["units_dumped"] == 0


def test_who_has_no_row_to_spare_keeps_its_machines() -> None:
    w = holders(1, pledged=(30,))
    for _ in range(FACILITIES - 2):
        w.loan(0, 0, 0.1, instrument=Instrument.HIGH_YIELD)
    w.open()
    force(w)
    assert (w.outcomes["units_dumped"], w.borrowers["status"][0]) == (0, ALIVE)


def test_who_fails_anyway_may_be_one_of_them_but_not_in_part() -> None:
    w = holders(49)
    w.borrowers["pending_cause"][:2] = Cause.ILLIQUIDITY
    force(w)
    # 30 fit, and their failure counts as forced; of the 19 none may come from the 50, and 20 may give them
    assert w.borrowers["cause"][:2].tolist() == [Cause.FORCED, Cause.ILLIQUIDITY]
    assert [event["agent"] for event in w.events(EventKind.FACILITY_DEFAULT)] == [2]


@settings(deadline=None, max_examples=60)
@given(
    pledged=st.lists(st.integers(0, 40), min_size=1, max_size=6).map(tuple),
    forced=st.integers(1, 250),
)
def test_units_are_exact_whatever_the_holders(pledged: tuple[int, ...], forced: int) -> None:
    w = holders(forced, pledged, resolution_stay_low=1, resolution_stay_high=1)
    force(w, 2)
    seized = sum(event["units"] for event in w.events(EventKind.SEIZURE) if event["machine"] == GPU)
    assert seized == min(forced, sum(pledged))


@pytest.mark.parametrize("units", [1000, 5000, 10_000])
def test_units_are_exact_in_the_baseline(units: int) -> None:
    """After the stays; no site of theirs is taken over in place."""
    forced = {"week": 8, "machine": "H100", "units": units}
    scenario = Scenario.load().with_changes({"shocks.forced_default": forced, "horizon_weeks": 40})
    for seed in (1, 2):
        events = simulate(scenario, seed=seed).events
        seized = events[(events["kind"] == "seizure") & (events["cause"] == "forced")]
        parts = events[(events["kind"] == "facility_default") & (events["cause"] == "forced")]
        assert len(parts) <= 1 or parts["agent"].nunique() == 1
        of_failed = seized[~seized["parent"].isin(parts.index)]
        total = of_failed.loc[of_failed["machine"] == "H100", "units"].sum() + parts["units"].sum()
        assert total == units


def test_extra_defaults_are_those_of_the_others() -> None:
    scenario = Scenario.load().with_changes(
        {"shocks.forced_default": {"week": 8, "machine": "H100", "units": 20_000}}
    )
    summary = simulate(scenario, seed=1).summary
    assert summary["defaults_forced"] > 0
    assert summary["extra_defaults"] == summary["defaults"] - summary["defaults_forced"] > 0
