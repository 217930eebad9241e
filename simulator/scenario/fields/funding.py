"""Scenario sections of the funding pool: the pool itself, asset classes, macro investors."""

from typing import Annotated, ClassVar, Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import Section, by_kind, field, kind_defaults, refused
from hashcredit.simulator.scenario.fields.types import (
    AnnualRate,
    BillionUSD,
    BillionUSDAYear,
    ByAsset,
    ByAssetButBTC,
    Correlation,
    Fraction,
    Number,
    Path,
    PerYear,
    Ratio,
    Share,
    Weeks,
    choice,
    knots,
    unit,
)
from hashcredit.simulator.state.pool import FundingRule

OPENING_TIGHTNESS = (0.01, 0.99)
"""Between these the pool that belongs to a tightness is finite."""


class Funding(Section):
    """Conditions of funding: a pool with its water and its drain, or a path of tightness; what they cost."""

    open_to_policy: ClassVar[bool] = True

    rule: Annotated[str, choice(FundingRule)] = field(
        "pool", "whether tightness is that of the pool or is read from its path"
    )
    tightness: Annotated[Path, knots("none", 0.0, 1.0)] = field(
        0.2, "rule 'path': tightness, a constant or [week, value] pairs; rule 'pool': that of the opening"
    )
    premium: AnnualRate = field(0.02, "cost of capital over the policy rate at tightness 0")
    premium_convexity: AnnualRate = field(0.06, "cost of capital added at tightness 1 (with its square)")
    # Neo-clouds' loans on GPUs (20 bn$) and miners' debts (12.7 bn$) over the 6.5 bn$ of the opening here.
    scale: Ratio = field(5.0, "what this economy stands for over what it is, in debts and in sales of coins")
    # With 1000 a further 10 bn$ of bonds cost 1.5 basis points at the opening, in the range of crowding.beta.
    normal: BillionUSD = field(1000.0, "size of the pool at which tightness is one half", low=1.0)
    steepness: Number = field(4.0, "slope of tightness in the pool over its normal size", low=0.1, high=50.0)
    saving: BillionUSDAYear = field(
        802.0,
        "saving that looks for credit and securities, part of it through investors",
        source="S: ig.net_issuance.2026f",
    )
    saving_response: BillionUSDAYear = field(
        4000.0, "saving added where capital costs 1 (100 %) more than in the opening", high=1e5
    )
    purchases: Annotated[Path, knots("bn$/yr", -1e4, 1e4)] = field(
        0.0, "securities bought by the authority, a constant or [week, value] pairs; negative: it sells"
    )
    plumbing: Share = field(0.5, "share of the authority's purchases that reaches the pool")
    # 802 + 0.2 * 0.8 * 410 - 0.348 * 652: the first week is in balance to 1 bn$ a year, investors apart.
    fiscal: Annotated[Path, knots("bn$/yr", -1e4, 1e4)] = field(
        641.0, "claims of the government and of other borrowers, a constant or [week, value] pairs"
    )
    # From 410 in mid-2025 to 725 in mid-2026 (hyper.capex.2025, hyper.capex.2026); what follows is a guess.
    capex: Annotated[Path, knots("bn$/yr", 1.0, 1e5)] = field(
        ((0, 652.0), (12, 725.0), (64, 850.0), (116, 950.0), (168, 1000.0)),
        "hyperscalers' capital expenditure, a constant or [week, value] pairs",
    )
    external_share: Annotated[Path, knots("fraction", 0.0, 1.0)] = field(
        0.348,
        "share of it that others pay for, a constant or [week, value] pairs",
        source="D: hyper.external_share",
    )
    lagged_capex0: BillionUSDAYear = field(
        410.0, "trailing mean of capital expenditure in the opening", high=1e5
    )
    multiplier: Share = field(
        0.2, "share of lagged capital expenditure that comes back as saving at tightness 0"
    )
    multiplier_weeks: Weeks = field(26.0, "mean lag with which it does", low=1.0, high=520.0)
    hoarding: Fraction = field(
        0.1,
        "taken from the pool of each dollar that investors' portfolio lies under its trailing mean",
        high=5.0,
    )
    hoarding_weeks: Weeks = field(52.0, "memory of that mean", low=1.0, high=520.0)
    # Plausible from .25 to 4: what fled to money-market funds in 2008 and 2020 left over quarters to years.
    return_speed: PerYear = field(
        1.0, "speed at which what investors' clients asked back returns to the pool; 0: never"
    )

    @property
    def opening_tightness(self) -> float:
        """Tightness in the first week, of a constant or of a path."""
        return self.tightness[0][1] if isinstance(self.tightness, tuple) else self.tightness

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rule == "pool":
            low, high = OPENING_TIGHTNESS
            if isinstance(self.tightness, tuple) or not low <= self.tightness <= high:
                allowed = (
                    f"a number from {low} to {high} (the opening) where rule is 'pool', or rule = 'path'"
                )
                raise refused("tightness", self.tightness, allowed)
        return self


class Assets(Section):
    """Asset classes, in the order BTC, software equity, memory equity, hedge-fund units, sovereign bonds."""

    duration: Annotated[ByAsset, unit("years", 0.0, 30.0)] = field(
        (15.0, 12.0, 4.0, 3.0, 6.0), "log fall of a price for a rise of the cost of capital by 1 (100 %)"
    )
    depth: Annotated[ByAsset, unit("bn$", 0.01, 1e6)] = field(
        (100.0, 400.0, 500.0, 150.0, 5000.0), "investors' sales that move a price by a factor e"
    )
    recovery: Annotated[ByAssetButBTC, unit("1/yr", 0.0, 520.0)] = field(
        (4.0, 4.0, 4.0, 8.0), "speed at which the impact of sales fades, without BTC (credit.btc_recovery)"
    )
    volatility: Annotated[ByAssetButBTC, unit("1/yr^0.5", 0.0, 3.0)] = field(
        (0.30, 0.40, 0.08, 0.06),
        "annual volatility of log prices, the funding pool's share included, without BTC"
        " (shocks.btc_volatility)",
    )
    loading: Annotated[ByAssetButBTC, unit("correlation", -1.0, 1.0)] = field(
        (0.8, 0.7, 0.6, -0.2), "correlation of a class's innovation with the common factor, without BTC"
    )
    btc_loading: Correlation = field(0.4, "correlation of BTC's with it")


class InvestorTerms(Section):
    """One macro investor; in the order sovereign fund, conglomerate, hedge funds, retail, pension."""

    cash: BillionUSD = by_kind(
        (20.0, 10.0, 20.0, 100.0, 50.0), "cash in the opening; what exceeds it later is placed in the pool"
    )
    holdings: Annotated[ByAsset, unit("bn$", 0.0, 1e6)] = by_kind(
        (
            (1.0, 150.0, 150.0, 100.0, 300.0),
            (2.0, 60.0, 60.0, 0.0, 10.0),
            (15.0, 200.0, 200.0, 0.0, 100.0),
            (100.0, 500.0, 400.0, 0.0, 100.0),
            (2.0, 500.0, 500.0, 300.0, 1500.0),
        ),
        "holdings of each asset class in the opening",
    )
    conviction: Annotated[ByAsset, unit("none", 0.0, 100.0)] = by_kind(
        (
            (1.0, 3.0, 4.0, 2.0, 5.0),
            (1.0, 3.0, 4.0, 5.0, 2.0),
            (2.0, 3.0, 4.0, 5.0, 1.0),
            (3.0, 2.0, 4.0, 5.0, 1.0),
            (1.0, 3.0, 4.0, 2.0, 5.0),
        ),
        "conviction in each asset class: the least is sold first, of equals the earlier",
    )
    commitment: BillionUSDAYear = by_kind(
        (15.0, 30.0, 0.0, 0.0, 0.0), "capital expenditure that it has promised to pay for"
    )
    inflow: BillionUSDAYear = by_kind((10.0, 0.0, 0.0, 50.0, 100.0), "saving entrusted to it")
    redemption_threshold: Share = by_kind(
        (1.0, 0.4, 0.15, 0.25, 1.0),
        "fall of its portfolio from the peak at which clients ask money back; 1: never",
    )
    redemption_share: PerYear = by_kind(
        (0.0, 0.5, 1.0, 0.5, 0.0), "share of the portfolio that they ask back in a year while it lies there"
    )


class Investors(Section):
    """Macro investors: what they hold, believe in and have promised."""

    sovereign_fund: InvestorTerms = kind_defaults(InvestorTerms, 0)
    conglomerate: InvestorTerms = kind_defaults(InvestorTerms, 1)
    hedge_funds: InvestorTerms = kind_defaults(InvestorTerms, 2)
    retail: InvestorTerms = kind_defaults(InvestorTerms, 3)
    pension: InvestorTerms = kind_defaults(InvestorTerms, 4)
