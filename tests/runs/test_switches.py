"""Channels switched off, for good."""

import pytest
from small_economy import CASCADE

from hashcredit.simulator import Scenario
from hashcredit.simulator.channels import CHANNELS
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.runs.switches import acting_channels, without_channels


def test_a_channel_is_off_and_nothing_else_is_changed():
    baseline = Scenario.load()
    off = without_channels(baseline, ["repo", "fire_sale"])
    assert off == baseline.with_changes({"channels.repo": False, "channels.fire_sale": False})
    assert acting_channels(baseline) == CHANNELS
    assert acting_channels(off) == ("lender_credit", "interlender", "macro_funding")
    assert without_channels(baseline, []) == baseline


def test_interventions_on_a_channel_go_with_it_and_others_stay():
    later = CASCADE.with_changes(
        {
            "channels.repo": False,
            "interventions": [
                {"week": 8, "field": "credit.policy_rate", "value": 0.08},
                {"week": 9, "field": "channels.repo", "value": True},
            ],
        }
    )
    assert "repo" in acting_channels(later)
    off = without_channels(later, ["repo"])
    assert not off.channels.repo and off.interventions == later.interventions[:1]
    assert without_channels(later, ["fire_sale"]).interventions == later.interventions


def test_an_unknown_channel_is_refused():
    with pytest.raises(ScenarioError, match="channels: 'firesale' is not allowed; expected names out of"):
        without_channels(Scenario.load(), ["firesale"])
