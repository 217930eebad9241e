"""Scenario section of loan contracts."""

from typing import Literal, Self

from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import ByGrade, Section, quantity, refused


class Credit(Section):
    """Loan contracts: prices, covenants, margins, and what a lender does about a breach."""

    policy_rate: float = quantity(
        0.0383,
        unit="1/yr",
        low=-0.01,
        high=0.25,
        meaning="policy rate, the base of floating loans",
        source="rate.sofr_swap.implied",
        evidence="D",
    )
    floor: float = quantity(
        0.0,
        unit="1/yr",
        low=-0.01,
        high=0.25,
        meaning="floor under the base rate of floating loans",
        source="crwv.ddtl2.floor",
        evidence="P",
    )
    spread_by_grade: ByGrade = quantity(
        (0.0225, 0.045, 0.06, 0.13),
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="spread of a machine loan by grade of the customer behind it, best first",
        source=("crwv.ddtl4.margin", "crwv.ddtl5.margin", "crwv.ddtl2.margin.ig", "crwv.ddtl2.margin.nonig"),
        evidence=("S", "S", "P", "P"),
    )
    borrower_spread_by_grade: ByGrade = quantity(
        (0.06, 0.08, 0.10, 0.14),
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="borrower's discount rate over the market's cost of capital by its grade, best first",
    )
    origination_ltv: float = quantity(
        0.60,
        unit="fraction",
        low=0.0,
        high=0.95,
        meaning="machine loan over the installed price at origination, mean",
        source="gpuloan.ltv.private_credit",
        evidence="E",
    )
    ltv_sd: float = quantity(
        0.05,
        unit="fraction",
        low=0.0,
        high=0.3,
        meaning="standard deviation of the loan to value at origination",
    )
    loan_age_weeks: int = quantity(
        104,
        unit="weeks",
        low=0,
        high=519,
        meaning="largest age of a loan in the first week; ages are uniform",
    )
    tenor_weeks: int = quantity(208, unit="weeks", low=4, high=1040, meaning="life of a machine loan")
    dscr_covenant: float = quantity(
        1.10,
        unit="ratio",
        low=0.0,
        high=3.0,
        meaning="debt service cover that a borrower must keep",
        source="dscr.covenant.generic",
        evidence="C",
    )
    cure_weeks: int = quantity(4, unit="weeks", low=0, high=104, meaning="weeks to cure a breach of covenant")
    grace_weeks: int = quantity(
        4, unit="weeks", low=0, high=104, meaning="weeks before a missed payment is a default"
    )
    marked_share: float = quantity(
        0.25,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of machine loans with a borrowing base that is marked to market",
    )
    recourse_share: float = quantity(
        0.5,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of machine loans with recourse to the borrower",
    )
    cross_default_share: float = quantity(
        0.7,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of loans with a cross-default clause",
    )
    hand_back: bool = quantity(
        True,
        unit="none",
        meaning="whether owners hand back the machines of facilities without recourse when that pays",
    )
    refinancing_sweep_share: float = quantity(
        0.2,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of high-yield bonds for which a refused refinancing starts a cash sweep",
    )
    sweep_weeks: int = quantity(
        104, unit="weeks", low=1, high=1040, meaning="weeks by which such a sweep puts the maturity off"
    )
    sweep_step_up: float = quantity(
        0.02, unit="1/yr", low=0.0, high=0.5, meaning="added to the rate during such a sweep"
    )
    conversion_premium: float = quantity(
        0.35,
        unit="fraction",
        low=0.0,
        high=10.0,
        meaning="gain of the borrower's equity since the first week above which convertibles convert",
    )
    sweep_share: float = quantity(
        0.5,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="share of free cash that is swept to a loan under its covenant",
    )
    btc_initial_ltv: float = quantity(
        0.50,
        unit="fraction",
        low=0.01,
        high=0.95,
        meaning="BTC margin loan over the value of its coins at origination",
        source="btcloan.ltv",
        evidence="E",
    )
    btc_call_ltv: float = quantity(
        0.65,
        unit="fraction",
        low=0.02,
        high=0.98,
        meaning="loan to value of a margin call on BTC",
        evidence="N",
    )
    btc_liquidation_ltv: float = quantity(
        0.75,
        unit="fraction",
        low=0.03,
        high=1.0,
        meaning="loan to value at which pledged BTC is sold",
        evidence="N",
    )
    btc_spread: float = quantity(
        0.045,
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="spread of a BTC margin loan",
        source="riot.btcloan.spread",
        evidence="S",
    )
    btc_depth: float = quantity(
        20000.0, unit="M$", low=1.0, high=1e9, meaning="forced sales that move BTC by a factor e"
    )
    btc_recovery: float = quantity(
        8.0, unit="1/yr", low=0.0, high=520.0, meaning="speed at which the impact of BTC sales fades"
    )
    btc_tenor_weeks: int = quantity(
        52,
        unit="weeks",
        low=1,
        high=1040,
        meaning="life of a BTC loan between rollovers",
        source="riot.btcloan.weeks",
        evidence="S",
    )
    bullet_weeks_low: int = quantity(
        26, unit="weeks", low=1, high=1040, meaning="shortest remaining life of a bond in the first week"
    )
    bullet_weeks_high: int = quantity(
        260, unit="weeks", low=1, high=1040, meaning="longest remaining life of a bond in the first week"
    )
    base_headroom: float = quantity(
        1.15,
        unit="ratio",
        low=1.0,
        high=3.0,
        meaning="borrowing-base advance rate over the lender's advance rate at origination",
    )
    learning_weight: float = quantity(
        0.2,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="weight of a new outcome in a lender's learned recovery",
    )
    high_yield_coupon: float = quantity(
        0.09,
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="coupon of high-yield bonds",
        source="crwv.notes2031.coupon",
        evidence="P",
    )
    convertible_coupon: float = quantity(
        0.0,
        unit="1/yr",
        low=0.0,
        high=0.5,
        meaning="coupon of convertible notes",
        source="mara.conv.2032.coupon",
        evidence="S",
    )
    enforcement: Literal["always", "choice", "never"] = quantity(
        "choice",
        unit="none",
        meaning="what a lender does about an uncured breach: accelerate, compare, forbear",
    )
    reserve_weeks: float = quantity(
        4.0,
        unit="weeks",
        low=0.0,
        high=104.0,
        meaning="obligations that a borrower keeps in cash while it meets a margin or borrowing-base call",
    )
    review_weeks: int = quantity(
        4, unit="weeks", low=1, high=52, meaning="weeks between a lender's decisions on a loan left in breach"
    )
    waiting_hazard: float = quantity(
        0.15, unit="1/yr", low=0.0, high=5.0, meaning="hazard of failure that a lender assumes while it waits"
    )
    waiting_years: float = quantity(
        2.0, unit="years", low=0.1, high=10.0, meaning="years of debt service that a waiting lender counts"
    )
    offtaker_hazard: ByGrade = quantity(
        (0.002, 0.01, 0.03, 0.08),
        unit="1/yr",
        low=0.0,
        high=5.0,
        meaning="hazard that a customer fails at tightness 0, by grade, best first",
    )
    offtaker_tightness: float = quantity(
        2.0, unit="log", low=0.0, high=6.0, meaning="log hazard of customers added at tightness 1"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.btc_initial_ltv < self.btc_call_ltv:
            raise refused(
                "btc_initial_ltv", self.btc_initial_ltv, f"less than btc_call_ltv = {self.btc_call_ltv}"
            )
        if not self.btc_call_ltv < self.btc_liquidation_ltv:
            allowed = f"less than btc_liquidation_ltv = {self.btc_liquidation_ltv}"
            raise refused("btc_call_ltv", self.btc_call_ltv, allowed)
        if self.bullet_weeks_high < self.bullet_weeks_low:
            allowed = f"at least bullet_weeks_low = {self.bullet_weeks_low}"
            raise refused("bullet_weeks_high", self.bullet_weeks_high, allowed)
        if self.loan_age_weeks >= self.tenor_weeks:
            allowed = f"less than tenor_weeks = {self.tenor_weeks}, or a loan would mature before the start"
            raise refused("loan_age_weeks", self.loan_age_weeks, allowed)
        return self
