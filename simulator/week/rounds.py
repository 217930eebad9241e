"""Phases `losses` and `further_rounds`: losses make lenders fail or act, and that may make others fail.

The phases from `resolution` to `losses` are a round, and rounds are repeated within a week until nothing new
happens. Failures only accumulate, trades and settlements are final, and a lender acts on a pressure once a
week, so every further round needs a lender that failed or acted in the one before: there are at most two for
each lender, whatever the scenario.
"""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import Record
from hashcredit.simulator.credit.pressure import act_under_pressure
from hashcredit.simulator.lenders.capital import is_pressed, manage_lenders, write_down_loans
from hashcredit.simulator.lenders.funding import fund
from hashcredit.simulator.lenders.receivership import fail_lenders
from hashcredit.simulator.lenders.repo import call_repo
from hashcredit.simulator.market.auction import trade_dumped
from hashcredit.simulator.market.bidding import refill_buyers
from hashcredit.simulator.resolution.default import fail_marked
from hashcredit.simulator.state.codes import ErrorCode
from hashcredit.simulator.state.economy import Economy


@kernel
def most_rounds(economy: Economy) -> int:
    """Rounds that a week may have."""
    return 2 * economy.lenders.shape[0] + 1


@kernel
def end_pressures(economy: Economy, p: Record) -> None:
    """Lenders that are no longer under pressure, before the rounds or after them, may come under it again."""
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if lender.pressed_since >= 0 and not is_pressed(economy, p, lender):
            lender.pressed_since = -1


@kernel
def fund_overdrafts(economy: Economy) -> None:
    """Find cash for lenders whose account the week has overdrawn: they took machines and paid for removal.

    Back-leverage that they find beyond their limit is called next week.
    """
    for index in range(economy.lenders.shape[0]):
        lender = economy.lenders[index]
        if lender.cash < 0.0:
            fund(economy, lender, -lender.cash)


@kernel
def take_losses(economy: Economy, p: Record) -> int:
    """Write-downs, failures of lenders, and what those under pressure do; return how many fail or act."""
    write_down_loans(economy, p)
    return fail_lenders(economy, p) + act_under_pressure(economy, p)


@kernel
def manage_capital(economy: Economy, p: Record) -> None:
    """Phase `losses`: every lender's and outsider's own week, then the first losses."""
    manage_lenders(economy, p)
    refill_buyers(economy, p)
    end_pressures(economy, p)
    economy.clock[0].rounds = 1
    economy.clock[0].lenders_moved = take_losses(economy, p)


@kernel
def repeat_rounds(economy: Economy, p: Record, seed: int, replicate: int) -> None:
    """Phase `further_rounds`: the round again, for what is new in each, as long as a lender fails or acts."""
    clock, outcomes = economy.clock[0], economy.outcomes[0]
    while clock.lenders_moved > 0:
        if clock.rounds == most_rounds(economy):
            clock.error = ErrorCode.TOO_MANY_ROUNDS
            return
        clock.rounds += 1
        fail_marked(economy, p, seed, replicate)
        trade_dumped(economy, p)
        call_repo(economy, p)
        clock.lenders_moved = take_losses(economy, p)
    fund_overdrafts(economy)
    end_pressures(economy, p)
    outcomes.most_rounds = max(outcomes.most_rounds, clock.rounds)
