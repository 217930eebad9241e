"""Agents' views: what they show is what the tables say, and what they refuse."""

import math

import numpy as np
import pytest

from hashcredit.agents.dimensions import Cooling, Instrument
from hashcredit.agents.views import Lender, Miner, NeoCloud, SecondaryBuyer
from hashcredit.simulator import MarketModel, Scenario
from hashcredit.simulator.errors import PaymentError
from hashcredit.simulator.reports.checks import check_identities
from hashcredit.simulator.state.series import slug

SMALL = Scenario.load().with_changes(
    {
        "name": "small",
        "horizon_weeks": 20,
        "population.miners": 12,
        "population.neoclouds": 12,
        "shocks.forced_default": {"week": 3, "machine": "H100", "units": 2000},
        "resolution.stay_low": 1,
        "resolution.stay_high": 6,
    }
)
INCOME_FLOWS = ["compute_rent", "mining_revenue", "power_and_upkeep", "site_leases", "overhead"]


@pytest.fixture(scope="module")
def running():
    """A model after twelve weeks, in which some have failed; tests read it."""
    stepped = MarketModel(SMALL, rng=5)
    for _ in range(12):
        stepped.step()
    return stepped


@pytest.fixture
def fresh():
    return MarketModel(SMALL, rng=5)


# Reading


def test_numbers_and_names_are_those_of_the_tables(running):
    tables = running.tables
    shared = [
        "row",
        "name",
        "kind",
        "cash",
        "income",
        "issuance",
        "distributions",
        "opening_equity",
        "cost_of_capital",
    ]
    own = {
        "borrowers": ["status", "btc", "payables", "obligations", "lease_week", "overhead_week", "grade"],
        "lenders": ["status", "belief", "allowance", "funding", "advance_rate", "capital_target"],
        "buyers": ["margin", "moving_cost", "moving_cost_asic", "cash_target", "site_class"],
    }
    for name, fields in own.items():
        agents, frame = getattr(running, name), tables[name]
        assert [agent.row for agent in agents] == list(range(len(frame)))
        for field in (*shared, *fields):
            assert [getattr(agent, field) for agent in agents] == frame[field].tolist(), field
        for machine in running.machine_names:
            held = [agent.machines[machine] for agent in agents]
            assert held == frame[f"units_{slug(machine)}"].tolist()


def test_arrays_of_a_row_come_under_names(running):
    frame = running.tables["borrowers"]
    for agent in running.borrowers:
        row = frame.loc[agent.row]
        for code in Cooling:
            name = code.name.lower()
            assert (agent.slots[name], agent.racked[name]) == (row[f"slots_{name}"], row[f"racked_{name}"])
        for code in Instrument:
            assert agent.debt_by_instrument[code.name.lower()] == row[f"debt_{code.name.lower()}"]
        machine = running.machine_names[1]
        assert (agent.offered[machine], agent.book[machine]) == (
            row[f"offered_{slug(machine)}"],
            row[f"book_{slug(machine)}"],
        )
    buyer, row = running.buyers[0], running.tables["buyers"].loc[0]
    assert (buyer.slots["air"], buyer.racked["air"]) == (row["slots_air"], row["racked_air"])
    assert buyer.book[machine] == row[f"book_{slug(machine)}"]
    lender, row = running.lenders[0], running.tables["lenders"].loc[0]
    assert lender.lent_by_instrument["machine_loan"] == row["loans_machine_loan"]


def test_classes_follow_kinds(running):
    assert [type(agent) for agent in running.borrowers] == [Miner] * 12 + [NeoCloud] * 12
    assert {type(agent) for agent in running.lenders} == {Lender}
    assert {type(agent) for agent in running.buyers} == {SecondaryBuyer}
    assert {agent.kind for agent in running.lenders} == {"bank", "private_credit", "bond_fund"}
    assert (running.borrowers[13].name, repr(running.borrowers[13])) == (
        "neocloud-1",
        "<NeoCloud 'neocloud-1'>",
    )


def test_debts_and_claims_are_the_sums_of_loans(running):
    assert any(loan.status == "defaulted" for agent in running.borrowers for loan in agent.loans)
    for agent in running.borrowers:
        assert agent.debt == pytest.approx(sum(loan.principal for loan in agent.loans), abs=1e-9)
        assert all(loan.borrower == agent.row for loan in agent.loans)
        assert agent.pledged_btc == sum(loan.coins for loan in agent.loans)
    for agent in running.lenders:
        assert agent.lent == pytest.approx(sum(loan.principal for loan in agent.loans), abs=1e-9)
        assert all(loan.lender == agent.row for loan in agent.loans)
    pledged = [loan for agent in running.borrowers for loan in agent.loans if loan.units]
    assert {loan.machine for loan in pledged} <= set(running.machine_names)


def test_equity_is_what_the_books_explain(running):
    for agent in running.agents:
        booked = agent.opening_equity + agent.income + agent.issuance - agent.distributions
        assert agent.equity == pytest.approx(booked, rel=1e-9, abs=1e-6)


def test_cover_is_the_ratio_of_the_last_weeks(running):
    rows = running.economy.borrowers
    for agent in running.borrowers:
        flow, service = rows["cfads"][agent.row].sum(), rows["service"][agent.row].sum()
        wanted = flow / service if service > 1e-9 else math.inf
        assert agent.dscr == pytest.approx(wanted, rel=1e-9)


def test_failures_have_a_week_and_a_cause(running):
    failed = [agent for agent in running.borrowers if not agent.alive]
    assert {agent.cause for agent in failed} >= {"forced"}
    for agent in running.borrowers:
        assert agent.alive == (agent.status == "alive") == (agent.default_week is None)
        assert (agent.cause == "none") == agent.alive
    assert 3 in {agent.default_week for agent in failed}
    assert all(agent.failure_week is None for agent in running.lenders if agent.alive)


# Setting


@pytest.mark.parametrize("field", ["cash", "equity", "machines", "issuance", "income", "alive", "status"])
def test_what_follows_from_the_books_is_not_set(fresh, field):
    for agent in (fresh.borrowers[0], fresh.borrowers[20], fresh.lenders[0], fresh.buyers[0]):
        before = getattr(agent, field)
        with pytest.raises(AttributeError, match=rf"{field} of {agent.name} cannot be set: .*model\.pay\("):
            setattr(agent, field, 1e9)
        assert getattr(agent, field) == before


def test_debts_are_not_set(fresh):
    with pytest.raises(AttributeError, match=r"debt of miner-0 cannot be set"):
        fresh.borrowers[0].debt = 0.0


@pytest.mark.parametrize(
    ("table", "field", "good", "bad"),
    [
        ("lenders", "advance_rate", 0.4, [-0.1, 1.1, math.nan, "0.4", None, True]),
        ("lenders", "capital_target", 0.3, [math.inf, -1]),
        ("lenders", "belief", "learned", ["learnt", 2]),
        ("buyers", "margin", 0, [1.5]),
        ("buyers", "moving_cost", np.float64(0.01), [-1.0, math.inf, 10**400]),
        ("buyers", "cash_target", 3, [-3]),
        ("borrowers", "cost_of_capital", 0.1, [-1.0, 0.8, math.nan]),
    ],
)
def test_policies_are_set_within_their_bounds(fresh, table, field, good, bad):
    agent = getattr(fresh, table)[1]
    setattr(agent, field, good)
    assert getattr(agent, field) == good == fresh.tables[table][field][1]
    for value in bad:
        with pytest.raises(ValueError, match=rf"^{field} of {agent.name}: .* is not allowed; expected"):
            setattr(agent, field, value)
    assert getattr(agent, field) == good


def test_bounds_of_spreads_are_those_of_the_scenario(fresh):
    least, most = fresh.spread_bounds
    funding = SMALL.funding
    assert least + SMALL.credit.policy_rate == pytest.approx(0.02, abs=1e-12)
    assert most + SMALL.credit.policy_rate + funding.premium + funding.premium_convexity == pytest.approx(0.8)


def test_a_row_is_not_removed(fresh):
    with pytest.raises(TypeError, match="miner-0 is a row of a table"):
        fresh.borrowers[0].remove()


# Paying


@pytest.mark.parametrize("flow", ["equity_injections", "distributions", *INCOME_FLOWS])
def test_every_allowed_payment_keeps_the_books(fresh, flow):
    rich = max(fresh.borrowers, key=lambda agent: agent.cash)
    pairs = [("world", rich), (rich, "world"), (rich, fresh.lenders[2]), (fresh.buyers[1], rich)]
    first = fresh.result.economy
    for payer, payee in pairs:
        before = [None if each == "world" else (each.cash, each.equity) for each in (payer, payee)]
        fresh.pay(payer, payee, 0.25, flow)
        check_identities(fresh.economy, first, flow)
        for party, sign, old in ((payer, -1, before[0]), (payee, 1, before[1])):
            if old is not None:
                assert party.cash - old[0] == pytest.approx(sign * 0.25, abs=1e-9)
                assert party.equity - old[1] == pytest.approx(sign * 0.25, abs=1e-9)
    if flow in INCOME_FLOWS:
        assert (rich.issuance, rich.distributions) == (0.0, 0.0)
    else:
        assert (rich.issuance, rich.distributions, rich.income) == (0.5, 0.5, 0.0)
    row = fresh.flows.loc[flow]
    assert (row["lenders"], row["buyers"], row["rest_of_world"]) == (0.25, -0.25, 0.0)
    fresh.run()
    assert fresh.summary["money_residual"] < 1e-9


@pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf, -math.inf, True, "5", None, 10**400])
def test_odd_amounts_are_refused(fresh, amount):
    with pytest.raises(PaymentError, match=r"^amount: .* expected a finite number of at least 0"):
        fresh.pay("world", fresh.borrowers[0], amount)


def test_an_account_is_not_overdrawn(fresh):
    agent = fresh.lenders[0]
    with pytest.raises(PaymentError, match=r"^amount: .* expected at most the cash of bank-0, "):
        fresh.pay(agent, "world", math.nextafter(agent.cash, math.inf), "distributions")
    fresh.pay(agent, "world", agent.cash, "distributions")
    assert agent.cash == 0.0


@pytest.mark.parametrize("flow", ["loan_repayments", "interest", "used_machines", "btc_trades", "gift", 19])
def test_payments_that_would_need_more_are_refused(fresh, flow):
    with pytest.raises(PaymentError, match=r"^flow: .* expected one of equity_injections, distributions, "):
        fresh.pay("world", fresh.borrowers[0], 1.0, flow)


def test_odd_parties_are_refused(running, fresh):
    agent = fresh.borrowers[0]
    for payer, payee, said in [
        ("word", agent, "payer: 'word' .* an agent of this model or 'world'"),
        (agent, 3, "payee: 3 is not allowed"),
        (agent, agent, "payee: .* another account"),
        ("world", "world", "payee: .* another account"),
        (running.borrowers[1], agent, "payer: .* it is of another one"),
    ]:
        with pytest.raises(PaymentError, match=f"^{said}"):
            fresh.pay(payer, payee, 0.0)


def test_the_failed_neither_pay_nor_are_paid(running):
    failed = next(agent for agent in running.borrowers if not agent.alive)
    for payer, payee in ((failed, "world"), ("world", failed)):
        with pytest.raises(PaymentError, match=f"{failed.name}, which is in .* belongs to its creditors"):
            running.pay(payer, payee, 1.0)


def test_nothing_is_paid_after_the_horizon(fresh):
    fresh.run()
    with pytest.raises(PaymentError, match=r"^week: 20 is not allowed; .* the accounts are closed"):
        fresh.pay("world", fresh.lenders[0], 1.0)
