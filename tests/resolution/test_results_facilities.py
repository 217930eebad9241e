"""What a run gives back of facilities that failed alone, of refinancing and of shares: from the log again."""

import pandas as pd
import pytest
from cases import ALONE, CASES, events, run_of, sum_is


@pytest.fixture(scope="module", params=CASES)
def run(request):
    return run_of(request.param)


def test_every_facility_that_failed_alone_is_an_event(run):
    alone = run.events[run.events["kind"].isin(ALONE)]
    assert run.summary["facility_defaults"] == len(alone)
    assert run.summary["hand_backs"] == (alone["kind"] == "hand_back").sum()
    assert ((alone["kind"] == "hand_back") == (alone["cause"] == "hand_back")).all()
    # of the last holder that a forced default reaches only as much fails as it takes
    forced = {"forced"} if run.setup.scenario.shocks.forced_default else set()
    assert set(alone["cause"]) <= {"hand_back", "acceleration", "illiquidity"} | forced
    borrowers, loans = run.tables["borrowers"], run.tables["loans"]
    # its borrower lives, and fails later or not at all
    fails = borrowers["default_week"].reindex(alone["agent"]).to_numpy()
    assert ((fails >= alone["week"].to_numpy()) | (fails == -1)).all()
    # its claim names it
    claims = loans[loans["default_event"].isin(alone.index)]
    for column, key in (("obligor", "agent"), ("default_week", "week"), ("machine", "machine")):
        assert claims[column].tolist() == alone[key].reindex(claims["default_event"]).tolist()
    of_vehicles = claims["default_event"].isin(alone.index[alone["kind"] == "hand_back"])
    assert (claims.loc[of_vehicles, "recourse"] == 0).all()
    # borrowers that live count their open claims
    still_open = claims.loc[claims["status"] == "defaulted", "obligor"]
    counts = still_open.value_counts().reindex(borrowers.index, fill_value=0)
    assert (borrowers["claims"] == counts.where(borrowers["status"] == "alive", 0)).all()


def test_refusals_sweeps_and_shares_are_counted(run):
    assert run.summary["refinancings_refused"] == len(events(run, "refinancing_refused"))
    issues, conversions = events(run, "equity_issue"), events(run, "conversion")
    sum_is(run.summary["equity_raised_musd"], issues["amount_musd"].sum())
    borrowers = run.tables["borrowers"]
    sold = pd.concat([issues, conversions]).groupby("agent")["amount_musd"].sum()
    for agent, issuance in borrowers["issuance"].items():
        sum_is(issuance, sold.get(agent, 0.0))
    assert (borrowers["listed"].reindex(issues["agent"]) == 1).all()
    spacing = run.setup.scenario.equity.spacing_weeks
    assert (issues.groupby("agent")["week"].diff().dropna() >= spacing).all()
    # a sweep begins with a refusal, once a bond
    sweeps = events(run, "cash_sweep")
    assert (run.events["kind"].reindex(sweeps["parent"]) == "refinancing_refused").all()
    assert (run.events["week"].reindex(sweeps["parent"]).to_numpy() == sweeps["week"].to_numpy()).all()


def test_machines_of_a_facility_are_sold_after_their_removal(run):
    sales = events(run, "sale").query("agent_kind == 'lenders'")
    alone = run.events["kind"].reindex(sales["parent"]).isin(ALONE).to_numpy()
    waited = sales["week"].to_numpy() - run.events["week"].reindex(sales["parent"]).to_numpy()
    assert (waited[alone] >= run.setup.scenario.resolution.removal_weeks).all()
