"""`--check` catches what it must: one corrupted number in one row, named with its owner and field."""

import itertools
import math
import re

import numpy as np
import pytest
from damage import HOLDERS, SCENARIO, WEEKS, first, names

from hashcredit.agents.borrower import BORROWER
from hashcredit.agents.buyer import BUYER
from hashcredit.agents.dimensions import (
    FACILITIES,
    BorrowerStatus,
    LoanStatus,
)
from hashcredit.agents.lender import LENDER
from hashcredit.simulator import simulate
from hashcredit.simulator.errors import SimulationError
from hashcredit.simulator.reports.checks import check_accounts, check_holders, check_identities
from hashcredit.simulator.runs import engine
from hashcredit.simulator.scenario.network_files import BORROWERS, agent_names
from hashcredit.simulator.state.arrays import TABLES
from hashcredit.simulator.state.clock import CLOCK, WORLD
from hashcredit.simulator.state.codes import Flow, Sector
from hashcredit.simulator.state.loans import CONTRACT, LOAN, ORDER
from hashcredit.simulator.state.machines import MACHINE
from hashcredit.simulator.state.market import MARKET, REPO
from hashcredit.simulator.state.outcomes import OUTCOMES
from hashcredit.simulator.state.pool import ASSET, INVESTOR, MACRO, MacroFlow, MacroSector
from hashcredit.simulator.week.step import PHASES


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


def test_a_loan_that_matures_before_its_borrower_looks(state, caught):
    late = state.loans["maturity_week"] > WEEKS + 1
    row = first(late & (state.loans["status"] == LoanStatus.PERFORMING) & (state.loans["principal"] > 1.0))
    b = row // FACILITIES
    state.borrowers["first_maturity"][b] = state.loans["maturity_week"][row] + 1
    assert names(caught(), f"(borrowers[{b}])", "first_maturity")


@pytest.mark.parametrize("table", ["loans", "orders"])
def test_a_lender_that_its_borrower_does_not_know(table, state):
    rows = getattr(state, table)
    live = rows["principal"] > 1.0 if table == "loans" else (rows["units"] > 0) & (rows["holder"] >= 0)
    row = first(live)
    b = row * len(state.borrowers) // len(rows)
    known = state.credit_lender[state.credit_start[b] : state.credit_start[b + 1]]
    strange = first(~np.isin(np.arange(len(state.lenders)), known))
    rows["holder"][row] = strange
    with pytest.raises(SimulationError, match=rf"holder of {table}\[{row}\] is {strange}, must be a lender"):
        check_holders(state, "trading")


@pytest.mark.parametrize("field", ["principal", "coins", "overdue", "units", "seized"])
def test_nothing_negative_on_a_loan(state, caught, field):
    row = first(state.loans["status"] == LoanStatus.PERFORMING)
    state.loans[field][row] = -1
    assert names(caught(), f"loans[{row}]", field)
    assert "not negative" in caught()


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


@pytest.mark.parametrize("field", ["pending_cause", "claims", "selling"])
def test_nobody_in_trouble_is_passed_over(state, caught, field):
    b = first(state.calm & (state.borrowers["status"] == BorrowerStatus.ALIVE))
    state.borrowers[field][b] = 1
    assert names(caught(), f"(borrowers[{b}])", "calm")


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
