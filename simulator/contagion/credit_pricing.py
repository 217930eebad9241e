"""What credit costs by structural models: Merton (1974) and Leland (1994), over arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hashcredit.simulator.contagion.inputs import (
    AMOUNT,
    ANY,
    POSITIVE,
    SHARE,
    Floats,
    Range,
    plain,
    together,
)


@dataclass(frozen=True)
class MertonValues:
    """Money, money, an annual fraction, a probability; numbers, or arrays of the shape of the arguments.

    spread               annual yield of the debt, continuously compounded, less the riskless rate
    default_probability  risk-neutral, of assets below the face value at maturity
    """

    equity: Any
    debt: Any
    spread: Any
    default_probability: Any


def merton(assets: Any, face: Any, rate: Any, volatility: Any, maturity: Any) -> MertonValues:
    """Value of equity and zero-coupon debt of a firm (Merton 1974, equations 12 to 14).

    Equity is a call on the assets: V N(d1) - F exp(-rT) N(d2); debt is the rest, its risk-neutral default
    probability N(-d2), its spread -ln(debt/F)/T - rate. Small spreads keep their digits: they are worked out
    from the value of the put.

    Limits: with volatility 0 the firm fails if V exp(rT) < F (at equality it pays); with face 0 there is no
    debt and the spread is 0; as the maturity goes to 0, the spread goes to 0 if V > F and beyond all bounds
    if V < F.

    Parameters
    ----------
    assets, face : float or array
        Money; assets > 0, face value >= 0.
    rate, volatility, maturity : float or array
        Riskless, per year; per square root of a year, >= 0; years, > 0.

    Arrays are broadcast. Raises ContagionError for anything else.
    """
    from scipy.special import ndtr

    V, F, r, sigma, T = together(
        {
            "assets": (assets, POSITIVE),
            "face": (face, AMOUNT),
            "rate": (rate, ANY),
            "volatility": (volatility, AMOUNT),
            "maturity": (maturity, POSITIVE),
        }
    )
    deviation = sigma * np.sqrt(T)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        riskless = F * np.exp(-r * T)
        moneyness = np.log(V / F) + r * T  # infinite without debt
        d1 = moneyness / deviation + 0.5 * deviation
        d1 = np.where(deviation > 0.0, d1, np.where(moneyness >= 0.0, np.inf, -np.inf))
        d2 = d1 - deviation
        paid = riskless * ndtr(d2)
        debt = paid + V * ndtr(-d1)
        # The put over the riskless value: what creditors lose. Where that is most of it, the rest is exact.
        lost = np.clip(ndtr(-d2) - V / riskless * ndtr(-d1), 0.0, 1.0)
        spread = np.where(lost < 0.5, -np.log1p(-lost), -np.log(debt / riskless)) / T
    spread = np.where(F > 0.0, spread, 0.0)
    equity = np.where(F > 0.0, V * ndtr(d1) - paid, V)
    return MertonValues(*(plain(value) for value in (equity, debt, spread, ndtr(-d2))))


def merton_spread(assets: Any, face: Any, rate: Any, volatility: Any, maturity: Any) -> Any:
    """Annual credit spread of zero-coupon debt as a fraction (0.01 is 100 basis points); see `merton`."""
    return merton(assets, face, rate, volatility, maturity).spread


@dataclass(frozen=True)
class LelandValues:
    """Numbers, or arrays of the shape of the arguments.

    boundary       value of the assets at which the owners give up, V_B
    debt, equity   money; together with nothing else they are `total`
    total          assets + tax benefits - bankruptcy costs
    spread         annual coupon over the value of the debt, less the riskless rate
    default_claim  value of one unit of money paid at bankruptcy
    """

    boundary: Any
    debt: Any
    equity: Any
    total: Any
    spread: Any
    default_claim: Any


def leland(
    assets: Any, coupon: Any, rate: Any, volatility: Any, bankruptcy_cost: Any, tax: Any
) -> LelandValues:
    """Perpetual debt of a firm whose owners choose when to give up (Leland 1994, equations 7 to 14).

    X = 2 rate / volatility^2; V_B = (1 - tax) coupon / rate X/(1 + X); a unit of money at bankruptcy is worth
    q = (V/V_B)^-X; debt C/r (1 - q) + (1 - cost) V_B q; total V + tax C/r (1 - q) - cost V_B q; equity the
    rest.

    Limits: without coupon no debt, and a spread of 0; with volatility 0 the firm never fails if V > V_B. At
    V <= V_B it fails at once: equity 0, debt and total (1 - cost) V.

    Parameters
    ----------
    assets, coupon : float or array
        Money > 0; money a year >= 0.
    rate, volatility : float or array
        Riskless, per year, > 0; per square root of a year, >= 0.
    bankruptcy_cost, tax : float or array
        Part of the assets that bankruptcy costs, within [0, 1]; tax rate within [0, 1).

    Arrays are broadcast. Raises ContagionError for anything else.
    """
    V, C, r, sigma, cost, tau = together(
        _leland_arguments(assets, rate, volatility, bankruptcy_cost, tax, coupon)
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        share = _boundary_share(r, sigma, tau)
        boundary = share * C / r
        fails = boundary >= V
        X = 2.0 * r / sigma**2
        q = np.where(fails, 1.0, np.where(boundary > 0.0, np.exp(-X * np.log(V / boundary)), 0.0))
        q = np.where(fails | (sigma > 0.0), q, 0.0)
        perpetuity = C / r
        given_up = 1.0 - (1.0 - cost) * share  # of the perpetuity, at bankruptcy
        debt = np.where(fails, (1.0 - cost) * V, perpetuity * (1.0 - q * given_up))
        total = np.where(fails, (1.0 - cost) * V, V + tau * perpetuity * (1.0 - q) - cost * boundary * q)
        equity = np.where(fails, 0.0, V - (1.0 - tau) * perpetuity * (1.0 - q) - boundary * q)
        spread = np.where(fails, C / debt - r, r * q * given_up / (1.0 - q * given_up))
    return LelandValues(*(plain(value) for value in (boundary, debt, equity, total, spread, q)))


def leland_spread(
    assets: Any, coupon: Any, rate: Any, volatility: Any, bankruptcy_cost: Any, tax: Any
) -> Any:
    """Annual credit spread of perpetual debt as a fraction (0.01 is 100 basis points); see `leland`."""
    return leland(assets, coupon, rate, volatility, bankruptcy_cost, tax).spread


def leland_optimal_coupon(assets: Any, rate: Any, volatility: Any, bankruptcy_cost: Any, tax: Any) -> Any:
    """Coupon that makes the firm worth most (Leland 1994, equation 21): 0 without taxes.

    C = V (1 + X + cost (1 - tax) X / tax)^(-1/X) / k, where V_B = k C. With volatility 0: V rate / (1 - tax).
    Arguments as in `leland`.
    """
    V, r, sigma, cost, tau = together(_leland_arguments(assets, rate, volatility, bankruptcy_cost, tax))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        X = 2.0 * r / sigma**2
        factor = np.exp(-np.log1p(X * (1.0 + cost * (1.0 - tau) / tau)) / X)
        factor = np.where(sigma > 0.0, np.where(tau > 0.0, factor, 0.0), np.where(tau > 0.0, 1.0, 0.0))
        coupon = V * factor * r / _boundary_share(r, sigma, tau)
    return plain(coupon)


def _boundary_share(r: Floats, sigma: Floats, tau: Floats) -> Floats:
    """V_B over the perpetuity C/r: (1 - tax) X/(1 + X), written for a volatility of 0, too."""
    share: Floats = (1.0 - tau) * r / (r + 0.5 * sigma**2)
    return share


def _leland_arguments(
    assets: Any, rate: Any, volatility: Any, bankruptcy_cost: Any, tax: Any, coupon: Any = None
) -> dict[str, tuple[Any, Range]]:
    arguments = {"assets": (assets, POSITIVE)}
    if coupon is not None:
        arguments["coupon"] = (coupon, AMOUNT)
    return arguments | {
        "rate": (rate, POSITIVE),
        "volatility": (volatility, AMOUNT),
        "bankruptcy_cost": (bankruptcy_cost, SHARE),
        "tax": (tax, Range(0.0, 1.0, with_high=False)),
    }
