"""Phase `secondary_market`: who puts what on sale in a week, how much of it, and at which reservation price.

A lot belongs to one seller and one machine type: collateral that a lender has seized, or what an estate or a
borrower in distress sells itself. A lender that is called on its back-leverage puts all on sale at the floor.
"""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerStatus, Record
from hashcredit.simulator.books.loans import facilities_of, has_claims
from hashcredit.simulator.machines.earnings import scrap_price
from hashcredit.simulator.state.decisions import sound_quota, sound_reservation
from hashcredit.simulator.state.economy import Economy


@kernel
def add_lot(
    economy: Economy,
    p: Record,
    m: int,
    lots: int,
    node: int,
    row: int,
    is_loan: int,
    units: int,
    weeks_held: int,
) -> int:
    """Put a week's quota of a seller's `units` on sale, if there is one; return the new number of lots."""
    economy.machines[m].inventory += units
    quota = sound_quota(economy.clock[0], economy.quota_rule(units, p.secondary_market_sell_share), units)
    return open_lot(economy, p, m, lots, node, row, is_loan, quota, weeks_held)


@kernel
def open_lot(
    economy: Economy,
    p: Record,
    m: int,
    lots: int,
    node: int,
    row: int,
    is_loan: int,
    quota: int,
    weeks_held: int,
) -> int:
    """Put `quota` units on sale at the seller's reservation price; return the new number of lots."""
    machine = economy.machines[m]
    if quota == 0:
        return lots
    lot = economy.lots[lots]
    lot.machine = m
    lot.node = node
    lot.row = row
    lot.is_loan = is_loan
    lot.left = quota
    reserve_share, patience = p.secondary_market_reserve_share, p.secondary_market_patience_weeks
    lot.reserve = sound_reservation(
        economy.clock[0],
        economy.reservation_rule(
            machine.appraisal, scrap_price(p, machine), reserve_share, weeks_held, patience
        ),
    )
    machine.offered += lot.left
    return lots + 1


@kernel
def add_lots_of(economy: Economy, p: Record, b: int, lots: int) -> int:
    """Put on sale what borrower `b` or its estate offers, and what its creditors have seized."""
    borrower = economy.borrowers[b]
    in_resolution = borrower.status == BorrowerStatus.IN_RESOLUTION
    held = economy.clock[0].week - borrower.release_week if in_resolution else 0
    for m in range(economy.machines.shape[0]):
        if borrower.offered[m] > 0:
            lots = add_lot(economy, p, m, lots, b, b, 0, borrower.offered[m], held)
    if has_claims(borrower):
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.seized > 0 and loan.weeks_held >= 0:
                node = economy.borrowers.shape[0] + loan.holder
                if is_dumping(economy.lenders[loan.holder]):
                    economy.machines[loan.machine].inventory += loan.seized
                    lots = dump(economy, p, row, lots, loan.seized)
                else:
                    lots = add_lot(economy, p, loan.machine, lots, node, row, 1, loan.seized, loan.weeks_held)
    return lots


@kernel
def is_dumping(lender: Record) -> bool:
    """Whether a lender must turn its machines into cash now: its back-leverage is called."""
    return lender.called > 0.0


@kernel
def dump(economy: Economy, p: Record, row: int, lots: int, units: int) -> int:
    """Put `units` that secure a claim on sale for whatever they fetch; return the new number of lots."""
    loan = economy.loans[row]
    node = economy.borrowers.shape[0] + loan.holder
    at_the_floor = math.ceil(p.secondary_market_patience_weeks)
    return open_lot(economy, p, loan.machine, lots, node, row, 1, units, max(loan.weeks_held, at_the_floor))


@kernel
def open_dumped_lots(economy: Economy, p: Record) -> int:
    """The rest of the machines of lenders whose back-leverage was called since the week's sale."""
    lots = 0
    week = economy.clock[0].week
    for b in range(economy.borrowers.shape[0]):
        if economy.calm[b] or not has_claims(economy.borrowers[b]):
            continue
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if loan.seized == 0 or loan.weeks_held < 0:
                continue
            lender = economy.lenders[loan.holder]
            if is_dumping(lender) and lender.pressed_since == week:
                lots = dump(economy, p, row, lots, loan.seized)
    for m in range(economy.machines.shape[0]):  # a part of them was on sale before
        machine = economy.machines[m]
        machine.offered = min(machine.offered, machine.inventory)
    return lots


@kernel
def open_lots(economy: Economy, p: Record) -> int:
    """Collect the week's lots of all types; return their number."""
    for m in range(economy.machines.shape[0]):
        machine = economy.machines[m]
        machine.inventory = 0
        machine.offered = 0
        machine.traded = 0
        machine.traded_value = 0.0
    lots = 0
    for b in range(economy.borrowers.shape[0]):
        if economy.calm[b]:
            continue
        borrower = economy.borrowers[b]
        if borrower.status == BorrowerStatus.IN_RESOLUTION or (
            borrower.status == BorrowerStatus.ALIVE and (borrower.selling or borrower.claims > 0)
        ):
            lots = add_lots_of(economy, p, b, lots)
    return lots
