"""Contagion as the literature has it: clearing, distress, cascades, fire sales, margins, prices of credit."""

from typing import TYPE_CHECKING

from hashcredit.simulator.public import public_names

if TYPE_CHECKING:
    from hashcredit.simulator.contagion.cascade_theory import gai_kapadia_extent as gai_kapadia_extent
    from hashcredit.simulator.contagion.cascade_theory import (
        gai_kapadia_probability as gai_kapadia_probability,
    )
    from hashcredit.simulator.contagion.cascade_theory import gai_kapadia_window as gai_kapadia_window
    from hashcredit.simulator.contagion.cascade_theory import watts_window as watts_window
    from hashcredit.simulator.contagion.cascades import cascade_rounds as cascade_rounds
    from hashcredit.simulator.contagion.cascades import threshold_cascade as threshold_cascade
    from hashcredit.simulator.contagion.cascades import watts_cascade as watts_cascade
    from hashcredit.simulator.contagion.cascades import watts_rounds as watts_rounds
    from hashcredit.simulator.contagion.clearing import clearing_vector as clearing_vector
    from hashcredit.simulator.contagion.credit_pricing import LelandValues as LelandValues
    from hashcredit.simulator.contagion.credit_pricing import MertonValues as MertonValues
    from hashcredit.simulator.contagion.credit_pricing import leland as leland
    from hashcredit.simulator.contagion.credit_pricing import leland_optimal_coupon as leland_optimal_coupon
    from hashcredit.simulator.contagion.credit_pricing import leland_spread as leland_spread
    from hashcredit.simulator.contagion.credit_pricing import merton as merton
    from hashcredit.simulator.contagion.credit_pricing import merton_spread as merton_spread
    from hashcredit.simulator.contagion.deleveraging import Deleveraging as Deleveraging
    from hashcredit.simulator.contagion.deleveraging import deleveraging_rounds as deleveraging_rounds
    from hashcredit.simulator.contagion.distress import debtrank as debtrank
    from hashcredit.simulator.contagion.errors import ContagionError as ContagionError
    from hashcredit.simulator.contagion.errors import SolutionError as SolutionError
    from hashcredit.simulator.contagion.fire_sales import FireSale as FireSale
    from hashcredit.simulator.contagion.fire_sales import LeverageTargeting as LeverageTargeting
    from hashcredit.simulator.contagion.fire_sales import leverage_targeting as leverage_targeting
    from hashcredit.simulator.contagion.fire_sales import restoring_sale as restoring_sale
    from hashcredit.simulator.contagion.funds import LeveragedFunds as LeveragedFunds
    from hashcredit.simulator.contagion.funds import ReturnStatistics as ReturnStatistics
    from hashcredit.simulator.contagion.funds import return_statistics as return_statistics
    from hashcredit.simulator.contagion.funds import simulate_leveraged_funds as simulate_leveraged_funds
    from hashcredit.simulator.contagion.leverage_cycle import CollateralEquilibrium as CollateralEquilibrium
    from hashcredit.simulator.contagion.leverage_cycle import LeverageCycle as LeverageCycle
    from hashcredit.simulator.contagion.leverage_cycle import collateral_equilibrium as collateral_equilibrium
    from hashcredit.simulator.contagion.leverage_cycle import haircut_sale as haircut_sale
    from hashcredit.simulator.contagion.leverage_cycle import (
        leverage_cycle_equilibrium as leverage_cycle_equilibrium,
    )
    from hashcredit.simulator.contagion.portfolios import PortfolioCascade as PortfolioCascade
    from hashcredit.simulator.contagion.portfolios import portfolio_cascade as portfolio_cascade
    from hashcredit.simulator.contagion.portfolios import random_portfolios as random_portfolios

# Imported on first use: a kernel module of this package must not bring in SciPy.
_NAMES = {
    "cascade_theory": ("gai_kapadia_extent", "gai_kapadia_probability", "gai_kapadia_window", "watts_window"),
    "cascades": ("cascade_rounds", "threshold_cascade", "watts_cascade", "watts_rounds"),
    "clearing": ("clearing_vector",),
    "credit_pricing": (
        "LelandValues",
        "MertonValues",
        "leland",
        "leland_optimal_coupon",
        "leland_spread",
        "merton",
        "merton_spread",
    ),
    "deleveraging": ("Deleveraging", "deleveraging_rounds"),
    "distress": ("debtrank",),
    "errors": ("ContagionError", "SolutionError"),
    "fire_sales": ("FireSale", "LeverageTargeting", "leverage_targeting", "restoring_sale"),
    "funds": ("LeveragedFunds", "ReturnStatistics", "return_statistics", "simulate_leveraged_funds"),
    "leverage_cycle": (
        "CollateralEquilibrium",
        "LeverageCycle",
        "collateral_equilibrium",
        "haircut_sale",
        "leverage_cycle_equilibrium",
    ),
    "portfolios": ("PortfolioCascade", "portfolio_cascade", "random_portfolios"),
}

__getattr__, __dir__ = public_names(
    __name__, {name: module for module, names in _NAMES.items() for name in names}
)

__all__ = __dir__()
