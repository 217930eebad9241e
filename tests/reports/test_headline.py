"""The first few numbers of a run, from invented scalars."""

from collections import defaultdict

from hashcredit.simulator.reports.headline import headline


def test_waivers_and_control_are_told_where_there_were_some():
    scalars = defaultdict(float, facility_defaults=3.0, hand_backs=2.0)
    quiet = headline(scalars)
    assert quiet["failed alone"] == "3 facilities, 2 of them handed back"
    assert "settled" not in quiet
    scalars |= {"waivers": 2.0, "control_taken": 1.0}
    told = headline(scalars)
    assert told.pop("settled") == "2 breaches waived, 1 vehicle taken in control"
    assert told == quiet
