"""`--check` catches what it must: one corrupted number in one row, named with its owner and field."""

import itertools
import math
import re

import numpy as np
import pytest

from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.dimensions import (
    CONTRACTS,
    FACILITIES,
    GRADES,
    ORDERS,
    BorrowerStatus,
    LenderStatus,
    LoanStatus,
)
from hashcredit.agents.lender import LENDER
from hashcredit.simulator import Scenario, simulate
from hashcredit.simulator.errors import SimulationError
from hashcredit.simulator.reports.checks import check_accounts, check_identities
from hashcredit.simulator.runs import engine
from hashcredit.simulator.scenario.network_files import BORROWERS, agent_names
from hashcredit.simulator.setup.prepare import allocate, clear, prepare, reported_copy
from hashcredit.simulator.state.arrays import TABLES
from hashcredit.simulator.state.clock import CLOCK, WORLD
from hashcredit.simulator.state.codes import Flow, Sector
from hashcredit.simulator.state.loans import CONTRACT, LOAN, ORDER
from hashcredit.simulator.state.machines import MACHINE
from hashcredit.simulator.state.market import MARKET, REPO
from hashcredit.simulator.state.outcomes import OUTCOMES
from hashcredit.simulator.state.pool import ASSET, INVESTOR, MACRO, MacroFlow, MacroSector
from hashcredit.simulator.week.step import PHASES, open_economy, run_weeks

SCENARIO = Scenario.load().with_changes(
    {
        "horizon_weeks": 30,
        "population.miners": 15,
        "population.neoclouds": 15,
        "shocks.forced_default": {"week": 2, "machine": "H100", "units": 20_000},
        "resolution.stay_low": 2,
        "resolution.stay_high": 12,
        "miners.btc_loan_probability": 1.0,
        "investment.decision_weeks": 5,
        "investment.hurdle": -0.5,
    }
)
HOLDERS = ("borrowers", "lenders", "buyers")
WEEKS = 12
"""In the middle of things: some stays are over and others not, creditors hold machines, buyers have some."""


@pytest.fixture(scope="module")
def world():
    """A healthy state in the middle of a run, and its opening."""
    setup = prepare(SCENARIO, 1)
    economy = allocate(setup, series=False, events=10_000)
    clear(economy, setup)
    open_economy(economy, setup.parameters, 1, 0)
    opening = reported_copy(economy)
    run_weeks(economy, setup.parameters, 1, 0, WEEKS)
    return economy, opening


@pytest.fixture
def state(world):
    """A copy that a test may damage."""
    economy, _ = world
    return economy.copy_with(*TABLES, "flows", "revaluations", "macro_flows")


@pytest.fixture
def caught(world, state):
    """Check the damaged state; return the complaint."""

    def complaint():
        with pytest.raises(SimulationError) as error:
            check_identities(state, world[1], "trading")
        text = str(error.value)
        assert text.startswith(f"week {WEEKS}, after trading: ")
        assert error.value.exit_code == 1
        return text

    return complaint


def first(rows):
    """Index of the first row that is true."""
    return int(np.flatnonzero(rows)[0])


def names(text, who, field):
    """Whether a complaint names a row and a field, in any of the ways in which it does."""
    return bool(re.search(rf"\b{re.escape(field)}\b.* of (\S+ )?{re.escape(who)}(?!\d)", text))


def test_the_healthy_state_passes_and_has_everything_to_damage(world):
    economy, opening = world
    check_identities(economy, opening, "trading")
    assert economy.lenders["units"].any() and economy.buyers["units"].any()
    assert economy.loans["seized"].any() and economy.loans["coins"].any() and economy.loans["allowance"].any()
    assert economy.market["slots_closed"][0] > 0
    assert (economy.orders["commitment"] > 0.0).any() and (economy.borrowers["orders"] > 1).any()
    assert set(np.unique(economy.borrowers["status"])) >= {0, 1}


# Not a number

FLOATS = [
    (table, field)
    for table, dtype in zip(
        TABLES,
        (
            BORROWER,
            LENDER,
            BUYER,
            LOAN,
            CONTRACT,
            ORDER,
            MACHINE,
            CLOCK,
            MARKET,
            REPO,
            OUTCOMES,
            WORLD,
            MACRO,
            ASSET,
            INVESTOR,
        ),
        strict=True,
    )
    for field in dtype.names
    if dtype[field].base.kind == "f"
]


@pytest.mark.parametrize(("table", "field"), FLOATS, ids=[".".join(pair) for pair in FLOATS])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_field_may_be_anything_but_finite(state, caught, table, field, value):
    rows = getattr(state, table)
    row = len(rows) - 1
    rows[field][row] = value  # all of a field with several numbers
    who = rf"\S+ \({table}\[{row}\]\)" if table in HOLDERS else rf"{table}\[{row}\]"
    assert re.search(rf"{field} of {who} is ", caught())
    assert caught().endswith("must be finite")


def test_one_number_of_many_is_enough(state, caught):
    state.borrowers["book"][4, 7] = math.nan
    assert names(caught(), "(borrowers[4])", "book")


# The funding pool


def test_money_that_the_pool_makes(state, caught):
    state.macro["cash"][1, MacroSector.POOL] += 1e-3
    assert names(caught(), "macro sector", "cash")


def test_money_that_an_investor_makes(state, caught):
    state.investors["cash"][0, 3] += 1e-3
    assert names(caught(), "macro sector", "cash")


def test_a_macro_payment_with_one_end(state, caught):
    state.macro_flows[0, MacroFlow.SAVING, MacroSector.SAVERS] += 1e-3
    assert names(caught(), "macro flow", "row sum")


# Debts


def test_a_principal_of_its_own(state, caught):
    row = first(state.loans["status"] == LoanStatus.PERFORMING)
    state.loans["principal"][row] += 1e-6
    assert names(caught(), f"(borrowers[{row // FACILITIES}])", "debt")


@pytest.mark.parametrize("amount", [1e-6, -1e-6])
def test_a_debt_that_no_loan_explains(state, caught, amount):
    b = first(state.borrowers["debt"][:, 0] > 1.0)
    state.borrowers["debt"][b, 0] += amount
    name = agent_names(SCENARIO.population, BORROWERS)[b]
    assert f"debt (machine_loan) of {name} (borrowers[{b}]) is" in caught()


def test_an_asset_that_no_loan_explains(state, caught):
    index = first(state.lenders["loans"][:, 4] > 1.0)
    state.lenders["loans"][index, 4] -= 1e-6
    assert f"(lenders[{index}]) is" in caught()


def test_a_loan_in_other_hands(state, caught):
    row = first((state.loans["status"] == LoanStatus.PERFORMING) & (state.loans["principal"] > 1.0))
    holder = state.loans["holder"][row]
    state.loans["holder"][row] = (holder + 1) % len(state.lenders)
    text = caught()
    assert names(text, f"(lenders[{min(holder, (holder + 1) % len(state.lenders))}])", "loans")


@pytest.mark.parametrize("field", ["principal", "coins", "overdue", "units", "seized"])
def test_nothing_negative_on_a_loan(state, caught, field):
    row = first(state.loans["status"] == LoanStatus.PERFORMING)
    state.loans[field][row] = -1
    assert names(caught(), f"loans[{row}]", field)
    assert "not negative" in caught()


def test_a_loan_that_matures_before_its_borrower_looks(state, caught):
    soon = state.clock["week"][0] + 1
    row = first((state.loans["status"] == LoanStatus.PERFORMING) & (state.loans["maturity_week"] > soon))
    state.borrowers["first_maturity"][row // FACILITIES] = state.loans["maturity_week"][row] + 1
    assert names(caught(), f"loans[{row}]", "maturity_week")


def test_more_overdue_than_owed(state, caught):
    row = first((state.loans["status"] == LoanStatus.PERFORMING) & (state.loans["principal"] > 1.0))
    state.loans["overdue"][row] = state.loans["principal"][row] * 1.001
    assert names(caught(), f"loans[{row}]", "overdue")
    assert "at most the principal" in caught()


@pytest.mark.parametrize("recourse", [0, 1])
def test_a_vehicle_in_control_that_is_none_or_not_counted(state, caught, recourse):
    live = state.loans["status"] == LoanStatus.PERFORMING
    row = first(live & (state.loans["recourse"] == recourse))
    state.loans["controlled"][row] = 1
    expected = f"loans[{row}]" if recourse else f"(borrowers[{row // FACILITIES}])"
    assert names(caught(), expected, "controlled")


def test_an_allowance_of_its_own(state, caught):
    index = first(state.lenders["allowance"] > 0.0)
    state.lenders["allowance"][index] += 1e-3
    assert names(caught(), f"(lenders[{index}])", "allowance")


# Contracts


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("units", -1, "not negative"),
        ("rent", -1e-9, "not negative"),
        ("hazard_left", 0.0, "positive"),
        ("customer_grade", GRADES, "a grade"),
        ("customer_grade", -1, "a grade"),
        ("start_week", 10_000, "not before its start"),
        ("machine", 4, "a live loan of its borrower"),
    ],
)
def test_a_contract_without_sense(state, caught, field, value, complaint):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    state.contracts[field][row] = value
    text = caught()
    assert f"contracts[{row}]" in text and complaint in text


def test_a_contract_on_the_machines_of_another_borrower(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    state.contracts["loan"][row] = (state.contracts["loan"][row] + FACILITIES) % len(state.loans)
    assert names(caught(), f"contracts[{row}]", "loan")


def test_a_contract_on_a_loan_that_is_over(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    state.loans["machine"][state.contracts["loan"][row]] = -1
    assert names(caught(), f"contracts[{row}]", "loan")


def test_a_contract_in_a_row_that_nobody_looks_at(state, caught):
    row = first(state.contracts["units"] > 0)
    state.borrowers["contracts"][row // CONTRACTS] = row % CONTRACTS
    assert names(caught(), f"contracts[{row}]", "row")


def test_more_let_than_is_pledged(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    loan = state.contracts["loan"][row]
    state.contracts["units"][row] = state.loans["units"][loan] + 1
    assert names(caught(), f"loans[{loan}]", "units let")


def test_more_let_than_is_owned(state, caught):
    row = first((state.contracts["units"] > 0) & (state.contracts["loan"] >= 0))
    b, m = row // CONTRACTS, state.contracts["machine"][row]
    state.contracts["loan"][row] = -1
    more = state.borrowers["units"][b, m] + 1 - state.contracts["units"][row]
    state.contracts["units"][row] += more
    state.borrowers["let"][b] += more
    assert names(caught(), f"(borrowers[{b}])", "let")


def test_machines_let_that_are_not_counted(state, caught):
    b = first(state.borrowers["let"] > 0)
    state.borrowers["let"][b] -= 1
    assert names(caught(), f"(borrowers[{b}])", "let")


def test_a_contract_that_ends_before_its_borrower_looks(state, caught):
    row = first(state.contracts["units"] > 0)
    state.borrowers["first_end"][row // CONTRACTS] = state.contracts["end_week"][row] + 1
    assert names(caught(), f"contracts[{row}]", "end_week")


# Orders


@pytest.mark.parametrize("field", ["units", "deposit", "commitment", "price", "offer"])
def test_nothing_negative_on_an_order(state, caught, field):
    row = first(state.orders["units"] > 0)
    state.orders[field][row] = -1
    assert names(caught(), f"orders[{row}]", field)


@pytest.mark.parametrize("field", ["deposit", "commitment"])
def test_a_closed_order_is_worth_nothing(state, caught, field):
    row = first(state.orders["units"] == 0)
    state.orders[field][row] = 1.0
    assert names(caught(), f"orders[{row}]", "deposit or commitment")


@pytest.mark.parametrize("field", ["deposits", "reserved", "orders", "next_delivery"])
def test_sums_over_orders_are_the_borrowers(state, caught, field):
    b = first(state.borrowers["orders"] > 0)
    state.borrowers[field][b] += 1
    assert names(caught(), f"(borrowers[{b}])", field)


def test_a_commitment_without_an_order(state, caught):
    index = first(state.lenders["committed"] > 0.0)
    state.lenders["committed"][index] += 1e-6
    assert names(caught(), f"(lenders[{index}])", "committed")


def test_a_commitment_of_nobody(state, caught):
    row = first(state.orders["commitment"] > 0.0)
    state.orders["holder"][row] = -1
    assert names(caught(), f"orders[{row}]", "commitment")


def test_a_failed_lender_promises_nothing(state, caught):
    row = first(state.orders["commitment"] > 0.0)
    state.lenders["status"][state.orders["holder"][row]] = LenderStatus.RECEIVERSHIP
    assert "no live lender" in caught()


def test_a_failed_borrower_has_nothing_on_order(state, caught):
    row = first(state.orders["units"] > 0)
    state.borrowers["status"][row // ORDERS] = BorrowerStatus.IN_RESOLUTION
    assert names(caught(), f"orders[{row}]", "units")


# Machines and slots


@pytest.mark.parametrize("table", HOLDERS)
@pytest.mark.parametrize("units", [1, -1])
def test_a_machine_from_nowhere(state, caught, table, units):
    m = first(getattr(state, table)["units"].sum(axis=0) > 0)
    getattr(state, table)["units"][:, m][first(getattr(state, table)["units"][:, m] > 0)] += units
    assert names(caught(), f"machines[{m}]", "units held")


@pytest.mark.parametrize("field", ["delivered", "scrapped", "opening_units"])
def test_a_machine_that_was_never_counted(state, caught, field):
    state.machines[field][3] += 1
    assert names(caught(), "machines[3]", "units held")


def test_a_machine_in_two_hands(state, caught):
    # From one owner to another without a trade: conserved, yet the second one has no slot or lien for it.
    b, index = first(state.borrowers["units"][:, 1] > 0), 3
    state.borrowers["units"][b, 1] -= 1
    state.lenders["units"][index, 1] += 1
    owner = f"(borrowers[{b}])"
    found = names(caught(), f"(lenders[{index}])", "units")
    assert found or names(caught(), owner, "pledged") or names(caught(), owner, "let")


def test_more_pledged_than_owned(state, caught):
    row = first((state.loans["machine"] >= 0) & (state.loans["status"] == LoanStatus.PERFORMING))
    b = row // FACILITIES
    state.loans["units"][row] += state.borrowers["units"][b].sum() + 1
    assert names(caught(), f"(borrowers[{b}])", "pledged")


def test_more_offered_than_owned(state, caught):
    state.borrowers["offered"][6, 1] = state.borrowers["units"][6, 1] + 1
    assert names(caught(), "(borrowers[6])", "offered")


def test_seized_machines_belong_to_a_claim(state, caught):
    row = first(state.loans["seized"] > 0)
    state.loans["seized"][row] -= 1
    assert names(caught(), f"(lenders[{state.loans['holder'][row]}])", "units")


def test_seized_machines_that_no_sale_would_find(state, caught):
    row = first((state.loans["seized"] > 0) & (state.loans["status"] == LoanStatus.DEFAULTED))
    borrower = state.borrowers[row // FACILITIES]
    borrower["status"] = BorrowerStatus.ALIVE
    borrower["claims"] = 0
    assert names(caught(), f"loans[{row}]", "seized")


@pytest.mark.parametrize("table", ["borrowers", "buyers"])
def test_a_slot_from_nowhere(state, caught, table):
    getattr(state, table)["slots"][2, 1] += 1
    assert names(caught(), "all owners", "slots")


@pytest.mark.parametrize("field", ["slots_built", "slots_closed"])
def test_a_slot_that_was_never_counted(state, caught, field):
    state.market[field][0] += 1
    assert names(caught(), "all owners", "slots")


def test_a_slot_that_is_pledged_and_not_leased(state, caught):
    state.loans["slots"][5 * FACILITIES] = state.borrowers["slots"][5, 0] + 1
    assert names(caught(), "(borrowers[5])", "slots pledged")


def test_a_machine_without_a_slot(state, caught):
    full, other = first(state.borrowers["status"] == 0), len(state.borrowers) - 1
    moved = state.borrowers["slots"][full, 0] - state.borrowers["units"][full, 7:].sum() + 1
    state.borrowers["slots"][full, 0] -= moved
    state.borrowers["slots"][other, 0] += moved
    assert names(caught(), f"(borrowers[{full}])", "machines racked")


@pytest.mark.parametrize("table", ["borrowers", "buyers"])
def test_a_count_of_racked_machines_that_went_wrong(state, caught, table):
    getattr(state, table)["racked"][5, 1] -= 1
    assert names(caught(), f"({table}[5])", "racked")


# Money


@pytest.mark.parametrize("table", HOLDERS)
def test_money_from_nowhere_is_found_with_its_owner(state, caught, table):
    getattr(state, table)["cash"][3] += 1e-3
    assert names(caught(), f"({table}[3])", "equity")


def test_money_that_the_rest_of_the_world_lost(state, caught):
    state.world["cash"][0] -= 1e-3
    assert names(caught(), f"sector {Sector.REST_OF_WORLD.value}", "cash")


def test_a_payment_that_was_booked_on_one_side(state, caught):
    state.flows[Flow.INTEREST, Sector.LENDERS] += 1e-3
    assert names(caught(), f"flow {Flow.INTEREST.value}", "row sum")


def test_a_payment_that_was_never_booked(state, caught):
    # Both accounts and both incomes are right, the flow matrix is not.
    state.flows[Flow.INTEREST, Sector.LENDERS] += 1e-3
    state.flows[Flow.INTEREST, Sector.MINERS] -= 1e-3
    assert names(caught(), f"sector {Sector.MINERS.value}", "cash")


def test_a_payment_under_the_wrong_heading(state, caught):
    # Interest booked as repayment: cash and rows fit, income does not.
    for sector, amount in ((Sector.LENDERS, 1e-3), (Sector.NEOCLOUDS, -1e-3)):
        state.flows[Flow.INTEREST, sector] -= amount
        state.flows[Flow.LOAN_REPAYMENTS, sector] += amount
    assert names(caught(), f"sector {Sector.NEOCLOUDS.value}", "income")


def test_a_revaluation_that_was_never_booked(state, caught):
    state.revaluations[0, Sector.BUYERS] += 1e-3
    assert names(caught(), f"sector {Sector.BUYERS.value}", "income")


# Net worth


@pytest.mark.parametrize(
    ("table", "field"),
    [
        *itertools.product(HOLDERS, ("income", "issuance", "distributions", "opening_equity")),
        ("borrowers", "payables"),
        ("borrowers", "btc"),
        ("lenders", "funding"),
    ],
)
def test_net_worth_is_explained(state, caught, table, field):
    getattr(state, table)[field][5] += 1.0
    assert names(caught(), f"({table}[5])", "equity")


@pytest.mark.parametrize("table", ["borrowers", "buyers"])
def test_book_value_is_explained(state, caught, table):
    getattr(state, table)["book"][5, 1] += 1e-3
    assert names(caught(), f"({table}[5])", "equity")


@pytest.mark.parametrize("table", HOLDERS)
def test_an_account_that_is_overdrawn_at_the_end_of_a_week(state, table):
    check_accounts(state)
    size = {"borrowers": "debt", "lenders": "loans", "buyers": "book"}[table]
    getattr(state, table)["cash"][2] = -1e-6 * (1.0 + getattr(state, table)[size][2].sum())
    with pytest.raises(SimulationError, match=rf"cash of \S+ \({table}\[2\]\) is -\S+, must be not negative"):
        check_accounts(state)


def test_pledged_coins_are_the_borrowers(state, caught):
    row = first(state.loans["coins"] > 0.0)
    state.loans["coins"][row] += 1.0
    assert names(caught(), f"(borrowers[{row // FACILITIES}])", "equity")


# In a run


@pytest.mark.parametrize("broken", ["cash_flow", "investment"])
def test_a_phase_that_goes_wrong_is_named(monkeypatch, broken):
    def wrong(economy, p, seed, replicate):
        if economy.clock["week"][0] == 7:
            economy.borrowers["cash"][11] += 1.0

    wrong.__name__ = broken
    phases = tuple(wrong if phase.__name__ == broken else phase for phase in PHASES)
    monkeypatch.setattr(engine, "PHASES", phases)
    with pytest.raises(SimulationError, match=f"^week 7, after {broken}: equity of \\S+ .borrowers.11.. is "):
        simulate(SCENARIO, check=True)


def test_rounding_is_no_error(world, state):
    # The tolerance is relative to turnover: a thousandth of a dollar in fifty million passes.
    economy, opening = world
    index = int(np.argmax(economy.lenders["loans"].sum(axis=1)))
    assert economy.lenders["loans"][index].sum() > 50.0
    state.lenders["cash"][index] += 1e-9
    check_identities(state, opening, "trading")
