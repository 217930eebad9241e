"""Phase `resolution`: when a stay ends, a rival may take the whole site over in place.

Nothing is moved: machines stay in their racks, the lease and the customers' contracts go on, and whoever
takes over pays what the site owes. Creditors and estate agree if the price brings each of them what they
would ask for their machines elsewhere, less what they save. Live borrowers bid, as in an English auction:
the site goes to the one that can go furthest, at the price at which the next one gives up. Of equal ones the
earlier row wins.
"""

from hashcredit.agents.buyer import annuity
from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import (
    CONTRACTS,
    BorrowerStatus,
    Cause,
    MachineKind,
    Record,
)
from hashcredit.agents.lender import weekly_quota
from hashcredit.agents.miner import runs
from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.books.contracts import (
    UNPLEDGED,
    contracts_of,
    end_contracts,
    free_contract,
    free_contracts,
    write_contract,
)
from hashcredit.simulator.books.events import note
from hashcredit.simulator.books.ledger import bill, pay, put_units, revalue, sum_of, take_units
from hashcredit.simulator.books.loans import facilities_of, free_units
from hashcredit.simulator.books.prepayments import move_balance
from hashcredit.simulator.credit.claims import apply_collateral
from hashcredit.simulator.credit.sites import price_of_slots, release_slots
from hashcredit.simulator.machines.collateral import removal_cost
from hashcredit.simulator.machines.earnings import (
    replacement_cost,
    scrap_price,
    value_of,
    vendor_price_cap,
)
from hashcredit.simulator.machines.rents import contract_premium
from hashcredit.simulator.market.auction import formula_price, outsiders_are_elastic
from hashcredit.simulator.market.bidding import peer_budget
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation
from hashcredit.simulator.state.decisions import sound_reservation
from hashcredit.simulator.state.economy import Economy


@kernel
def release_repaid(economy: Economy, b: int) -> None:
    """Machines on which nothing is owed any more belong to the estate."""
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.units > 0 and loan.principal <= 0.0:
            loan.units = 0


@kernel
def lot_ask(economy: Economy, p: Record, m: int, units: int, saved: float) -> float:
    """What an owner asks for machines left in their racks (M$), `saved` M$ a unit being its cost of removal.

    Elsewhere it would first ask its reservation price; where outsiders are elastic it would get theirs.
    """
    machine = economy.machines[m]
    if outsiders_are_elastic(p):
        price = formula_price(economy, p, m, weekly_quota(units, p.secondary_market_sell_share))
    else:
        share, patience = p.secondary_market_reserve_share, p.secondary_market_patience_weeks
        price = sound_reservation(
            economy.clock[0],
            economy.reservation_rule(machine.appraisal, scrap_price(p, machine), share, 0, patience),
        )
    return units * max(0.0, price - saved)


@kernel
def pledged_ask(economy: Economy, p: Record, loan: Record) -> float:
    """What a creditor asks for the machines that secure its claim, M$; in place it removes none."""
    saved = removal_cost(p, economy.machines[loan.machine].kind)
    return lot_ask(economy, p, loan.machine, loan.units, saved)


@kernel
def site_ask(economy: Economy, p: Record, b: int) -> float:
    """What creditors and estate of borrower `b` ask together, M$; the estate has no cost of removal."""
    total = 0.0
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if economy.loans[row].units > 0:
            total += pledged_ask(economy, p, economy.loans[row])
    for m in range(economy.machines.shape[0]):
        if economy.borrowers[b].units[m] > 0:
            free = free_units(economy, b, m)
            if free > 0:
                total += lot_ask(economy, p, m, free, 0.0)
    return total


@kernel
def cost_of_cure(economy: Economy, p: Record, b: int) -> float:
    """What has to be paid (M$) for the lease to go on: bills overdue at default and the rent of the stay.

    In return the landlord has no claim for a rejected lease; that claim was added to the bills at default.
    """
    borrower = economy.borrowers[b]
    damages = borrower.lease_week * p.resolution_landlord_cap_weeks
    overdue = max(0.0, borrower.payables - damages)
    return overdue + borrower.lease_week * (economy.clock[0].week - borrower.default_week)


@kernel
def list_peers(economy: Economy, node: int, count: int) -> int:
    """Add the borrowers that know a seller node to the `count` rivals listed; return how many there are.

    The list stays in the order of the table, in which they are asked.
    """
    for link in range(economy.peer_start[node], economy.peer_start[node + 1]):
        bidder = economy.peer_bidder[link]
        if not economy.is_rival[bidder]:
            economy.is_rival[bidder] = True
            place = count
            while place > 0 and economy.rivals[place - 1] > bidder:
                economy.rivals[place] = economy.rivals[place - 1]
                place -= 1
            economy.rivals[place] = bidder
            count += 1
    return count


@kernel
def list_rivals(economy: Economy, b: int) -> int:
    """List who is linked to borrower `b` as a seller, or to a lender that its machines secure; how many."""
    count = list_peers(economy, b, 0)
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        if economy.loans[row].units > 0:
            count = list_peers(economy, economy.borrowers.shape[0] + economy.loans[row].holder, count)
    for place in range(count):
        economy.is_rival[economy.rivals[place]] = False
    return count


@kernel
def may_bid(bidder: Record, failed: Record) -> bool:
    """Whether a borrower is in order, and able to run what the failed one may have run."""
    if bidder.status != BorrowerStatus.ALIVE or bidder.pending_cause != Cause.NONE:
        return False
    if bidder.payables > 0.0 or bidder.selling or bidder.claims > 0:
        return False
    return runs(bidder.kind, MachineKind.ASIC) or not runs(failed.kind, MachineKind.ASIC)


@kernel
def list_premiums(economy: Economy, p: Record, b: int, bidder: int) -> None:
    """Work out what each contract of borrower `b` is worth over spot to a bidder, M$, in `premiums`."""
    first, last = contracts_of(economy, b)
    peer = economy.borrowers[bidder]
    for place in range(last - first):
        economy.premiums[place] = contract_premium(
            economy, p, economy.contracts[first + place], peer.site_class, peer.cost_of_capital
        )


@kernel
def pick_contract(economy: Economy, b: int) -> tuple[int, float]:
    """Take the contract worth most off the list: its row and premium (M$), or (-1, 0) at its end."""
    first, last = contracts_of(economy, b)
    best = -1
    highest = 0.0
    for place in range(last - first):
        if economy.premiums[place] > highest:
            best = place
            highest = economy.premiums[place]
    if best < 0:
        return -1, 0.0
    economy.premiums[best] = 0.0
    return first + best, highest


@kernel
def site_worth(economy: Economy, p: Record, b: int, bidder: int) -> float:
    """Worth (M$) of the site of borrower `b` to a bidder that runs it at its own power price.

    All machines at the bidder's value, at most what their service costs new, contracts over spot as far as it
    has rows for them, less the leases.
    """
    failed = economy.borrowers[b]
    peer = economy.borrowers[bidder]
    spread = peer.cost_of_capital
    worth = 0.0
    for m in range(economy.machines.shape[0]):
        if failed.units[m] > 0:
            value = value_of(economy, p, m, peer.site_class, spread, 0)
            cap = vendor_price_cap(economy, p, economy.machines[m].kind, peer.site_class, spread)
            worth += failed.units[m] * min(value, replacement_cost(economy, m, value, cap))
    list_premiums(economy, p, b, bidder)
    for _ in range(free_contracts(economy, bidder)):
        worth += pick_contract(economy, b)[1]
    years = annuity(economy.market[0].cost_of_capital + spread, p.valuation_horizon_years)
    return worth - p.secondary_market_slot_cost_share * WEEKS_A_YEAR * failed.lease_week * years


@kernel
def find_acquirer(economy: Economy, p: Record, b: int, ask: float, cure: float) -> tuple[int, float]:
    """The bidder that can go furthest for the site of borrower `b`, and its price (M$); (-1, 0) if none can.

    A bidder goes as far as worth and cash allow, cure included, and takes part if that reaches ask and cure.
    """
    winner = -1
    furthest = 0.0
    second = 0.0
    for place in range(list_rivals(economy, b)):
        bidder = economy.rivals[place]
        peer = economy.borrowers[bidder]
        if not may_bid(peer, economy.borrowers[b]):
            continue
        budget = peer_budget(p, peer)
        if budget <= 0.0 or budget < ask + cure:
            continue
        limit = min(budget, site_worth(economy, p, b, bidder))
        if limit < ask + cure:
            continue
        if winner < 0 or limit > furthest:
            second = furthest
            furthest = limit
            winner = bidder
        elif limit > second:
            second = limit
    if winner < 0:
        return -1, 0.0
    return winner, max(ask, second - cure)


@kernel
def move_site(economy: Economy, b: int, acquirer: int, cure: float) -> None:
    """The lease goes on with the acquirer, slots and all: it cures, and the claim for rejection is void.

    The cure (M$) passes through the estate, for whose machines it is part of the price.
    """
    failed = economy.borrowers[b]
    owner = economy.borrowers[acquirer]
    world = economy.world[0]
    bill(economy, failed, cure - failed.payables)
    pay(economy, Flow.USED_MACHINES, owner, failed, cure)
    revalue(economy, Revaluation.MACHINE_SALES, failed, cure)
    pay(economy, Flow.PAYABLES_SETTLED, failed, world, cure)
    failed.payables = 0.0
    owner.lease_week += failed.lease_week
    failed.lease_week = 0.0
    for cooling in range(failed.slots.shape[0]):
        owner.slots[cooling] += failed.slots[cooling]
        failed.slots[cooling] = 0


@kernel
def move_contract(economy: Economy, source: int, row: int) -> float:
    """Write the contract of row `source` into a free row of the acquirer; return its balance, M$.

    No loan goes along, but who assumes a contract serves what its customer has paid in advance.
    """
    old = economy.contracts[source]
    balance = old.prepaid
    write_contract(economy, row, old.machine, old.units, UNPLEDGED, old.customer_grade, old.rent,
                   old.start_week, old.end_week, old.hazard_left)  # fmt: skip
    move_balance(old, economy.borrowers[source // CONTRACTS], economy.contracts[row],
                 economy.borrowers[row // CONTRACTS], balance)  # fmt: skip
    return balance


@kernel
def move_contracts(economy: Economy, p: Record, b: int, acquirer: int) -> float:
    """Contracts over spot follow the machines, those worth most first while rows last; the others end.

    Returns the customers' balances (M$) that the acquirer assumes: for the estate a part of the price.
    """
    assumed = 0.0
    list_premiums(economy, p, b, acquirer)
    for _ in range(free_contracts(economy, acquirer)):
        source, _premium = pick_contract(economy, b)
        if source >= 0:
            assumed += move_contract(economy, source, free_contract(economy, acquirer))
    end_contracts(economy, b)
    revalue(economy, Revaluation.MACHINE_SALES, economy.borrowers[b], assumed)
    return assumed


@kernel
def sell_pledged(economy: Economy, row: int, owner: Record, amount: float, assumed: float) -> None:
    """Machines that secure a claim go to their new owner for `amount`, booked with a part of what it assumes.

    The claim's collateral is sold without having been seized: on paper it was worth its appraisal.
    """
    loan = economy.loans[row]
    failed = economy.borrowers[loan.obligor]
    outcomes = economy.outcomes[0]
    paper = loan.units * economy.machines[loan.machine].appraisal
    outcomes.paper_value_musd += paper
    outcomes.paper_sold_musd += paper
    outcomes.proceeds_musd += amount
    pay(economy, Flow.USED_MACHINES, owner, economy.lenders[loan.holder], amount)
    book = take_units(economy, failed, loan.machine, loan.units)
    revalue(economy, Revaluation.MACHINE_SALES, failed, -book)
    put_units(economy, owner, loan.machine, loan.units, amount + assumed)
    loan.units = 0
    apply_collateral(economy, row, amount)


@kernel
def sell_free(economy: Economy, b: int, m: int, owner: Record, amount: float, assumed: float) -> None:
    """The estate's machines of type `m` go to their new owner for `amount`, booked in the same way."""
    failed = economy.borrowers[b]
    units = failed.units[m]
    pay(economy, Flow.USED_MACHINES, owner, failed, amount)
    revalue(economy, Revaluation.MACHINE_SALES, failed, amount - take_units(economy, failed, m, units))
    put_units(economy, owner, m, units, amount + assumed)


@kernel
def share_of(ask: float, total: float, units: int, all_units: int) -> float:
    """A lot's share of the price: by what was asked, or by machines if nobody asks anything."""
    return ask / total if total > 0.0 else units / all_units


@kernel
def sell_machines(
    economy: Economy, p: Record, b: int, acquirer: int, price: float, ask: float, assumed: float
) -> None:
    """Sell all machines of the site for `price`, of which each lot gets its share (all M$).

    The buyer books them with what else it pays or assumes: the cure, and customers' balances.
    """
    failed = economy.borrowers[b]
    owner = economy.borrowers[acquirer]
    units = sum_of(failed.units)
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.units > 0:
            share = share_of(pledged_ask(economy, p, loan), ask, loan.units, units)
            sell_pledged(economy, row, owner, share * price, share * assumed)
    for m in range(economy.machines.shape[0]):
        if failed.units[m] > 0:
            share = share_of(lot_ask(economy, p, m, failed.units[m], 0.0), ask, failed.units[m], units)
            sell_free(economy, b, m, owner, share * price, share * assumed)


@kernel
def take_over(economy: Economy, p: Record, b: int) -> bool:
    """Sell the site of borrower `b`, whose stay ends, in place; False if nobody takes it."""
    release_repaid(economy, b)
    failed = economy.borrowers[b]
    units = sum_of(failed.units)
    if units == 0:
        return False
    ask = site_ask(economy, p, b)
    cure = cost_of_cure(economy, p, b)
    acquirer, price = find_acquirer(economy, p, b, ask, cure + price_of_slots(economy, p, b))
    if acquirer < 0:
        return False
    note(economy, EventKind.SITE_TAKEN_OVER, economy.borrowers[acquirer].sector, acquirer, failed.sector, b,
         units=units, amount=price, cause=failed.cause, parent=failed.default_event)  # fmt: skip
    economy.outcomes[0].sites_taken_over += 1
    assumed = move_contracts(economy, p, b, acquirer)
    release_slots(economy, p, b, economy.borrowers[acquirer])
    move_site(economy, b, acquirer, cure)
    sell_machines(economy, p, b, acquirer, price, ask, cure + assumed)
    return True
