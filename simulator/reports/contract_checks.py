"""Identities of contracts and orders, and how any of them that fails names the offender: part of `checks`."""

import numpy as np

from hashcredit.agents.dimensions import (
    CONTRACTS,
    GRADES,
    ORDERS,
    BorrowerStatus,
    LenderStatus,
    LoanStatus,
    MachineKind,
)
from hashcredit.simulator.errors import SimulationError
from hashcredit.simulator.reports.frames import AGENT_TABLES, agent_names
from hashcredit.simulator.state.economy import Economy

TOLERANCE = 1e-9
"""Relative: sums of about 1e5 float64 payments keep at least ten digits."""


def fail(economy: Economy, phase: str, who: str, field: str, value: object, expected: object) -> None:
    """Raise `SimulationError` for a value that is not as expected."""
    week = int(economy.clock["week"][0])
    raise SimulationError(f"week {week}, after {phase}: {field} of {who} is {value}, must be {expected}")


def agent_at(economy: Economy, table: str, row: int) -> str:
    """An agent by its name and its place in the tables."""
    return f"{agent_names(economy)[table][row]} ({table}[{row}])"


def compare(
    economy: Economy,
    phase: str,
    who: str,
    field: str,
    values: np.ndarray,
    expected: np.ndarray,
    scale: np.ndarray,
) -> None:
    """Fail on the first row whose value is off by more than the tolerance times its scale (at least 1).

    who     the agents' table, or what else the rows are
    """
    wrong = np.abs(values - expected) > TOLERANCE * np.maximum(scale, 1.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        name = agent_at(economy, who, row) if who in AGENT_TABLES else f"{who} {row}"
        fail(economy, phase, name, field, values[row], expected[row])


def check_contracts(economy: Economy, phase: str) -> None:
    """Who lets machines has them; those of a loan are pledged to it; terms are in their bounds."""
    contracts = economy.contracts
    running = contracts["units"] != 0
    owner = np.arange(len(contracts)) // CONTRACTS
    loans = economy.loans[np.where(running, contracts["loan"], -1)]
    pledged = running & (contracts["loan"] >= 0)
    live = np.isin(loans["status"], (LoanStatus.PERFORMING, LoanStatus.DEFAULTED))
    for field, wrong, expected in (
        ("units", contracts["units"] < 0, "not negative"),
        ("customer_grade", (contracts["customer_grade"] < 0) | (contracts["customer_grade"] >= GRADES),
         "a grade"),
        ("rent", contracts["rent"] < 0.0, "not negative"),
        ("hazard_left", contracts["hazard_left"] <= 0.0, "positive"),
        ("end_week", contracts["end_week"] < contracts["start_week"], "not before its start"),
        ("end_week", contracts["end_week"] < economy.borrowers["first_end"][owner],
         "not before the first end that its borrower knows of"),
        ("machine", economy.machines["kind"][contracts["machine"]] != MachineKind.GPU, "a GPU"),
        ("loan", pledged & ~(live & (loans["obligor"] == owner) & (loans["machine"] == contracts["machine"])),
         "a live loan of its borrower against such machines"),
        ("row", np.arange(len(contracts)) % CONTRACTS >= economy.borrowers["contracts"][owner], "in use"),
    ):  # fmt: skip
        if (running & wrong).any():
            row = int(np.argmax(running & wrong))
            value = contracts[field][row] if field != "row" else row
            fail(economy, phase, f"contracts[{row}]", field, value, expected)
    on_loans = np.bincount(contracts["loan"][pledged], contracts["units"][pledged], len(economy.loans))
    over = on_loans > economy.loans["units"]
    if over.any():
        row = int(np.argmax(over))
        most = f"at most {economy.loans['units'][row]}"
        fail(economy, phase, f"loans[{row}]", "units let", int(on_loans[row]), most)
    let = contracts["units"].reshape(-1, CONTRACTS).sum(axis=1)
    compare(economy, phase, "borrowers", "let", economy.borrowers["let"], let, np.ones(len(let)))


def check_orders(economy: Economy, phase: str, lines_end: bool) -> None:
    """Deposits and commitments are those of the open orders, which only live agents have."""
    orders = economy.orders
    for field in ("units", "deposit", "commitment", "price", "offer"):
        bad = orders[field] < 0
        if bad.any():
            row = int(np.argmax(bad))
            fail(economy, phase, f"orders[{row}]", field, orders[field][row], "not negative")
    is_open = orders["units"] > 0
    kept = ~is_open & ((orders["deposit"] != 0.0) | (orders["commitment"] != 0.0))
    if kept.any():
        row = int(np.argmax(kept))
        fail(economy, phase, f"orders[{row}]", "deposit or commitment", orders[row], "zero without units")
    dead = is_open & (economy.borrowers["status"] != BorrowerStatus.ALIVE).repeat(ORDERS)
    if dead.any():
        row = int(np.argmax(dead))
        fail(economy, phase, f"orders[{row}]", "units", orders["units"][row], "0 after a default")
    promised = is_open & (orders["holder"] >= 0)
    broken = promised & (economy.lenders["status"][orders["holder"]] != LenderStatus.ALIVE) & lines_end
    broken |= is_open & (orders["holder"] < 0) & (orders["commitment"] != 0.0)
    if broken.any():
        row = int(np.argmax(broken))
        fail(economy, phase, f"orders[{row}]", "commitment", orders["commitment"][row], "0: no live lender")
    borrowers = economy.borrowers
    for field, taken in (
        ("orders", is_open),
        ("deposits", orders["deposit"]),
        ("reserved", np.where(is_open, np.maximum(0.0, orders["reserved"]), 0.0)),
    ):
        total = taken.reshape(-1, ORDERS).sum(axis=1)
        compare(economy, phase, "borrowers", field, borrowers[field], total, np.abs(total))
    weeks = np.where(is_open, orders["delivery_week"], np.iinfo(np.int32).max).reshape(-1, ORDERS)
    first = np.where(borrowers["orders"] > 0, weeks.min(axis=1), 0)
    compare(economy, phase, "borrowers", "next_delivery", borrowers["next_delivery"], first, np.zeros(1))
    kept = promised & (orders["syndicated"] == 0)
    committed = np.bincount(orders["holder"][kept], orders["commitment"][kept], len(economy.lenders))
    compare(economy, phase, "lenders", "committed", economy.lenders["committed"], committed, committed)
