"""Every bookkeeping identity, for `--check`: slow, in plain NumPy, naming the offender."""

import numpy as np

from hashcredit.agents.dimensions import (
    CONTRACTS,
    FACILITIES,
    ORDERS,
    BorrowerStatus,
    Cause,
    Instrument,
    LenderStatus,
    LoanStatus,
)
from hashcredit.agents.units import MILLION
from hashcredit.simulator.books.ledger import losses_bind
from hashcredit.simulator.reports.contract_checks import (
    TOLERANCE,
    agent_at,
    check_contracts,
    check_orders,
    compare,
    fail,
)
from hashcredit.simulator.reports.frames import AGENT_TABLES, sector_cash
from hashcredit.simulator.state.arrays import TABLES
from hashcredit.simulator.state.codes import LAST_INCOME_FLOW, Sector
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.pool import MacroSector


def promises_end(parameters: np.ndarray, regime: int) -> bool:
    """Whether no loan outlives the lender that has promised it, up to the week's row of the parameters.

    While `channels.lender_credit` is off a promise stands that its lender's losses would have ended, and it
    still stands when an intervention switches the channel on.
    """
    return all(losses_bind(parameters[row]) for row in range(regime + 1))


def check_identities(economy: Economy, opening: Economy, phase: str, lines_end: bool = True) -> None:
    """Test all identities on the state after a phase; raise `SimulationError` at the first failure.

    `lines_end` as told by `promises_end()`.
    """
    check_finite(economy, phase)
    check_loans(economy, phase)
    check_contracts(economy, phase)
    check_debts(economy, opening, phase)
    check_holders(economy, phase)
    check_orders(economy, phase, lines_end)
    check_prepayments(economy, phase)
    check_vendor_debts(economy, phase)
    check_units(economy, phase)
    check_calm(economy, phase)
    check_slots(economy, opening, phase)
    check_equity(economy, phase)
    check_cash(economy, opening, phase)
    check_income(economy, phase)
    check_claims(economy, phase)
    check_macro(economy, opening, phase)


def check_finite(economy: Economy, phase: str) -> None:
    """No NaN and no infinity anywhere in the state."""
    for table in TABLES:
        rows = getattr(economy, table)
        for field in rows.dtype.names:
            values = rows[field]
            if values.dtype.kind != "f" or not len(rows):
                continue
            bad = ~np.isfinite(values).reshape(len(rows), -1).all(axis=1)
            if bad.any():
                row = int(np.argmax(bad))
                name = agent_at(economy, table, row) if table in AGENT_TABLES else f"{table}[{row}]"
                fail(economy, phase, name, field, values[row], "finite")


def check_loans(economy: Economy, phase: str) -> None:
    """Nothing is negative, overdue is part of principal, borrowers foresee maturities, control is counted."""
    loans = economy.loans
    for field in ("principal", "units", "coins", "seized", "overdue", "balloon"):
        bad = loans[field] < (-TOLERANCE if loans[field].dtype.kind == "f" else 0)
        if bad.any():
            row = int(np.argmax(bad))
            fail(economy, phase, f"loans[{row}]", field, loans[field][row], "not negative")
    excess = loans["overdue"] > loans["principal"] * (1 + TOLERANCE) + TOLERANCE
    live = loans["status"] == LoanStatus.PERFORMING
    if (excess & live).any():
        row = int(np.argmax(excess & live))
        fail(economy, phase, f"loans[{row}]", "overdue", loans["overdue"][row], "at most the principal")
    later = live & (loans["maturity_week"] > economy.clock["week"][0] + 1)
    unseen = later & (loans["maturity_week"] < economy.borrowers["first_maturity"].repeat(FACILITIES))
    if unseen.any():
        row = int(np.argmax(unseen))
        who, week = agent_at(economy, "borrowers", row // FACILITIES), loans["maturity_week"][row]
        found = economy.borrowers["first_maturity"][row // FACILITIES]
        fail(economy, phase, who, "first_maturity", found, f"at most {week}")
    taken = loans["controlled"] != 0
    odd = taken & (~live | (loans["recourse"] != 0))
    if odd.any():
        fail(economy, phase, f"loans[{int(np.argmax(odd))}]", "controlled", 1, "a live one without recourse")
    counted = taken.reshape(-1, FACILITIES).sum(axis=1)
    compare(economy, phase, "borrowers", "controlled", economy.borrowers["controlled"], counted, counted)


def check_debts(economy: Economy, opening: Economy, phase: str) -> None:
    """Each instrument's face is the same on the rows, the holder's asset and the obligor's liability side."""
    loans = economy.loans
    live = np.isin(loans["status"], (LoanStatus.PERFORMING, LoanStatus.DEFAULTED))
    for instrument in Instrument:
        chosen = live & (loans["instrument"] == instrument)
        face = np.where(chosen, loans["principal"], 0.0)
        owed = face.reshape(-1, FACILITIES).sum(axis=1)
        debt = economy.borrowers["debt"][:, instrument]
        before = opening.borrowers["debt"][:, instrument]  # repaid in parts, it leaves their rounding
        scale = np.maximum(owed, before)
        compare(economy, phase, "borrowers", f"debt ({instrument.name.lower()})", debt, owed, scale)
        held = np.bincount(loans["holder"][chosen], face[chosen], len(economy.lenders))
        asset = economy.lenders["loans"][:, instrument]
        scale = np.maximum(held, opening.lenders["loans"][:, instrument])
        compare(economy, phase, "lenders", f"loans ({instrument.name.lower()})", asset, held, scale)
    allowance = np.bincount(loans["holder"], loans["allowance"], len(economy.lenders))
    carried = economy.lenders["allowance"]
    compare(economy, phase, "lenders", "allowance", carried, allowance, economy.lenders["loans"].sum(axis=1))


def check_holders(economy: Economy, phase: str) -> None:
    """Who owes a lender a loan, or is promised one, knows it: a lender looks for its loans nowhere else."""
    lenders = len(economy.lenders)
    borrower = np.repeat(np.arange(len(economy.borrowers)), np.diff(economy.credit_start))
    known = borrower * lenders + economy.credit_lender
    for table, rows, each in (("loans", economy.loans, FACILITIES), ("orders", economy.orders, ORDERS)):
        live = rows["principal"] > 0.0 if table == "loans" else (rows["units"] > 0) & (rows["holder"] >= 0)
        links = np.arange(len(rows)) // each * lenders + rows["holder"]
        strange = live & ~np.isin(links, known)
        if strange.any():
            row = int(np.argmax(strange))
            holder = int(rows["holder"][row])
            fail(economy, phase, f"{table}[{row}]", "holder", holder, "a lender that its borrower knows")


def check_prepayments(economy: Economy, phase: str) -> None:
    """Customers' balances are those of open rows and sum to their borrower's; failed ones may owe more."""
    borrowers = economy.borrowers
    total = np.zeros(len(borrowers))
    for table, rows_each in (("orders", ORDERS), ("contracts", CONTRACTS)):
        rows = getattr(economy, table)
        kept = (rows["units"] == 0) & (rows["prepaid"] != 0.0)
        wrong = kept | (rows["prepaid"] < -TOLERANCE)
        if wrong.any():
            row = int(np.argmax(wrong))
            expected = "zero without units, never negative"
            fail(economy, phase, f"{table}[{row}]", "prepaid", rows["prepaid"][row], expected)
        total += rows["prepaid"].reshape(-1, rows_each).sum(axis=1)
    # what is due to the customers of a failed borrower is no row's any more
    failed = borrowers["status"] == BorrowerStatus.IN_RESOLUTION
    expected_sum = np.where(failed, np.maximum(total, borrowers["prepaid"]), total)
    compare(economy, phase, "borrowers", "prepaid", borrowers["prepaid"], expected_sum, total)


def check_vendor_debts(economy: Economy, phase: str) -> None:
    """What is owed to the vendor is never negative, has weeks left, and ends with the estate."""
    borrowers = economy.borrowers
    owed, weeks = borrowers["vendor_debt"], borrowers["vendor_weeks"]
    closed = borrowers["status"] == BorrowerStatus.RESOLVED
    wrong = (owed < 0.0) | ((owed > 0.0) & (closed | (weeks <= 0.0)))
    if wrong.any():
        row = int(np.argmax(wrong))
        expected = "not negative, zero after the end"
        fail(economy, phase, agent_at(economy, "borrowers", row), "vendor_debt", owed[row], expected)


def check_units(economy: Economy, phase: str) -> None:
    """Machines are conserved by type; pledges, contracts and offers never exceed what the owner has."""
    held = sum(getattr(economy, table)["units"].sum(axis=0) for table in ("borrowers", "lenders", "buyers"))
    machines = economy.machines
    expected = machines["opening_units"] + machines["delivered"] - machines["scrapped"]
    if (held != expected).any():
        m = int(np.argmax(held != expected))
        fail(economy, phase, f"machines[{m}]", "units held", held[m], expected[m])
    loans = economy.loans
    types = economy.borrowers["units"].shape[1]
    pledged = np.zeros((len(economy.borrowers), types), np.int64)
    has = loans["machine"] >= 0
    np.add.at(pledged, (np.arange(len(loans))[has] // FACILITIES, loans["machine"][has]), loans["units"][has])
    seized = np.zeros((len(economy.lenders), types), np.int64)
    np.add.at(seized, (loans["holder"][has], loans["machine"][has]), loans["seized"][has])
    contracts = economy.contracts
    let = np.zeros_like(pledged)
    np.add.at(let, (np.arange(len(contracts)) // CONTRACTS, contracts["machine"]), contracts["units"])
    for name, taken in (("pledged", pledged), ("let", let), ("offered", economy.borrowers["offered"])):
        over = (taken > economy.borrowers["units"]).any(axis=1)
        if over.any():
            b = int(np.argmax(over))
            most = f"at most {economy.borrowers['units'][b]}"
            fail(economy, phase, agent_at(economy, "borrowers", b), name, taken[b], most)
    wrong = (seized != economy.lenders["units"]).any(axis=1)
    if wrong.any():
        index = int(np.argmax(wrong))
        owned = economy.lenders["units"][index]
        fail(economy, phase, agent_at(economy, "lenders", index), "units", owned, seized[index])
    borrowers = economy.borrowers
    may_be_sold = (borrowers["status"] == BorrowerStatus.IN_RESOLUTION) | (borrowers["claims"] > 0)
    unseen = (loans["seized"] > 0) & ~np.repeat(may_be_sold, FACILITIES)
    if unseen.any():
        row = int(np.argmax(unseen))
        expected = "0 without a claim in default"
        fail(economy, phase, f"loans[{row}]", "seized", loans["seized"][row], expected)


def check_calm(economy: Economy, phase: str) -> None:
    """Nobody who sells, fails, or is in default is passed over as calm."""
    borrowers = economy.borrowers
    failing = (borrowers["status"] == BorrowerStatus.ALIVE) & (borrowers["pending_cause"] != Cause.NONE)
    in_default = (borrowers["status"] == BorrowerStatus.IN_RESOLUTION) | (borrowers["claims"] > 0)
    wrong = economy.calm & (failing | in_default | (borrowers["selling"] != 0))
    if wrong.any():
        fail(economy, phase, agent_at(economy, "borrowers", int(np.argmax(wrong))), "calm", True, "false")


def check_slots(economy: Economy, opening: Economy, phase: str) -> None:
    """Slots leased, plus closed ones, equal the opening stock plus those built; machines and pledges fit."""
    total = int(economy.borrowers["slots"].sum() + economy.buyers["slots"].sum())
    first = int(opening.borrowers["slots"].sum() + opening.buyers["slots"].sum())
    market = economy.market[0]
    expected = first + int(market["slots_built"]) - int(market["slots_closed"])
    if total != expected:
        fail(economy, phase, "all owners", "slots", total, expected)
    loans = economy.loans
    pledged = np.zeros_like(economy.borrowers["slots"])
    np.add.at(pledged, (np.arange(len(loans)) // FACILITIES, loans["slot_class"]), loans["slots"])
    over = (pledged > economy.borrowers["slots"]).any(axis=1)
    if over.any():
        b = int(np.argmax(over))
        most = f"at most {economy.borrowers['slots'][b]}"
        fail(economy, phase, agent_at(economy, "borrowers", b), "slots pledged", pledged[b], most)
    cooling = economy.machines["cooling"]
    for name in ("borrowers", "buyers"):
        rows = getattr(economy, name)
        for c in range(rows["slots"].shape[1]):
            used = rows["units"][:, cooling == c].sum(axis=1)
            compare(economy, phase, name, "racked", rows["racked"][:, c], used, np.ones(len(rows)))
            over = (used > rows["slots"][:, c]) & (rows["status"] == 0 if name == "borrowers" else True)
            if over.any():
                row = int(np.argmax(over))
                fail(
                    economy,
                    phase,
                    agent_at(economy, name, row),
                    "machines racked",
                    used[row],
                    "at most its slots",
                )


def check_cash(economy: Economy, opening: Economy, phase: str) -> None:
    """Every row of the flow matrix sums to zero and its columns explain each sector's change of cash."""
    gross = np.maximum(np.abs(economy.flows).sum(), 1.0)
    rows = economy.flows.sum(axis=1)
    compare(economy, phase, "flow", "row sum", rows, np.zeros_like(rows), np.full_like(rows, gross))
    change = sector_cash(economy) - sector_cash(opening)
    explained = economy.flows.sum(axis=0)
    compare(economy, phase, "sector", "cash", change, explained, np.full(len(Sector), gross))


def check_accounts(economy: Economy) -> None:
    """At the end of a week nobody is overdrawn; within one a lender may be, until it draws on its funding."""
    scale = {
        "borrowers": economy.borrowers["debt"].sum(axis=1),
        "lenders": economy.lenders["loans"].sum(axis=1),
        "buyers": economy.buyers["book"].sum(axis=1),
    }
    for table, size in scale.items():
        cash = getattr(economy, table)["cash"]
        overdrawn = cash < -TOLERANCE * np.maximum(size, 1.0)
        if overdrawn.any():
            row = int(np.argmax(overdrawn))
            fail(economy, "the last phase", agent_at(economy, table, row), "cash", cash[row], "not negative")


def check_equity(economy: Economy, phase: str) -> None:
    """Change in equity is income plus issuance less distributions, for every agent."""
    coin = economy.market["btc_price"][0] * MILLION
    borrowers = economy.borrowers
    coins = borrowers["btc"] + economy.loans["coins"].reshape(-1, FACILITIES).sum(axis=1)
    assets = borrowers["cash"] + coins * coin + borrowers["deposits"] + borrowers["book"].sum(axis=1)
    debts = borrowers["debt"].sum(axis=1) + borrowers["payables"] + borrowers["prepaid"]
    debts += borrowers["vendor_debt"]
    sides = {
        "borrowers": (assets - debts, assets + debts),
        "lenders": (
            economy.lenders["cash"]
            + economy.lenders["loans"].sum(axis=1)
            - economy.lenders["allowance"]
            + economy.lenders["claims"]
            - lender_debts(economy),
            economy.lenders["loans"].sum(axis=1) + economy.lenders["claims"] + lender_debts(economy),
        ),
        "buyers": (
            economy.buyers["cash"] + economy.buyers["book"].sum(axis=1),
            np.abs(economy.buyers["cash"]) + economy.buyers["book"].sum(axis=1),
        ),
    }
    for name, (equity, scale) in sides.items():
        rows = getattr(economy, name)
        expected = rows["opening_equity"] + rows["income"] + rows["issuance"] - rows["distributions"]
        turnover = scale + np.abs(rows["opening_equity"]) + np.abs(rows["income"]) + rows["distributions"]
        compare(economy, phase, name, "equity", equity, expected, turnover)


def lender_debts(economy: Economy) -> np.ndarray:
    """All that each lender owes, M$."""
    owed = [economy.lenders[field] for field in ("funding", "repo", "facility", "owed", "guaranteed")]
    return np.asarray(sum(owed))


def check_claims(economy: Economy, phase: str) -> None:
    """Claims between lenders: the same face on both sides, those on failed lenders carried at nothing."""
    lenders = economy.lenders
    creditor = np.repeat(np.arange(len(lenders)), np.diff(economy.claim_start))
    alive = lenders["status"][economy.claim_debtor] == LenderStatus.ALIVE
    face = economy.claim_face
    scale = lenders["opening_equity"] + lenders["loans"].sum(axis=1)
    held = np.bincount(creditor, np.where(alive, face, 0.0), len(lenders))
    compare(economy, phase, "lenders", "claims", lenders["claims"], held, scale)
    owed = np.bincount(economy.claim_debtor, face, len(lenders))
    compare(economy, phase, "lenders", "owed", lenders["owed"], owed, scale)
    for field in ("repo", "facility", "funding", "guaranteed", "called"):
        bad = lenders[field] < -TOLERANCE * np.maximum(scale, 1.0)
        if bad.any():
            row = int(np.argmax(bad))
            name = agent_at(economy, "lenders", row)
            fail(economy, phase, name, field, lenders[field][row], "not negative")


def check_income(economy: Economy, phase: str) -> None:
    """Each sector's income is what the flow matrix and the revaluation matrix say, and nothing else."""
    booked = economy.flows[: LAST_INCOME_FLOW + 1].sum(axis=0) + economy.revaluations.sum(axis=0)
    income = np.zeros(len(Sector))
    for sector in (Sector.MINERS, Sector.NEOCLOUDS):
        income[sector] = economy.borrowers["income"][economy.borrowers["sector"] == sector].sum()
    income[Sector.LENDERS] = economy.lenders["income"].sum()
    income[Sector.BUYERS] = economy.buyers["income"].sum()
    income[Sector.REST_OF_WORLD :] = economy.world["income"]
    gross = np.abs(economy.flows).sum() + np.abs(economy.revaluations).sum()
    compare(economy, phase, "sector", "income", income, booked, np.full(len(Sector), gross))


def check_macro(economy: Economy, opening: Economy, phase: str) -> None:
    """Payments of the funding pool have two ends and explain the change of every account, in both worlds."""
    rows = economy.macro_flows.sum(axis=2).reshape(-1)
    gross = np.abs(economy.macro_flows).sum()
    compare(economy, phase, "macro flow", "row sum", rows, np.zeros_like(rows), np.full_like(rows, gross))
    change = macro_cash(economy) - macro_cash(opening)
    explained = economy.macro_flows.sum(axis=1)
    scale = np.full(change.size, gross)
    compare(economy, phase, "macro sector", "cash", change.reshape(-1), explained.reshape(-1), scale)


def macro_cash(economy: Economy) -> np.ndarray:
    """Accounts of the funding pool, bn$ [world, MacroSector]."""
    cash: np.ndarray = economy.macro["cash"].copy()
    cash[:, MacroSector.INVESTORS] += economy.investors["cash"].sum(axis=1)
    return cash
