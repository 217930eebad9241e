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
_HOMES = {
    "CollateralEquilibrium": "leverage_cycle",
    "ContagionError": "errors",
    "Deleveraging": "deleveraging",
    "FireSale": "fire_sales",
    "LelandValues": "credit_pricing",
    "LeverageCycle": "leverage_cycle",
    "LeverageTargeting": "fire_sales",
    "LeveragedFunds": "funds",
    "MertonValues": "credit_pricing",
    "PortfolioCascade": "portfolios",
    "ReturnStatistics": "funds",
    "SolutionError": "errors",
    "cascade_rounds": "cascades",
    "clearing_vector": "clearing",
    "collateral_equilibrium": "leverage_cycle",
    "debtrank": "distress",
    "deleveraging_rounds": "deleveraging",
    "gai_kapadia_extent": "cascade_theory",
    "gai_kapadia_probability": "cascade_theory",
    "gai_kapadia_window": "cascade_theory",
    "haircut_sale": "leverage_cycle",
    "leland": "credit_pricing",
    "leland_optimal_coupon": "credit_pricing",
    "leland_spread": "credit_pricing",
    "leverage_cycle_equilibrium": "leverage_cycle",
    "leverage_targeting": "fire_sales",
    "merton": "credit_pricing",
    "merton_spread": "credit_pricing",
    "portfolio_cascade": "portfolios",
    "random_portfolios": "portfolios",
    "restoring_sale": "fire_sales",
    "return_statistics": "funds",
    "simulate_leveraged_funds": "funds",
    "threshold_cascade": "cascades",
    "watts_cascade": "cascades",
    "watts_rounds": "cascades",
    "watts_window": "cascade_theory",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = public_names(__name__, _HOMES)
