"""Endogenous margins: Geanakoplos' collateral equilibria in two and three periods, and what a haircut forces.

Agents h are uniform on [0, 1]; h is the probability that an agent gives to good news, in each period anew and
independently. Each owns one unit of the asset and `goods` units of the consumption good, which keeps without
interest. Nobody discounts, and only the expected payoff counts. A loan may promise any amount against one
unit of the asset as its only security; with two outcomes the one that is traded promises what the asset is
worth after bad news, so loans are riskless and free of interest (Geanakoplos 1997, 2010: the no-default
theorem).
"""

import math
from dataclasses import dataclass
from typing import Any

from hashcredit.simulator.contagion.errors import ContagionError
from hashcredit.simulator.contagion.inputs import AMOUNT, POSITIVE, Range, as_number, plain, together


@dataclass(frozen=True)
class CollateralEquilibrium:
    """Two periods.

    price           of the asset, in goods
    marginal_buyer  h above which agents own all of the asset
    loan            borrowed per unit of the asset
    leverage        price over down payment, 1 without loans
    margin          down payment over price
    """

    price: float
    marginal_buyer: float
    loan: float
    leverage: float
    margin: float


@dataclass(frozen=True)
class LeverageCycle:
    """Three periods: the price at the start, and after bad news.

    price, marginal_buyer, leverage, margin      at the start, where the loan is `price_down` a unit
    price_down, marginal_buyer_down, leverage_down, margin_down   after bad news, where the loan is `low`
    crash     1 - price_down / price: the fall of the price after bad news
    """

    price: float
    marginal_buyer: float
    leverage: float
    margin: float
    price_down: float
    marginal_buyer_down: float
    leverage_down: float
    margin_down: float
    crash: float


def collateral_equilibrium(
    high: float = 1.0, low: float = 0.2, goods: float = 1.0, borrowing: bool = True
) -> CollateralEquilibrium:
    """Equilibrium of two periods: the asset pays `high` after good news and `low` after bad news.

    The marginal buyer h is indifferent, p = h high + (1 - h) low, and buyers spend what they own and can
    borrow, (1 - h) goods + loan = p h, with loan = low, or 0 without `borrowing` (Geanakoplos 2010, section
    3). Together a quadratic in h, with one root in (0, 1).

    high > low >= 0, goods > 0; otherwise ContagionError.
    """
    up, down, wealth = _payoffs(high, low, goods)
    if not isinstance(borrowing, bool):
        raise ContagionError("borrowing", borrowing, "True or False")
    loan = down if borrowing else 0.0
    # (up - down) h^2 + (down + wealth) h - (wealth + loan) = 0
    buyer = _positive_root(up - down, down + wealth, wealth + loan)
    price = down + buyer * (up - down)
    return CollateralEquilibrium(price, buyer, loan, price / (price - loan), (price - loan) / price)


def leverage_cycle_equilibrium(high: float = 1.0, low: float = 0.2, goods: float = 1.0) -> LeverageCycle:
    """Equilibrium of three periods: the asset pays `low` after bad news twice and `high` otherwise.

    After good news nothing is uncertain and the price is `high`. With the buyers a at the start and b after
    bad news (Geanakoplos 2010, section 4):

        p_D = b high + (1 - b) low             after bad news b is indifferent,
        p_D = (a - b)/a (goods + p_D) + low    and [b, a] buy all: who bought before has lost all to his loan
        p_0 = (1 - a)(goods + p_0) + p_D       at the start those above a buy all, and borrow p_D
        a (high - p_D)/(p_0 - p_D) = a + (1 - a) a (high - low)/(p_D - low)

    The last line: a unit of money earns the same for a, put into the asset on margin now, or kept, to buy on
    margin after bad news.

    The first two are a quadratic in b, the third gives p_0, and the last is solved for a by bisection, to the
    last bit; its left side less its right side is negative near 0 and positive near 1.

    high > low >= 0, goods > 0; otherwise ContagionError.
    """
    up, down, wealth = _payoffs(high, low, goods)
    spread = up - down

    def after_bad_news(a: float) -> tuple[float, float]:
        # spread b^2 + (wealth + down) b - a (wealth + down) = 0
        b = _positive_root(spread, wealth + down, a * (wealth + down))
        return b, b * spread

    def advantage(a: float) -> float:
        """Of the asset now over money, times positive numbers: sign only."""
        _, gain = after_bad_news(a)  # p_D - low
        now = a * (spread - gain) * gain  # with p_0 - p_D = (1 - a)(goods + p_D)/a
        money = (1.0 - a) * (wealth + down + gain) * (gain + (1.0 - a) * spread)
        return now - money

    below, above = 0.0, 1.0
    while True:
        a = 0.5 * (below + above)
        if not below < a < above:
            break
        if advantage(a) < 0.0:
            below = a
        else:
            above = a
    a = above
    b, gain = after_bad_news(a)
    price_down = down + gain
    payment = (1.0 - a) * (wealth + price_down) / a  # p_0 - p_D
    price = price_down + payment
    return LeverageCycle(
        price,
        a,
        price / payment,
        payment / price,
        price_down,
        b,
        price_down / gain,
        gain / price_down,
        payment / price,
    )


def haircut_sale(before: Any, after: Any) -> Any:
    """Part of a position that has to be sold when its haircut moves, at fixed equity: `1 - before / after`.

    Equity h0 of a position of 1 carries h0/h1 at the haircut h1. Negative: that much more could be bought.
    Numbers or arrays in (0, 1]; from 5 % to 50 % nine tenths go. Raises ContagionError for anything else.
    """
    haircut = Range(0.0, 1.0, with_low=False)
    first, then = together({"before": (before, haircut), "after": (after, haircut)})
    return plain(1.0 - first / then)


def _payoffs(high: float, low: float, goods: float) -> tuple[float, float, float]:
    up, down = as_number("high", high, POSITIVE), as_number("low", low, AMOUNT)
    if not down < up:
        raise ContagionError("low", down, f"less than high, {up:g}")
    return up, down, as_number("goods", goods, POSITIVE)


def _positive_root(a: float, b: float, c: float) -> float:
    """Positive root of a x^2 + b x = c for a, b, c > 0, without cancellation."""
    return 2.0 * c / (b + math.sqrt(b * b + 4.0 * a * c))
