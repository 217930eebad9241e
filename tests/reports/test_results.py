"""What a run gives back: every number of the summary again, from tables, events, series and flows."""

import math

import numpy as np
import pandas as pd
import pytest
from cases import ALONE, BASELINE, CASES, ROUNDING, closed_claims, events, run_of, sum_is

from hashcredit.simulator import simulate, simulate_many
from hashcredit.simulator.provenance import rebuild
from hashcredit.simulator.state.codes import Flow, Sector

SUMMARY = ["defaults", "defaults_miners", "defaults_neoclouds", "lender_failures", "debt_defaulted"]
SUMMARY += ["recovery_rate", "loss_given_default", "realised_to_paper", "units_dumped", "units_unsold"]
SUMMARY += ["peak_haircut", "money_residual", "balance_residual", "units_residual"]
"""Promised to whoever checks from outside."""

EVENTS = ["week", "kind", "agent_kind", "agent", "agent_name"]
EVENTS += ["counterparty_kind", "counterparty", "counterparty_name", "machine", "units"]
EVENTS += ["amount_musd", "price", "cause", "channel", "parent"]
CAUSES = ("forced", "insolvency", "illiquidity", "margin", "acceleration", "maturity", "cross_default")
SLUGS = {machine.name: machine.name.lower().replace(" ", "_") for machine in BASELINE.machine}
HOLDERS = ("borrowers", "lenders", "buyers")


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def run(case):
    return run_of(case)


def test_the_cases_are_worth_their_time():
    runs = {case: run_of(case) for case in CASES}
    summaries = {case: run.summary for case, run in runs.items()}
    assert summaries["no defaults"]["defaults"] == 0
    assert summaries["stress"]["lender_failures"] > 0
    assert summaries["stress"]["defaults_cross_default"] > 5
    assert any(one["sites_taken_over"] == 0 < one["units_dumped"] for one in summaries.values())
    assert summaries["facilities"]["defaults_acceleration"] > 5  # of a deficiency that could not be paid
    assert summaries["facilities"]["hand_backs"] == 0 < summaries["facilities"]["facility_defaults"]
    assert summaries["stress"]["facility_defaults"] > summaries["stress"]["hand_backs"] + 10 > 20
    for case in ("auction", "deep", "impact", "stress", "facilities"):
        assert summaries[case]["units_dumped"] > 30_000
    for case in ("auction", "deep", "stress", "facilities"):
        assert summaries[case]["recovery_rate"] > 0.0
    for kind in ("conversion", "equity_issue", "cash_sweep", "refinancing_refused"):
        assert len(events(runs["baseline"], kind)) > 0, kind
    assert any(one.loss > 0.0 for case in runs for one in closed_claims(case))
    assert any(run.tables["machines"]["units_scrapped"].sum() > 0 for run in runs.values())
    for cause in CAUSES:
        if cause != "margin":  # a rare one: test_margin has it
            assert any(summary[f"defaults_{cause}"] for summary in summaries.values()), cause


# The shape of things


def test_the_summary_has_what_is_promised(run):
    assert set(SUMMARY) <= set(run.summary)
    assert all(type(value) in (int, float) for value in run.summary.values())
    many = simulate_many(run.setup.scenario, seed=2, replicates=1)
    assert list(run.summary) == list(many.summary.columns[3:])


def test_series_and_tables_have_their_shape(run):
    scenario, people = run.setup.scenario, run.setup.scenario.population
    assert run.series.index.tolist() == list(range(scenario.horizon_weeks))
    assert run.series.index.name == "week"
    assert len(run.dates) == len(run.series)
    assert (run.dates[0], run.dates[-1] - run.dates[-2]) == (scenario.start_date, run.dates[1] - run.dates[0])
    assert np.isfinite(run.series.to_numpy()).all()
    assert list(run.events.columns) == EVENTS
    assert run.opening.keys() == run.tables.keys() == {*HOLDERS, "loans", "contracts", "orders", "machines"}
    lengths = {
        "borrowers": people.miners + people.neoclouds,
        "lenders": people.banks + people.private_credit + people.bond_funds,
        "buyers": people.operators + people.brokers + people.refurbishers + people.scrap_dealers,
        "machines": len(scenario.machine),
    }
    for name, table in run.tables.items():
        assert list(run.opening[name].columns) == list(table.columns), name
        assert len(table) == lengths.get(name, len(table))
        numbers = table.select_dtypes("number")
        assert np.isfinite(numbers.to_numpy()).all(), name
    for name in HOLDERS:
        assert {"cash", *(f"units_{slug}" for slug in SLUGS.values())} <= set(run.tables[name].columns)
    assert {"name", "units_delivered", "units_scrapped"} <= set(run.tables["machines"].columns)
    assert run.tables["machines"]["name"].tolist() == list(SLUGS)


def test_frames_are_built_once_and_do_not_share_the_state(run):
    assert run.series is run.series and run.events is run.events
    again = simulate(run.setup.scenario, run.setup.seed, run.replicate)
    before = again.economy.borrowers["cash"].copy()
    for frame in (again.tables["borrowers"], again.opening["borrowers"], again.series, again.events):
        number = frame.select_dtypes("number").columns
        frame[number] = 0
    assert np.array_equal(again.economy.borrowers["cash"], before)
    assert again.economy.series.any()


# Defaults


def test_every_default_is_an_event_a_cause_and_a_table_row(run):
    defaults, borrowers = events(run, "default"), run.tables["borrowers"]
    failed = borrowers[borrowers["cause"] != "none"]
    assert run.summary["defaults"] == len(defaults) == len(failed)
    assert sorted(defaults["agent"]) == failed.index.tolist()
    by_agent = defaults.set_index("agent").loc[failed.index]
    assert by_agent["cause"].tolist() == failed["cause"].tolist()
    assert by_agent["week"].tolist() == failed["default_week"].tolist()
    assert by_agent["agent_kind"].tolist() == (failed["kind"] + "s").tolist()
    assert (failed["status"] != "alive").all()
    assert (borrowers.drop(failed.index)["status"] == "alive").all()
    for kind in ("miner", "neocloud"):
        assert run.summary[f"defaults_{kind}s"] == (failed["kind"] == kind).sum()
    for cause in CAUSES:
        assert run.summary[f"defaults_{cause}"] == (failed["cause"] == cause).sum()
    alone = run.events[run.events["kind"].isin(ALONE)]
    debts = [defaults["amount_musd"].sum(), alone["amount_musd"].sum()]
    sum_is(run.summary["debt_defaulted"], sum(debts))
    # a claim is the face of its loan at a default, and a failed borrower's older claims were counted before
    loans = run.tables["loans"]
    for default, claims in loans[loans["default_event"] >= 0].groupby("default_event"):
        sum_is(claims["claim"].sum(), run.events["amount_musd"][default])


def test_the_forced_defaults_hold_the_units_asked_for(run):
    forced = run.setup.scenario.shocks.forced_default
    hit = events(run, "default").query("cause == 'forced'")
    assert run.summary["defaults_forced"] == len(hit)
    if forced is None:
        assert len(hit) == 0
    else:
        assert set(hit["week"]) == {forced.week} and set(hit["channel"]) == {"exogenous"}
        assert hit["units"].sum() >= forced.units


def test_failed_lenders_are_counted(run):
    lenders = run.tables["lenders"]
    failed = lenders[lenders["status"] != "alive"]
    assert run.summary["lender_failures"] == len(failed) == len(events(run, "lender_failure"))
    assert sorted(events(run, "lender_failure")["agent"]) == failed.index.tolist()
    assert run.series["alive_lenders"].iloc[-1] == len(lenders) - len(failed)


# Seizures and sales


def test_seized_units_are_the_dumped_ones(run):
    seizures = events(run, "seizure")
    assert run.summary["units_dumped"] == seizures["units"].sum()
    if run.summary["sites_taken_over"] == 0:  # what is taken over in place is in the paper value as well
        sum_is(run.summary["paper_value_musd"], seizures["amount_musd"].sum())
    sum_is(seizures["amount_musd"].sum(), (seizures["units"] * seizures["price"]).sum() * 1e-6)
    causes = run.events["kind"].reindex(seizures["parent"]).to_numpy()
    assert np.isin(causes, ("default", *ALONE)).all(), "machines are seized because somebody failed"
    stay = seizures["week"].to_numpy() - run.events["week"].reindex(seizures["parent"]).to_numpy()
    resolution = run.setup.scenario.resolution
    in_court = stay[causes == "default"]
    assert ((in_court >= resolution.stay_low) & (in_court <= resolution.stay_high)).all()
    assert (stay[causes != "default"] == 0).all()


def test_realised_to_paper_is_what_lenders_got_for_what_they_had_seized(run):
    sales = events(run, "sale").query("agent_kind == 'lenders'")
    # A lender holds a type of one estate at the one appraisal of the week in which it was seized.
    lot = ["agent", "parent", "machine"]
    appraisal = events(run, "seizure").groupby(lot)["price"].agg(["min", "max"])
    assert (appraisal["min"] == appraisal["max"]).all()
    paper = sales.join(appraisal["min"].rename("seized_at"), on=lot)
    paper_sold = (paper["units"] * paper["seized_at"]).sum() * 1e-6
    if run.summary["sites_taken_over"] > 0:
        assert run.summary["paper_sold_musd"] >= paper_sold
        return
    sum_is(run.summary["paper_sold_musd"], paper_sold)
    sum_is(run.summary["proceeds_musd"], sales["amount_musd"].sum())
    if len(sales):
        assert run.summary["realised_to_paper"] == pytest.approx(sales["amount_musd"].sum() / paper_sold)
        assert run.summary["realised_to_paper"] > 0.0
    else:
        assert math.isnan(run.summary["realised_to_paper"])


def test_unsold_units_are_on_the_hands_of_creditors_and_estates(run):
    units = [f"units_{slug}" for slug in SLUGS.values()]
    offered = [f"offered_{slug}" for slug in SLUGS.values()]
    borrowers = run.tables["borrowers"]
    estates = borrowers[borrowers["status"] == "in_resolution"]
    held = run.tables["lenders"][units].to_numpy().sum() + estates[offered].to_numpy().sum()
    assert run.summary["units_unsold"] == held
    seized = run.tables["loans"]["seized"].sum()
    assert run.tables["lenders"][units].to_numpy().sum() == seized
    sold = events(run, "sale").query("agent_kind == 'lenders'")["units"].sum()
    assert run.summary["units_dumped"] == sold + seized


def test_sales_in_events_and_series_agree(run):
    sales = events(run, "sale")
    assert (sales["units"] > 0).all()
    assert np.allclose(sales["amount_musd"], sales["units"] * sales["price"] * 1e-6, rtol=ROUNDING)
    weeks = run.series.index
    units = sales.groupby("week")["units"].sum().reindex(weeks, fill_value=0)
    money = sales.groupby("week")["amount_musd"].sum().reindex(weeks, fill_value=0.0)
    assert np.array_equal(run.series["units_sold"], units)
    assert np.allclose(run.series["sale_proceeds_musd"], money, rtol=ROUNDING, atol=1e-12)
    assert (run.series["units_sold"] <= run.series["units_offered"]).all()
    for name, slug in SLUGS.items():
        traded = sales[sales["machine"] == name].groupby("week")["units"].sum().reindex(weeks, fill_value=0)
        assert np.array_equal(run.series[f"units_traded_{slug}"], traded)
        assert (run.series[f"units_traded_{slug}"] <= run.series[f"units_on_sale_{slug}"]).all()


def test_nobody_buys_their_own_machines(run):
    sales = events(run, "sale")
    own = (sales["agent_kind"] == sales["counterparty_kind"]) & (sales["agent"] == sales["counterparty"])
    assert not own.any()
    assert not (sales["counterparty_kind"] == "lenders").any()


# Recoveries and losses


def test_recovery_is_that_of_resolved_claims(case, run):
    closed = [one for one in closed_claims(case) if one.claim > 0.0]
    assert len(events(run, "recovery")) == len(closed)
    if not closed:
        assert math.isnan(run.summary["recovery_rate"]) and math.isnan(run.summary["loss_given_default"])
        return
    claims, recovered = (math.fsum(one[field] for one in closed) for field in (1, 2))
    assert run.summary["recovery_rate"] == pytest.approx(recovered / claims, rel=ROUNDING)
    assert run.summary["recovery_rate"] <= 1.0
    assert run.summary["loss_given_default"] == 1.0 - run.summary["recovery_rate"]
    # a claim is closed with its borrower's estate, or alone while its borrower lives
    loans = run.tables["loans"]
    resolved = loans[(loans["status"] == "resolved") & (loans["claim"] > 0.0)]
    kinds = run.events["kind"].reindex(resolved["default_event"]).to_numpy()
    gone = run.tables["borrowers"]["status"].reindex(resolved["obligor"]).to_numpy() == "resolved"
    assert (gone | np.isin(kinds, ALONE)).all()


def test_creditors_losses_are_write_offs_and_open_write_downs(case, run):
    written_off = events(run, "resolution")["amount_musd"].sum()  # with their borrowers' estates
    written_off += math.fsum(one.loss for one in closed_claims(case))  # without recourse, alone
    expected = run.tables["lenders"]["allowance"].sum()
    sum_is(run.summary["creditor_loss_musd"], written_off + expected)
    lenders = run.revaluations.loc["write_offs", "lenders"]
    assert run.summary["creditor_loss_musd"] == pytest.approx(expected - lenders, abs=1e-6)  # less dust
    sum_is(run.tables["loans"]["allowance"].sum(), expected)
    sum_is(run.series["allowance_musd"].iloc[-1], expected)
    assert len(events(run, "resolution")) == (run.tables["borrowers"]["status"] == "resolved").sum()


def test_a_resolved_borrower_owns_and_owes_nothing(run):
    borrowers = run.tables["borrowers"]
    gone = borrowers[borrowers["status"] == "resolved"]
    prefixes = ("units_", "debt_", "slots_", "offered_", "book_")
    stocks = [column for column in borrowers if column.startswith(prefixes)]
    assert np.abs(gone[[*stocks, "payables", "btc", "cash"]].to_numpy()).max(initial=0.0) < 1e-9


# Money, machines, debts


def test_flows_close(run):
    flows = run.flows
    assert flows.index.tolist() == [flow.name.lower() for flow in Flow] + ["change in cash"]
    assert flows.columns.tolist() == [sector.name.lower() for sector in Sector]
    gross = flows.abs().to_numpy().sum()
    assert flows.sum(axis=1).abs().max() <= ROUNDING * gross
    assert flows.sum(axis=0).abs().max() <= ROUNDING * gross


def test_the_change_in_cash_is_that_of_the_accounts(run):
    change = -run.flows.loc["change in cash"]
    accounts = {"lenders": "lenders", "buyers": "buyers"}
    for sector, table in accounts.items():
        sum_is(change[sector], run.tables[table]["cash"].sum() - run.opening[table]["cash"].sum())
    for sector, kind in (("miners", "miner"), ("neoclouds", "neocloud")):
        of_kind = run.tables["borrowers"]["kind"] == kind
        closing = run.tables["borrowers"].loc[of_kind, "cash"].sum()
        sum_is(change[sector], closing - run.opening["borrowers"].loc[of_kind, "cash"].sum())
    assert abs(change.sum()) <= ROUNDING * run.flows.abs().to_numpy().sum()


def test_flows_go_where_they_belong(run):
    flows = run.flows
    assert (flows.loc["mining_revenue", ["neoclouds", "lenders"]] == 0.0).all()
    assert flows.loc["compute_rent", "neoclouds"] > 0.0 > flows.loc["power_and_upkeep", "neoclouds"]
    assert flows.loc["interest", "lenders"] > 0.0
    assert flows.loc["interest", ["buyers", "rest_of_world"]].tolist() == [0.0, 0.0]
    drawn = events(run, "loan")["amount_musd"].sum()
    sum_is(flows.loc["loan_drawdowns", ["miners", "neoclouds"]].sum(), drawn)
    lost = events(run, "order_cancelled")["amount_musd"].sum()
    waiting = run.tables["orders"]["deposit"].sum() - run.opening["orders"]["deposit"].sum()
    bought = events(run, "purchase")["amount_musd"].sum()
    sum_is(flows.loc["new_machines", "rest_of_world"], bought + lost + waiting)


def test_machines_are_conserved(run):
    def held(tables, slug):
        return sum(tables[holder][f"units_{slug}"].sum() for holder in HOLDERS)

    machines = run.tables["machines"].set_index("name")
    bought = events(run, "purchase").groupby("machine")["units"].sum()
    sold = events(run, "sale").query("counterparty_kind == 'buyers'")
    to_dealers = run.tables["buyers"]["kind"].reindex(sold["counterparty"]).to_numpy() == "scrap_dealer"
    scrapped = sold[to_dealers].groupby("machine")["units"].sum()
    for name, slug in SLUGS.items():
        delivered, broken_up = machines.loc[name, ["units_delivered", "units_scrapped"]]
        assert held(run.tables, slug) == held(run.opening, slug) + delivered - broken_up
        assert delivered == bought.get(name, 0)
        assert broken_up == scrapped.get(name, 0)
    assert run.summary["units_residual"] == 0


def test_series_end_where_the_tables_are(run):
    last = run.series.iloc[-1]
    borrowers, lenders, loans = (run.tables[name] for name in ("borrowers", "lenders", "loans"))
    debts = [column for column in borrowers if column.startswith("debt_")]
    sum_is(last["debt_musd"], borrowers[debts].to_numpy().sum())
    sum_is(last["debt_musd"], loans["principal"].sum())
    dead = borrowers["status"] != "alive"
    claims = loans["status"] == "defaulted"  # of the dead, and of facilities that failed alone
    sum_is(last["debt_in_default_musd"], loans.loc[claims, "principal"].sum())
    sum_is(
        borrowers.loc[dead, debts].to_numpy().sum(),
        loans.loc[claims & loans["obligor"].isin(borrowers.index[dead]), "principal"].sum(),
    )
    sum_is(last["borrower_cash_musd"], borrowers["cash"].sum())
    sum_is(last["lender_cash_musd"], lenders["cash"].sum())
    sum_is(last["buyer_cash_musd"], run.tables["buyers"]["cash"].sum())
    sum_is(last["btc_held"], borrowers["btc"].sum() + loans["coins"].sum())
    held = [column for column in lenders if column.startswith("loans_")]
    owed = lenders[["funding", "repo", "facility", "owed", "guaranteed"]].sum(axis=1)
    equity = lenders["cash"] + lenders[held].sum(axis=1) - lenders["allowance"] + lenders["claims"] - owed
    sum_is(last["lender_equity_musd"], equity.sum())
    sum_is(last["repo_musd"], lenders["repo"].sum())
    sum_is(last["repo_unmet_musd"], lenders["called"].sum())
    sum_is(last["standing_facility_musd"], lenders["facility"].sum())
    sum_is(last["interlender_musd"], lenders["claims"].sum())
    for kind in ("miner", "neocloud"):
        assert last[f"alive_{kind}s"] == (borrowers["kind"].eq(kind) & ~dead).sum()
    for cause in CAUSES:
        by_cause = run.series[f"defaults_{cause}"]
        assert by_cause.iloc[-1] == run.summary[f"defaults_{cause}"]
        assert by_cause.is_monotonic_increasing


def test_extremes_of_the_summary_are_those_of_the_series(run):
    assert run.summary["peak_haircut"] == run.series["haircut"].max()
    for residual in ("money_residual", "balance_residual"):
        assert run.summary[residual] == run.series[residual].max() < 1e-9


# The event log


def test_every_event_has_an_earlier_parent_and_known_parties(run):
    log = run.events
    assert log["week"].is_monotonic_increasing
    assert (log["parent"] < log.index).all() and (log["parent"] >= -1).all()
    assert (log["kind"] != "").all()
    sizes = {"lenders": len(run.tables["lenders"]), "buyers": len(run.tables["buyers"])}
    sizes |= dict.fromkeys(("miners", "neoclouds"), len(run.tables["borrowers"]))
    for side in ("agent", "counterparty"):
        for kind, size in sizes.items():
            rows = log.loc[log[f"{side}_kind"] == kind, side]
            assert rows.between(0, size - 1).all(), (side, kind)
        nobody = log.loc[~log[f"{side}_kind"].isin(sizes), side]
        assert (nobody == -1).all()
    assert set(log["machine"]) <= {*SLUGS, ""}
    assert np.isfinite(log[["amount_musd", "price"]].to_numpy()).all()


def test_launches_are_logged_at_their_list_price(run):
    start = run.setup.scenario.start_date
    due = {}
    for machine in run.setup.scenario.machine:
        week = (machine.launch_date - start).days // 7
        if 0 <= week < run.setup.scenario.horizon_weeks:
            due[machine.name] = week
    launches = events(run, "launch")
    assert dict(zip(launches["machine"], launches["week"], strict=True)) == due


# Rebuilding


def test_provenance_rebuilds_the_run(run):
    scenario, seed, replicate = rebuild(run.provenance)
    again = simulate(scenario, seed, replicate)
    pd.testing.assert_frame_equal(again.series, run.series, check_exact=True)


# Channels that can be switched off


KILLED = {"shocks.forced_lender_failure": {"week": 8, "kind": "private_credit", "share": 1.0}}


def test_lenders_whose_end_is_ignored_lend_on():
    def lent(changes):
        run = simulate(BASELINE.with_changes({"horizon_weeks": 60, **KILLED, **changes}), seed=2)
        assert run.summary["lender_failures"] > 5
        loans = events(run, "loan")
        names = loans.loc[loans["week"] > 8, "agent_name"]
        return loans["amount_musd"].sum(), names.str.startswith("private_credit").sum()

    amount, by_the_dead = lent({})
    more, by_the_living_dead = lent({"channels.lender_credit": False})
    assert by_the_dead == 0 < by_the_living_dead
    assert more > amount > 0.0


@pytest.mark.parametrize("repo", [True, False])
def test_without_a_loss_the_switch_changes_nothing(repo):
    scenario = BASELINE.with_changes({"horizon_weeks": 12, "channels.repo": repo})
    runs = [simulate(scenario.with_changes({"channels.lender_credit": on}), seed=3) for on in (True, False)]
    assert all((run.tables["lenders"]["losses"] == 0.0).all() for run in runs)
    assert len(events(runs[0], "loan")) > 0
    pd.testing.assert_frame_equal(runs[0].series, runs[1].series, check_exact=True)
