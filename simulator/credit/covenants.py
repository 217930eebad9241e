"""Phase `covenants`: borrowing base, cover, BTC margin; what lenders and owners of vehicles do about them."""

import math

from hashcredit.agents.borrower import cover, hands_back
from hashcredit.agents.compiled import inlined, kernel
from hashcredit.agents.dimensions import (
    FACILITIES,
    Answer,
    BorrowerStatus,
    Cause,
    Channel,
    Enforcement,
    Record,
)
from hashcredit.agents.units import MILLION
from hashcredit.simulator.books.contracts import contracts_of
from hashcredit.simulator.books.events import note_holder, remember
from hashcredit.simulator.books.loans import (
    DUST,
    end_control,
    facilities_of,
    free_units,
    has_matured,
    liquidate_coins,
    owes,
    pledges_coins,
    repay,
    sell_coins,
    weekly_service,
)
from hashcredit.simulator.credit.claims import default_facility
from hashcredit.simulator.credit.control import list_cash_flows, take_control, vehicle_cash_flow
from hashcredit.simulator.credit.distress import (
    arrears,
    fail_to_pay,
    mark_to_fail,
    offer_free_units,
    trace_trouble,
)
from hashcredit.simulator.credit.enforcement import answer_breach, waive
from hashcredit.simulator.lenders.capital import is_pressed
from hashcredit.simulator.machines.earnings import value_of
from hashcredit.simulator.machines.rents import contract_premium
from hashcredit.simulator.state.codes import EventKind
from hashcredit.simulator.state.economy import Economy


@kernel
def cross_defaults(economy: Economy, row: int) -> bool:
    """Whether the default of a facility lets other creditors of its borrower demand their money.

    It does by a clause of theirs; a vehicle without recourse neither spreads its own default nor takes over
    that of another facility.
    """
    loan = economy.loans[row]
    if not loan.recourse:
        return False
    if loan.machine < 0:
        return True  # nothing secures it: a demand for it is one on the whole borrower
    first, last = facilities_of(economy, loan.obligor)
    for other in range(first, last):
        peer = economy.loans[other]
        if other != row and owes(peer) and peer.cross_default and peer.recourse:
            return True
    return False


@kernel
def accelerate(economy: Economy, p: Record, row: int, channel: int, parent: int) -> None:
    """Demand a loan at once: the borrower pays, loses the facility, or fails by cross-default."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    event = note_holder(economy, EventKind.ACCELERATION, loan, loan.principal, loan.units,
                        channel=channel, parent=parent)  # fmt: skip
    remember(economy, borrower, channel, event)
    if borrower.cash < loan.principal:
        sell_coins(economy, p, borrower, loan.principal - borrower.cash)
    if borrower.cash >= loan.principal:
        repay(economy, loan, borrower, economy.lenders[loan.holder], loan.principal)
    elif cross_defaults(economy, row):
        mark_to_fail(economy, loan.obligor, Cause.CROSS_DEFAULT, channel, event)
    else:
        default_facility(economy, p, row, Cause.ACCELERATION, channel, event)


@kernel
def enforce(economy: Economy, p: Record, row: int, channel: int, parent: int, weeks: int) -> None:
    """A breach uncured for `weeks`: at each review the lender calls, takes control of the vehicle, or waits.

    It waives the breach if it is paid for that, else it only forbears until the next review. A lender that is
    itself in trouble cannot wait, whatever it would choose, and calls at once, in control or not.
    """
    loan = economy.loans[row]
    since = weeks - loan.cure_weeks - 1
    lender = economy.lenders[loan.holder]
    forced = p.credit_enforcement != Enforcement.NEVER and is_pressed(economy, p, lender)
    if since % p.credit_review_weeks != 0 and not forced:
        return
    answer = answer_breach(economy, p, row)
    if answer == Answer.CALL:
        accelerate(economy, p, row, channel, parent)
    elif forced:
        accelerate(economy, p, row, Channel.LENDER_CREDIT, lender.trigger)
    elif loan.controlled:
        return
    elif answer == Answer.CONTROL:
        take_control(economy, row, channel, parent)
    elif p.credit_waiver_fee > 0.0:
        waive(economy, p, row, channel, parent)
    elif since == 0:
        note_holder(economy, EventKind.FORBEARANCE, loan, loan.principal, loan.units,
                    channel=channel, parent=parent)  # fmt: skip


@kernel
def is_waived(economy: Economy, loan: Record) -> bool:
    """Whether the covenants of a loan are not tested this week: its holder has waived a breach."""
    return economy.clock[0].week < loan.waived_until


@kernel
def check_borrowing_base(economy: Economy, p: Record, loan: Record, row: int) -> None:
    """Marked loans: the face may not exceed a share of the appraisal of what is pledged."""
    per_unit = loan.advance_rate * economy.machines[loan.machine].appraisal
    excess = loan.principal - per_unit * loan.units
    if excess <= DUST or is_waived(economy, loan):
        loan.weeks_over_base = 0
    else:
        call_base(economy, p, row, per_unit, excess)


@kernel
def call_base(economy: Economy, p: Record, row: int, per_unit: float, excess: float) -> None:
    """Over its base: pledge free machines, pay the rest of the excess (M$) down, breach after the cure."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    lender = economy.lenders[loan.holder]
    machine = economy.machines[loan.machine]
    if per_unit > 0.0:
        wanted = math.ceil(excess / per_unit)
        pledged = min(wanted, free_units(economy, loan.obligor, loan.machine))
        loan.units += pledged
        excess -= pledged * per_unit
    if excess <= DUST:
        loan.weeks_over_base = 0
        return
    loan.weeks_over_base += 1
    event = machine.trigger
    if loan.weeks_over_base == 1:
        event = note_holder(economy, EventKind.BORROWING_BASE_CALL, loan, excess, loan.units,
                            machine.appraisal, channel=Channel.MACHINE_PRICE,
                            parent=machine.trigger)  # fmt: skip
    remember(economy, borrower, Channel.MACHINE_PRICE, event)
    # within the cure period it keeps a reserve of obligations back, at its end nothing
    kept = p.credit_reserve_weeks * borrower.obligations if loan.weeks_over_base <= loan.cure_weeks else 0.0
    if borrower.cash - kept < excess:
        sell_coins(economy, p, borrower, excess - (borrower.cash - kept))
    paid = min(excess, max(0.0, borrower.cash - kept))
    if paid > 0.0:
        repay(economy, loan, borrower, lender, paid)
    if excess - paid <= DUST:
        loan.weeks_over_base = 0
    elif loan.weeks_over_base > loan.cure_weeks:
        enforce(economy, p, row, Channel.MACHINE_PRICE.value, event, loan.weeks_over_base)


@kernel
def sweep(economy: Economy, p: Record, row: int, share: float) -> float:
    """Prepay a loan out of a share of the cash above the borrower's buffer; return the amount, M$."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    free = borrower.cash - p.investment_buffer_weeks * borrower.obligations
    swept = min(loan.principal, share * max(0.0, free))
    if swept <= DUST:
        return 0.0
    repay(economy, loan, borrower, economy.lenders[loan.holder], swept)
    return swept


@kernel
def fall_short_of_cover(economy: Economy, p: Record, row: int) -> None:
    """Under its DSCR covenant: sweep free cash, breach after the cure period."""
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    loan.weeks_under_dscr += 1
    event = -1
    if loan.weeks_under_dscr == 1:
        event = note_holder(economy, EventKind.DSCR_BREACH, loan, loan.principal, loan.units,
                            channel=Channel.RENT)  # fmt: skip
    if loan.cash_sweep and sweep(economy, p, row, p.credit_sweep_share) > 0.0:
        remember(economy, borrower, Channel.RENT, event)
    if loan.weeks_under_dscr > loan.cure_weeks and owes(loan):
        enforce(economy, p, row, Channel.RENT.value, event, loan.weeks_under_dscr)


@kernel
def use_value(economy: Economy, p: Record, row: int) -> float:
    """Worth (M$) to its borrower of a facility's machines in their racks, contracts included.

    And of what it would owe its customers at once if it gave the machines up.
    """
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    site = borrower.site_class
    spread = borrower.cost_of_capital
    worth = loan.units * value_of(economy, p, loan.machine, site, spread, p.valuation_refresh_weeks)
    first, last = contracts_of(economy, loan.obligor)
    for place in range(first, last):
        if economy.contracts[place].loan == row:
            worth += contract_premium(economy, p, economy.contracts[place], site, spread)
            worth += economy.contracts[place].prepaid
    return worth


@kernel
def review_vehicle(economy: Economy, p: Record, row: int, cash_flow: float) -> None:
    """The owner of a vehicle without recourse, of `cash_flow` (M$ a week), hands it back if better off so."""
    loan = economy.loans[row]
    clock, market = economy.clock[0], economy.market[0]
    service = weekly_service(loan, market.policy_rate, clock.week)
    if cash_flow < service and hands_back(use_value(economy, p, row), loan.principal, cash_flow, service):
        default_facility(economy, p, row, Cause.HAND_BACK, Channel.RENT, -1)


@kernel
def review_control(economy: Economy, p: Record, row: int, dscr: float) -> None:
    """A vehicle in control goes back once its covenants are met, and in the week before its loan matures.

    The owner then redeems it, or hands its machines back. As long as the breach lasts the holder keeps the
    vehicle or calls the loan after all; it asks neither for machines nor for cash of the owner.
    """
    loan = economy.loans[row]
    channel, parent = Channel.RENT.value, -1
    loan.weeks_under_dscr = 0 if dscr >= loan.dscr_covenant else loan.weeks_under_dscr + 1
    if loan.borrowing_base:
        machine = economy.machines[loan.machine]
        within = loan.principal <= loan.advance_rate * machine.appraisal * loan.units + DUST
        loan.weeks_over_base = 0 if within else loan.weeks_over_base + 1
        if not within:
            channel, parent = Channel.MACHINE_PRICE.value, machine.trigger
    weeks = max(loan.weeks_over_base, loan.weeks_under_dscr)
    if loan.maturity_week <= economy.clock[0].week + 1:
        end_control(economy, loan)
        if p.credit_hand_back != 0:
            site = economy.borrowers[loan.obligor].site_class
            review_vehicle(economy, p, row, vehicle_cash_flow(economy, row, site))
    elif weeks == 0:
        end_control(economy, loan)
    elif weeks > loan.cure_weeks:
        enforce(economy, p, row, channel, parent, weeks)


@kernel
def sale_to_restore(principal: float, worth: float, ltv: float) -> float:
    """Coins (M$) whose sale repays so much of a loan that the rest is `ltv` (under 1) of the coins left.

    principal, worth    the loan and the coins that secure it, M$
    """
    return max(0.0, (principal - ltv * worth) / (1.0 - ltv))


@kernel
def call_margin(economy: Economy, p: Record, row: int) -> None:
    """Over its margin: free coins and cash meet the call, and the lender sells coins for what they do not.

    A call has to be met within days, so what is missing is sold in the same week: coins until the initial
    loan to value is back, or over the liquidation level as many as repay the whole loan. What these do not
    fetch is paid from cash, or the borrower fails.
    """
    market = economy.market[0]
    loan = economy.loans[row]
    borrower = economy.borrowers[loan.obligor]
    price = market.btc_price * MILLION
    wanted = loan.principal / (p.credit_btc_initial_ltv * price) - loan.coins
    pledged = min(wanted, borrower.btc)
    loan.coins += pledged
    borrower.btc -= pledged
    excess = loan.principal - p.credit_btc_initial_ltv * loan.coins * price
    event = note_holder(economy, EventKind.MARGIN_CALL, loan, max(0.0, excess), price=price,
                        channel=Channel.BTC_PRICE)  # fmt: skip
    remember(economy, borrower, Channel.BTC_PRICE, event)
    paid = min(excess, max(0.0, borrower.cash - p.credit_reserve_weeks * borrower.obligations))
    if paid > DUST:
        repay(economy, loan, borrower, economy.lenders[loan.holder], paid)
    worth = loan.coins * price
    liquidated = loan.principal > p.credit_btc_liquidation_ltv * worth
    sold = loan.principal if liquidated else sale_to_restore(loan.principal, worth, p.credit_btc_initial_ltv)
    if not owes(loan) or sold <= DUST:
        return
    proceeds = liquidate_coins(economy, row, sold)
    repay(economy, loan, borrower, economy.lenders[loan.holder], min(proceeds, loan.principal))
    if liquidated and owes(loan):
        left = loan.principal
        if borrower.cash >= left:
            repay(economy, loan, borrower, economy.lenders[loan.holder], left)
        else:
            mark_to_fail(economy, loan.obligor, Cause.MARGIN, Channel.BTC_PRICE, event)


@kernel
def default_vehicles(economy: Economy, p: Record, b: int) -> None:
    """Facilities without recourse whose payments were missed beyond the grace period default on their own."""
    first, last = facilities_of(economy, b)
    for row in range(first, last):
        loan = economy.loans[row]
        if loan.weeks_overdue > p.credit_grace_weeks and not loan.recourse and owes(loan):
            channel, event = trace_trouble(economy, b)
            matured = has_matured(loan, economy.clock[0].week)
            cause = Cause.MATURITY.value if matured else Cause.ILLIQUIDITY.value
            default_facility(economy, p, row, cause, channel, event)


@kernel
def act_on_arrears(economy: Economy, p: Record, b: int) -> None:
    """What follows from arrears: failure after the grace period, and a sale of machines while they last."""
    default_vehicles(economy, p, b)
    missed, matured, distressed = arrears(economy, b)
    if missed > p.credit_grace_weeks:
        fail_to_pay(economy, b, matured)
    if distressed or economy.borrowers[b].selling:
        offer_free_units(economy, b, distressed)


@kernel
def is_calm(loan: Record, dscr: float, review: bool) -> bool:
    """Whether nothing of a live loan is marked, due for a review or out of the ordinary, and it is covered.

    Most loans are like that. All is put together before the one branch: one for each would often be foreseen
    wrongly.
    """
    marked = pledges_coins(loan) | (loan.borrowing_base != 0)
    busy = (loan.controlled != 0) | (loan.sweeping != 0) | (review & (loan.recourse == 0))
    return (dscr >= loan.dscr_covenant) & (not (marked | busy))


@inlined
def check_covenants(economy: Economy, p: Record, row: int, dscr: float, review: bool) -> None:
    """The covenants that a live loan has: margin, or borrowing base and cover; a review if it is due.

    A review finds the vehicle's cash flow in `vehicle_flows`, listed before the borrower's first loan: what
    happens to one facility leaves contracts on the machines of another as they are.
    """
    loan = economy.loans[row]
    if pledges_coins(loan):
        if loan.principal > p.credit_btc_call_ltv * loan.coins * (economy.market[0].btc_price * MILLION):
            call_margin(economy, p, row)
        return
    if loan.controlled:
        review_control(economy, p, row, dscr)
        return
    if loan.sweeping:
        sweep(economy, p, row, 1.0)
    if review and not loan.recourse:
        review_vehicle(economy, p, row, economy.vehicle_flows[row % FACILITIES])
    if loan.borrowing_base and loan.machine >= 0 and owes(loan):
        check_borrowing_base(economy, p, loan, row)
    if loan.dscr_covenant > 0.0 and owes(loan):
        if dscr >= loan.dscr_covenant or is_waived(economy, loan):
            loan.weeks_under_dscr = 0
        elif not loan.controlled:  # it may have become that just now, over its base
            fall_short_of_cover(economy, p, row)


@kernel
def enforce_covenants(economy: Economy, p: Record) -> None:
    """Every live borrower's covenants; each week another part of the borrowers reviews its vehicles."""
    turn = economy.clock[0].week % p.credit_review_weeks
    for b in range(economy.borrowers.shape[0]):
        borrower = economy.borrowers[b]
        turn = turn + 1 if turn + 1 < p.credit_review_weeks else 0
        if borrower.status != BorrowerStatus.ALIVE:
            continue
        dscr = cover(borrower.cfads_window, borrower.service_window)
        review = turn == 0 and p.credit_hand_back != 0
        troubled = borrower.payables > 0.0 or borrower.selling
        if review:
            list_cash_flows(economy, b)
        first, last = facilities_of(economy, b)
        for row in range(first, last):
            loan = economy.loans[row]
            if owes(loan):
                if not is_calm(loan, dscr, review):
                    check_covenants(economy, p, row, dscr, review)
                elif loan.dscr_covenant > 0.0:
                    loan.weeks_under_dscr = 0
                troubled |= loan.weeks_overdue > 0 or loan.weeks_over_base > 0
        if troubled:
            act_on_arrears(economy, p, b)
