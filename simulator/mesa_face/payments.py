"""Payments that a researcher's own code may make between two phases, through the ledger."""

import sys
from typing import Any

import numpy as np

from hashcredit.agents.views import View
from hashcredit.simulator.books.ledger import pay
from hashcredit.simulator.errors import PaymentError
from hashcredit.simulator.state.codes import LAST_INCOME_FLOW, Flow
from hashcredit.simulator.state.economy import Economy

WORLD_NAME = "world"

ALLOWED = (
    Flow.EQUITY_INJECTIONS,
    Flow.DISTRIBUTIONS,
    Flow.COMPUTE_RENT,
    Flow.MINING_REVENUE,
    Flow.POWER_AND_UPKEEP,
    Flow.SITE_LEASES,
    Flow.OVERHEAD,
)
"""Kinds of payment that move cash and nothing else.

The others come with a change of a stock (machines, coins, the face of a loan, overdue bills, funding, slots,
claims): a payment alone would leave the books out of balance or the stock without its history.
"""


def make_payment(economy: Economy, payer: View | str, payee: View | str, amount: float, flow: str) -> None:
    """Move `amount` (M$) between two accounts; refuse what no account could explain.

    Income flows change both incomes. An equity flow is a distribution of the payer and an issuance of the
    payee, so that for both the change in equity is income plus issuance less distributions.
    """
    kind = _allowed_flow(flow)
    _check_parties(payer, payee)
    amount = _checked_amount(amount, payer)
    paying, receiving = _account(economy, payer), _account(economy, payee)
    pay(economy, kind.value, paying, receiving, amount)
    if kind > LAST_INCOME_FLOW:
        if isinstance(payer, View):
            paying["distributions"] += amount
        if isinstance(payee, View):
            receiving["issuance"] += amount


def _account(economy: Economy, party: View | str) -> Any:
    """The row that holds a party's cash; it refers to the table."""
    return getattr(economy, party.table)[party.row] if isinstance(party, View) else economy.world[0]


def _allowed_flow(flow: str) -> Flow:
    for kind in ALLOWED:
        if flow == kind.name.lower():
            return kind
    raise PaymentError("flow", repr(flow), "one of " + ", ".join(kind.name.lower() for kind in ALLOWED))


def _check_parties(payer: View | str, payee: View | str) -> None:
    """Two different accounts, both of the living; an estate's cash belongs to its creditors."""
    for argument, party in (("payer", payer), ("payee", payee)):
        if not isinstance(party, View) and not (isinstance(party, str) and party == WORLD_NAME):
            raise PaymentError(argument, repr(party), f"an agent of this model or {WORLD_NAME!r}")
        if isinstance(party, View) and not party.alive:
            allowed = "an agent that is alive: the cash of a failed one belongs to its creditors"
            raise PaymentError(argument, f"{party.name}, which is in {party.status},", allowed)
    if payer is payee or payer == payee:
        raise PaymentError("payee", repr(payee), "another account than the payer's")


def _checked_amount(amount: float, payer: View | str) -> float:
    """A finite amount that is not negative and that an agent can pay out of its account.

    The rest of the world is where all other money is, so it can always pay.
    """
    is_number = isinstance(amount, int | float | np.integer | np.floating) and not isinstance(amount, bool)
    if not is_number or not 0.0 <= amount <= sys.float_info.max:
        raise PaymentError("amount", repr(amount), "a finite number of at least 0 (M$)")
    if isinstance(payer, View) and amount > payer.cash:
        raise PaymentError("amount", repr(amount), f"at most the cash of {payer.name}, {payer.cash!r} M$")
    return float(amount)
