"""Opening balance sheets, second half: lenders, buyers, and the books' starting point."""

import math

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BuyerKind, Cooling, LenderKind, Record
from hashcredit.simulator.books.ledger import borrower_equity, buyer_equity, lender_equity, sum_of
from hashcredit.simulator.books.randomness import Stream
from hashcredit.simulator.books.terms import take_buyer_terms, take_lender_terms
from hashcredit.simulator.lenders.interlender import open_interlender_claims
from hashcredit.simulator.opening.draws import opening_normal
from hashcredit.simulator.state.codes import Sector
from hashcredit.simulator.state.economy import Economy

LEAST_SHARE = 0.25
"""A lender without loans opens with the capital for this share of the average loan book."""


@kernel
def open_lender(economy: Economy, p: Record, index: int) -> None:
    """A lender's kind and terms; its balance sheet follows once all loans are placed."""
    lender = economy.lenders[index]
    banks, credit = p.population_banks, p.population_private_credit
    kind = LenderKind.BOND_FUND.value
    if index < banks:
        kind = LenderKind.BANK.value
    elif index < banks + credit:
        kind = LenderKind.PRIVATE_CREDIT.value
    lender.kind = kind
    lender.sector = Sector.LENDERS
    take_lender_terms(lender, p)
    lender.learned_recovery = p.lenders_recovery_prior[kind]
    lender.trailing_return = economy.market[0].cost_of_capital  # it has earned its cost so far
    lender.failure_week = -1
    lender.failure_event = -1
    lender.pressed_since = -1
    lender.trigger = -1


@kernel
def capitalise_lenders(economy: Economy, p: Record) -> None:
    """Equity and debts that carry the loans placed and promised, with the headroom of undrawn capacity."""
    placed = 0.0
    for index in range(economy.lenders.shape[0]):
        placed += sum_of(economy.lenders[index].loans)
    open_interlender_claims(economy, p, placed)
    least = LEAST_SHARE * placed / max(1, economy.lenders.shape[0])
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        loans = sum_of(lender.loans)
        base = max(loans + lender.committed, least)
        equity = p.lenders_equity_ratio[lender.kind] * (1.0 + p.lenders_headroom[lender.kind]) * base
        lender.cash = p.lenders_cash_share[lender.kind] * base
        debt = loans + lender.cash + lender.claims - lender.owed - equity
        if debt < 0.0:
            lender.cash -= debt
            debt = 0.0
        lender.repo = p.lenders_repo_share[lender.kind] * debt
        lender.funding = debt - lender.repo
        lender.opening_equity = lender_equity(lender)


@kernel
def buyer_kind(p: Record, k: int) -> int:
    """Kind of buyer `k`: operators, brokers, refurbishers, then scrap dealers."""
    last = p.population_operators
    if k < last:
        return BuyerKind.OPERATOR.value
    last += p.population_brokers
    if k < last:
        return BuyerKind.BROKER.value
    last += p.population_refurbishers
    if k < last:
        return BuyerKind.REFURBISHER.value
    return BuyerKind.SCRAP_DEALER.value


@kernel
def open_buyer(economy: Economy, p: Record, seed: int, replicate: int, k: int) -> None:
    """A buyer's terms, cash and free slots."""
    buyer = economy.buyers[k]
    kind = buyer_kind(p, k)
    buyer.kind = kind
    buyer.sector = Sector.BUYERS
    buyer.site_class = p.buyers_site_class[kind]
    take_buyer_terms(buyer, p)
    sd = p.buyers_cash_log_sd[kind]
    size = math.exp(sd * opening_normal(seed, replicate, Stream.POPULATION_BUYER, k, 0))
    buyer.cash = p.buyers_cash[kind] * size
    buyer.cash_target = buyer.cash
    buyer.slots[Cooling.ASIC] = int(p.buyers_slots_asic[kind] * size)
    buyer.slots[Cooling.AIR] = int(p.buyers_slots_air[kind] * size)
    buyer.slots[Cooling.LIQUID] = int(p.buyers_slots_liquid[kind] * size)
    for cooling in range(buyer.slots.shape[0]):
        buyer.slots_target[cooling] = buyer.slots[cooling]
    buyer.opening_equity = buyer_equity(buyer)


@kernel
def open_books(economy: Economy) -> None:
    """Remember the opening stocks against which every identity is checked."""
    outcomes = economy.outcomes[0]
    money = 0.0
    for account in economy.world:
        money += account.cash
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        borrower.opening_equity = borrower_equity(economy, b)
        money += borrower.cash
        for m in range(economy.machines.shape[0]):
            economy.machines[m].opening_units += borrower.units[m]
    for index in range(economy.lenders.shape[0]):
        money += economy.lenders[index].cash
        outcomes.debt_start_musd += sum_of(economy.lenders[index].loans)
    outcomes.debt_peak_musd = outcomes.debt_start_musd
    outcomes.debt_peak_week = -1
    for k in range(economy.buyers.shape[0]):
        money += economy.buyers[k].cash
    outcomes.opening_money = money
