"""Phase `cash_flow`: rents and mining revenue, power, leases and overhead, then debt service by rank."""

from typing import NamedTuple

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    DSCR_WINDOW,
    BorrowerKind,
    BorrowerStatus,
    MachineKind,
    Record,
)
from hashcredit.agents.miner import coins_to_keep
from hashcredit.agents.units import MILLION, WEEK
from hashcredit.simulator.books.contracts import contracts_of, lose_customer
from hashcredit.simulator.books.events import note_obligor
from hashcredit.simulator.books.ledger import (
    bill,
    pay,
    pay_service,
    receive_service,
    revalue,
    sum_of,
)
from hashcredit.simulator.books.loans import (
    COIN_INSTRUMENTS,
    DUST,
    close_loan,
    facilities_of,
    level_instalment,
    loan_rate,
    maturing_principal,
    owes,
    pay_interest,
    repay,
    scheduled_principal,
    sell_coins,
)
from hashcredit.simulator.books.prepayments import use_balance
from hashcredit.simulator.books.tape import note_interest, note_principal
from hashcredit.simulator.books.vendor_loans import serve_vendor
from hashcredit.simulator.credit.control import pass_through
from hashcredit.simulator.machines.earnings import add_contract
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation
from hashcredit.simulator.state.economy import Economy

RANKS = 2
INTEREST, PRINCIPAL = 0, 1
"""Rows of `Economy.payments_due`."""


class Service(NamedTuple):
    """What a borrower is due this week."""

    loans: int
    """How many it serves: entries of `Economy.due_loans` and columns of `Economy.payments_due`."""
    due: float
    """All of it, M$."""
    scheduled: float
    """Interest and level instalments, not what falls due at maturity, M$."""


@kernel
def revalue_coins(economy: Economy, previous_price: float) -> None:
    """Mark every miner's BTC, pledged or not, from last week's price (USD) to this week's."""
    change = (economy.market[0].btc_price - previous_price) * MILLION
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        coins = borrower.btc
        owed = 0.0
        for instrument in COIN_INSTRUMENTS:
            owed += borrower.debt[instrument]
        if owed > 0.0:
            first, last = facilities_of(economy, b)
            for row in range(first, last):
                coins += economy.loans[row].coins
        if coins > 0.0:
            revalue(economy, Revaluation.BTC_PRICE, borrower, coins * change)


@kernel
def spot_week(economy: Economy, owner: Record) -> tuple[float, float, float]:
    """Spot rent, mining revenue and avoidable cost (M$ a year) of an owner's units; all age a week."""
    market = economy.market[0]
    site = owner.site_class
    active = market.active
    rent = 0.0
    mined = 0.0
    cost = 0.0
    depreciation = 0.0
    for m in range(economy.machines.shape[0]):
        units = owner.units[m]
        if units == 0:
            continue
        machine = economy.machines[m]
        if machine.on[site]:
            cost += units * machine.cost[site]
            if machine.kind == MachineKind.ASIC:
                mined += units * machine.earning
            else:
                rent += units * machine.earning
                active += units * machine.throughput
        fall = min(owner.book[m], units * machine.depreciation)
        owner.book[m] -= fall
        depreciation += fall
    market.active = active
    revalue(economy, Revaluation.DEPRECIATION, owner, -depreciation)
    return rent, mined, cost


@kernel
def earn(economy: Economy, p: Record, b: int) -> float:
    """Rent, mining revenue and the avoidable cost of running units; return cash revenue less cost, M$.

    Rent that was paid in advance is revenue, but no cash of this week.
    """
    borrower = economy.borrowers[b]
    market = economy.market[0]
    site = borrower.site_class
    rent, mined, cost = spot_week(economy, borrower)
    in_advance = 0.0
    let, active = market.let, market.active
    first, last = contracts_of(economy, b)
    for row in range(first, last):
        contract = economy.contracts[row]
        if contract.units == 0:
            continue
        contract.hazard_left -= (
            p.credit_offtaker_hazard[contract.customer_grade] * market.offtaker_stress * WEEK
        )
        if contract.hazard_left <= 0.0:
            lose_customer(economy, row)
        else:
            rent, cost, let, active = add_contract(economy, contract, site, rent, cost, let, active)
            in_advance += use_balance(economy, contract, borrower)
    market.let = let
    market.active = active
    world = economy.world[0]
    pay(economy, Flow.COMPUTE_RENT, world, borrower, rent * WEEK)
    if in_advance > 0.0:
        pay(economy, Flow.CUSTOMER_PREPAYMENTS, borrower, world, in_advance)
    if borrower.kind == BorrowerKind.MINER:
        pay(economy, Flow.MINING_REVENUE, world, borrower, mined * WEEK)
        keep = coins_to_keep(mined * WEEK, borrower.cash, p.investment_buffer_weeks * borrower.obligations,
                             p.miners_hold_share)  # fmt: skip
        if keep > 0.0:
            pay(economy, Flow.BTC_TRADES, borrower, world, keep)
            borrower.btc += keep / (market.btc_price * MILLION)
    pay_bill(economy, p, Flow.POWER_AND_UPKEEP, borrower, cost * WEEK)
    return (rent + mined - cost) * WEEK - in_advance


@kernel
def pay_bill(economy: Economy, p: Record, flow: int, borrower: Record, due: float) -> None:
    """Pay a bill from cash, and then as `pay_short`."""
    if borrower.cash >= due:
        pay(economy, flow, borrower, economy.world[0], due)
    else:
        pay_short(economy, p, flow, borrower, due)


@kernel
def pay_short(economy: Economy, p: Record, flow: int, borrower: Record, due: float) -> None:
    """Pay a bill beyond its cash out of coins; what is left becomes an overdue payable."""
    sell_coins(economy, p, borrower, due - borrower.cash)
    paid = min(due, max(borrower.cash, 0.0))
    pay(economy, flow, borrower, economy.world[0], paid)
    unpaid = due - paid
    if unpaid > 0.0:
        bill(economy, borrower, unpaid)


@kernel
def settle_payables(economy: Economy, p: Record, borrower: Record) -> None:
    """Pay overdue bills out of cash and coins."""
    if borrower.cash < borrower.payables:
        sell_coins(economy, p, borrower, borrower.payables - borrower.cash)
    paid = min(borrower.payables, max(borrower.cash, 0.0))
    pay(economy, Flow.PAYABLES_SETTLED, borrower, economy.world[0], paid)
    borrower.payables -= paid
    if borrower.payables < DUST:
        bill(economy, borrower, -borrower.payables)


@kernel
def is_left_alone(borrower: Record, loan: Record) -> bool:
    """Whether a loan is not that of a vehicle in its holder's control, which serves it itself."""
    return borrower.controlled == 0 or loan.controlled == 0


@kernel
def list_payments_due(economy: Economy, b: int) -> Service:
    """List the loans that a borrower serves and what each is due this week; return how many, and the sums.

    A loan's interest, and its instalment with what is overdue, go to its column of `economy.payments_due`.
    Scheduled is also the service of a vehicle in its holder's control, which is due nothing but what it
    earns: by what was agreed cover is measured.
    """
    clock, market = economy.clock[0], economy.market[0]
    borrower = economy.borrowers[b]
    count = 0
    due = 0.0
    scheduled = 0.0
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if owes(loan):
            interest = loan.principal * loan_rate(loan, market.policy_rate) * WEEK
            instalment = level_instalment(loan, clock.week)
            principal = loan.overdue + (instalment + maturing_principal(loan, clock.week))
            scheduled += interest + instalment
            if is_left_alone(borrower, loan):
                economy.due_loans[count] = row
                economy.payments_due[INTEREST, count] = interest
                economy.payments_due[PRINCIPAL, count] = principal
                due += interest + principal
                count += 1
    return Service(count, due, scheduled)


@kernel
def tape_payments_due(economy: Economy, count: int) -> None:
    """Enter on the loan tape what `make_payments_due` is about to pay, if anybody wants one.

    Apart from it, so that runs without a tape do not carry this through the loop over all loans.
    """
    if economy.tape.shape[0] == 0:
        return
    for place in range(count):
        loan = economy.loans[economy.due_loans[place]]
        note_interest(economy, loan, economy.payments_due[INTEREST, place], loan.principal)
        note_principal(economy, loan, economy.payments_due[PRINCIPAL, place])


@kernel
def make_payments_due(economy: Economy, b: int, count: int) -> None:
    """Pay the `count` loans that `list_payments_due` has listed: the borrower has the cash."""
    borrower = economy.borrowers[b]
    interests = 0.0
    principals = 0.0
    for place in range(count):
        loan = economy.loans[economy.due_loans[place]]
        interest = economy.payments_due[INTEREST, place]
        principal = economy.payments_due[PRINCIPAL, place]
        lender = economy.lenders[loan.holder]
        receive_service(loan, borrower, lender, interest, principal)
        lender.week_interest += interest
        interests += interest
        principals += principal
        loan.overdue = 0.0
        loan.weeks_overdue = 0
        if loan.principal < DUST:
            close_loan(economy, loan, borrower, lender)
    pay_service(economy, borrower, interests, principals)


@kernel
def service_by_rank(economy: Economy, p: Record, b: int, count: int) -> None:
    """Serve the `count` listed loans of a borrower that cannot pay all of them, secured ones first."""
    borrower = economy.borrowers[b]
    for rank in range(RANKS):
        for place in range(count):
            loan = economy.loans[economy.due_loans[place]]
            if loan.rank == rank:
                service_loan(economy, p, loan, borrower)


@kernel
def service_loan(economy: Economy, p: Record, loan: Record, borrower: Record) -> None:
    """Collect interest, the instalment and what is overdue, as far as cash and then coins go."""
    clock, market = economy.clock[0], economy.market[0]
    interest = loan.principal * loan_rate(loan, market.policy_rate) * WEEK
    instalment = scheduled_principal(loan, clock.week)
    if borrower.cash >= interest + instalment + loan.overdue:
        lender = economy.lenders[loan.holder]
        pay_interest(economy, loan, borrower, lender, interest, interest)
        principal = loan.overdue + instalment
        loan.overdue = 0.0
        loan.weeks_overdue = 0
        if principal > 0.0:
            repay(economy, loan, borrower, lender, principal)
    else:
        service_in_part(economy, p, loan, borrower, interest, instalment)


@kernel
def service_in_part(
    economy: Economy, p: Record, loan: Record, borrower: Record, interest: float, instalment: float
) -> None:
    """A borrower short of cash sells coins and pays what it can: interest first, then what is overdue."""
    lender = economy.lenders[loan.holder]
    sell_coins(economy, p, borrower, interest + instalment + loan.overdue - borrower.cash)
    loan.overdue += instalment
    pay_interest(economy, loan, borrower, lender, min(interest, max(borrower.cash, 0.0)), interest)
    paid = min(loan.overdue, max(borrower.cash, 0.0))
    if paid > 0.0:
        repay(economy, loan, borrower, lender, paid)
    if loan.overdue > DUST:
        loan.weeks_overdue += 1
        if loan.weeks_overdue == 1:
            note_obligor(economy, EventKind.MISSED_PAYMENT, loan, loan.overdue)
    else:
        loan.overdue = 0.0
        loan.weeks_overdue = 0


@kernel
def service_debt(economy: Economy, p: Record, b: int) -> float:
    """Serve all loans of a borrower as far as its means go; return the week's scheduled service, M$."""
    service = list_payments_due(economy, b)
    if economy.borrowers[b].cash >= service.due:
        tape_payments_due(economy, service.loans)
        make_payments_due(economy, b, service.loans)
    else:
        service_by_rank(economy, p, b, service.loans)
    return service.scheduled


@kernel
def remember_week(economy: Economy, borrower: Record, cash_flow: float, service: float) -> None:
    """Move the trailing window on by a week; its sums are added up afresh once a round."""
    slot = economy.clock[0].week % DSCR_WINDOW
    borrower.cfads_window += cash_flow - borrower.cfads[slot]
    borrower.service_window += service - borrower.service[slot]
    borrower.cfads[slot] = cash_flow
    borrower.service[slot] = service
    if slot == 0:
        borrower.cfads_window = sum_of(borrower.cfads)
        borrower.service_window = sum_of(borrower.service)


@kernel
def operate_borrower(economy: Economy, p: Record, b: int) -> None:
    """One borrower's week: earn, pay bills, serve debt, remember cover and obligations.

    Collections of a vehicle in control are its holder's before anybody else is paid.
    """
    borrower = economy.borrowers[b]
    earned = earn(economy, p, b)
    if borrower.controlled > 0:
        pass_through(economy, p, b)
    if borrower.payables > 0.0:
        settle_payables(economy, p, borrower)
    pay_bill(economy, p, Flow.SITE_LEASES, borrower, borrower.lease_week)
    pay_bill(economy, p, Flow.OVERHEAD, borrower, borrower.overhead_week)
    borrower.weeks_payables = borrower.weeks_payables + 1 if borrower.payables > DUST else 0
    service = service_debt(economy, p, b)
    if borrower.vendor_debt > 0.0:
        service += serve_vendor(economy, p, borrower)
    remember_week(economy, borrower, earned - borrower.lease_week - borrower.overhead_week, service)
    borrower.obligations = borrower.lease_week + borrower.overhead_week + service


@kernel
def operate_buyer(economy: Economy, k: int) -> None:
    """One buyer's week: racked machines earn spot rent where it covers their avoidable cost."""
    buyer = economy.buyers[k]
    if sum_of(buyer.racked) == 0:
        return
    rent, mined, cost = spot_week(economy, buyer)
    pay(economy, Flow.COMPUTE_RENT, economy.world[0], buyer, rent * WEEK)
    pay(economy, Flow.MINING_REVENUE, economy.world[0], buyer, mined * WEEK)
    pay(economy, Flow.POWER_AND_UPKEEP, buyer, economy.world[0], cost * WEEK)


@kernel
def operate(economy: Economy, p: Record) -> None:
    """Everybody's operating week; active throughput is counted afresh for next week's supply."""
    market = economy.market[0]
    market.active = 0.0
    market.let = 0.0
    for b in range(economy.borrowers.shape[0]):
        if economy.borrowers[b].status == BorrowerStatus.ALIVE:
            operate_borrower(economy, p, b)
    economy.outcomes[0].running_throughput += market.active
    economy.outcomes[0].let_throughput += market.let
    market.contract_share = market.let / market.active if market.active > 0.0 else 0.0
    for k in range(economy.buyers.shape[0]):
        operate_buyer(economy, k)
