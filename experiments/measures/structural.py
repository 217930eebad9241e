"""What structural models of credit say about the opening balance sheets: Merton (1974) and Leland (1994).

Both see a firm whose assets follow a geometric Brownian motion. They know nothing of machines that age, of
collateral, or of other firms, and are here to be compared with.
"""

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import GRADES, LoanStatus, MachineKind
from hashcredit.agents.units import MILLION, WEEKS_A_YEAR
from hashcredit.experiments.measures.spread_sums import GROUPS
from hashcredit.simulator.contagion import leland_spread, merton_spread
from hashcredit.simulator.setup.prepare import Setup, allocate, clear
from hashcredit.simulator.week.step import open_economy

Floats = NDArray[np.float64]

BANKRUPTCY_COST = 0.217
"""Of the value of assets: mean cost of default of Davydenko, Strebulaev and Zhao (2012)."""
TAX = 0.21
"""Federal rate on the income of corporations in the United States since 2018."""


def structural_sums(setup: Setup, replicate: int) -> Floats:
    """Sums over the loans of an opening: face and face times spread, of Merton and of Leland [4, group].

    A loan has the spread of its borrower's whole debt: in Merton's model all of it is due when the loan is,
    in Leland's it is perpetual and pays the coupon that all loans together pay now.
    """
    economy = allocate(setup, series=False, events=0)
    clear(economy, setup)
    open_economy(economy, setup.parameters, setup.seed, replicate)
    loans = economy.loans[
        (economy.loans["status"] == LoanStatus.PERFORMING) & (economy.loans["principal"] > 0.0)
    ]
    p, rate = setup.parameters[0], float(economy.market["policy_rate"][0])
    base = np.where(loans["fixed_rate"] != 0, 0.0, np.maximum(rate, loans["floor"]))
    owner = loans["obligor"]
    coupon = np.bincount(owner, loans["principal"] * (loans["rate"] + base), len(economy.borrowers))

    borrowers, machines = economy.borrowers, economy.machines
    pledged = np.bincount(owner, loans["coins"], len(borrowers))
    coins = (borrowers["btc"] + pledged) * float(economy.market["btc_price"][0]) * MILLION
    fleet = borrowers["units"] * machines["appraisal"]
    gpus, asics = (
        fleet[:, machines["kind"] == kind].sum(axis=1) for kind in (MachineKind.GPU, MachineKind.ASIC)
    )
    assets = borrowers["cash"] + coins + gpus + asics
    debts = (
        borrowers["debt"].sum(axis=1)
        + borrowers["payables"]
        + borrowers["prepaid"]
        + borrowers["vendor_debt"]
    )

    mined = coins * float(p["shocks_btc_volatility"]) + asics * float(p["valuation_volatility_asic"])
    let = gpus * float(p["valuation_volatility"])
    volatility = np.sqrt(mined**2 + let**2 + 2.0 * float(p["shocks_rho_calm"]) * mined * let) / assets

    years = np.maximum(1, loans["maturity_week"]) / WEEKS_A_YEAR
    merton = merton_spread(assets[owner], debts[owner], rate, volatility[owner], years)
    pays = coupon[owner] > 0.0  # who owes only notes without a coupon has no price in Leland's model
    leland = np.zeros(len(loans))
    leland[pays] = leland_spread(
        assets[owner][pays], coupon[owner][pays], rate, volatility[owner][pays], BANKRUPTCY_COST, TAX
    )
    group = GRADES * loans["instrument"].astype(np.intp) + loans["customer_grade"]
    face = loans["principal"]
    sums = (face, face * merton, np.where(pays, face, 0.0), face * leland)
    return np.array([np.bincount(group, each, GROUPS) for each in sums])
