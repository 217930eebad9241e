"""Sales of pledged machines that are tried on a copy of the economy and never happen.

A trial is a further sale of the week that is over: bidders have what the week has left them, and value a
machine as they did in its sale. Sellers take whatever is bid, as a lender that is called on its back-leverage
does (`trade_dumped`). What else is unsold that week is not on sale.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import MACHINE_TYPES, BorrowerStatus, LoanStatus
from hashcredit.simulator.market.auction import trade_dumped
from hashcredit.simulator.state.arrays import FIELDS, STATE
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.fields import Role

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

OWNED = tuple(name for name, field in FIELDS.items() if field.role is not Role.GIVEN)
"""Arrays of which the copy has its own; networks and paths are shared, since nothing writes to them."""
CHANGED = (*STATE, "classes")
"""Those that a sale leaves otherwise than it found them; kept values of machines stay true within a week."""


class Pledges(NamedTuple):
    """Loans secured by machines, one entry each: what they owe and what stands behind them."""

    row: Whole
    """Of the loan table."""
    holder: Whole
    machine: Whole
    units: Whole
    """Pledged, or seized and not yet sold."""
    debt: Floats
    """Principal, M$; of a loan in default what is left of it."""


class Sale(NamedTuple):
    """What each loan's machines fetched."""

    proceeds: Floats
    """M$, before removal and moving."""
    sold: Whole


class TrialSales:
    """Sales that could be held at the end of the week that a run has just passed.

    economy    tables of the run, of which this reads only; `look` takes up how they stand
    parameters PARAMETERS [regime], of its setup
    """

    pledges: Pledges

    def __init__(self, economy: Economy, parameters: np.ndarray) -> None:
        self._run = economy
        # no records of Python, which a kernel is slow to take
        self._parameters = parameters.view(np.dtype((np.void, parameters.dtype)))
        self._copy = economy.copy_with(*OWNED)

    def look(self) -> None:
        """Take up the run as it stands between two weeks, after the first at the earliest."""
        self._take_up(OWNED)
        changes = self._parameters["from_week"][1:]
        self._terms = self._parameters[np.searchsorted(changes, self._copy.clock["week"][0], side="right")]
        self.pledges = pledges_of(self._copy)

    def _take_up(self, names: tuple[str, ...]) -> None:
        for name in names:
            copy, run = getattr(self._copy, name), getattr(self._run, name)
            copy.view(np.uint8)[:] = run.view(np.uint8)  # as bytes, since rows go field by field
        self._copy.clock["week"] -= 1  # the week that is over, whose values are known
        self._copy.machines["offered"] = 0

    def best_bids(self) -> Floats:
        """What one unit would fetch, M$ [lender, machine], where the lender has a pledge; else NaN.

        Each unit is tried alone, so that of those who know its seller the best bidder that can pay gets it.
        """
        found = np.full((len(self._copy.lenders), MACHINE_TYPES), np.nan)
        own = self.pledges
        kinds = own.holder * MACHINE_TYPES + own.machine
        for place in np.unique(kinds, return_index=True)[1]:
            units = np.zeros_like(own.units)
            units[place] = 1
            found[own.holder[place], own.machine[place]] = self._hold(units, silent=units < 0).proceeds[place]
        return found

    def sell(self, units: Whole, silent: NDArray[np.bool_] | None = None) -> Sale:
        """Put `units` [pledge] of the pledged machines on sale at once.

        Obligors of loans that are `silent` [pledge], by default of all whose machines are on sale, do not
        bid: they have defaulted.
        """
        return self._hold(units, units > 0 if silent is None else silent)

    def _hold(self, units: Whole, silent: NDArray[np.bool_]) -> Sale:
        """Hold a sale on the copy."""
        self._take_up(CHANGED)
        economy, own = self._copy, self.pledges
        chosen = np.flatnonzero(units)
        rows = own.row[chosen]
        loans = economy.loans
        economy.borrowers["status"][loans["obligor"][own.row[silent]]] = BorrowerStatus.IN_RESOLUTION
        loans["status"][rows] = LoanStatus.DEFAULTED
        loans["default_week"][rows] = economy.clock["week"][0]
        # nothing of the proceeds goes back to the obligor, who could spend it in the same sale
        loans["principal"][rows] = np.inf
        loans["paper_value"][rows] = 0.0
        loans["recovered"][rows] = 0.0
        # what `trade_dumped` puts on sale: machines seized for open claims, of lenders called this week
        loans["seized"] = 0
        loans["seized"][rows] = units[chosen]
        loans["weeks_held"][rows] = np.maximum(loans["weeks_held"][rows], 0)
        economy.borrowers["claims"][loans["obligor"][rows]] = 1
        economy.calm[:] = False  # a sale passes over whoever had nothing to sell
        economy.lenders["called"] = 1.0
        economy.lenders["pressed_since"] = economy.clock["week"][0]
        economy.machines["inventory"] = units.sum()
        trade_dumped(economy, self._terms)
        proceeds, sold = np.zeros(len(own.row)), np.zeros_like(own.units)
        proceeds[chosen] = loans["recovered"][rows]
        sold[chosen] = units[chosen] - loans["seized"][rows]
        return Sale(proceeds, sold)


def pledges_of(economy: Economy) -> Pledges:
    """The live loans and open claims that have machines behind them."""
    loans = economy.loans
    units = loans["units"] + loans["seized"]
    open_ones = np.isin(loans["status"], [LoanStatus.PERFORMING, LoanStatus.DEFAULTED])
    row = np.flatnonzero(open_ones & (loans["machine"] >= 0) & (units > 0) & (loans["principal"] > 0.0))
    return Pledges(
        row=row,
        holder=loans["holder"][row].astype(np.int64),
        machine=loans["machine"][row].astype(np.int64),
        units=units[row],
        debt=loans["principal"][row],
    )
