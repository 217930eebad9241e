"""Fair spreads: at which the lenders of a scenario would, on average, just have got their money's worth.

A spread changes who fails: dearer debt takes more of a borrower's cash. So the spread that would have been
fair in the scenario as it stands is put back into it, and the market is run again on the same draws, until
what is fair is what is charged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.dimensions import GRADES, Instrument
from hashcredit.experiments.measures.quotes import market_quotes
from hashcredit.experiments.measures.spread_sums import BASIS_POINT, Sums, sums_of_run
from hashcredit.experiments.measures.structural import structural_sums
from hashcredit.simulator.display import Facts, Shown, interval_in_words, runs_in_words
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.progress import Progress, shown
from hashcredit.simulator.reports.statistics import (
    Ratio,
    group_length,
    in_groups,
    ratio_estimate,
)
from hashcredit.simulator.runs.tapes import reduce_tapes
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, seeds_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.prepare import prepare_each

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

MADE_WITHIN = 52
"""Weeks: loans owed in the first week or made before this one are looked at."""
WEEKS = 312
"""Length of the runs: a year of lending, four years of the usual tenor, and one for what fails at its end."""
ROUNDS = 8
"""Of putting spreads back, at most."""
PRICES_OF_RISK = {"btc": 0.3, "rent": 0.3, "funding": 0.3}
"""Market prices of risk of the common normals, 1/yr^0.5: excess return a year over its volatility.
C: modelling choice, three quarters of the .4 that the stock market of the United States has paid."""
MOST_PRICE = 2.0
"""Of risk, 1/yr^0.5: beyond, the weights of a few runs are all there is."""
LEAST_SPREAD, MOST_SPREAD = 0.0, 0.5
"""Bounds of spreads and coupons in a scenario, 1/yr."""


class Dial(NamedTuple):
    """A spread or coupon of the scenario that is put right, and the loans that tell how."""

    field: str
    grade: int
    """Place in the field; -1: it is one number."""
    groups: tuple[int, ...]

    @property
    def name(self) -> str:
        """Field and grade, as one would read them out."""
        return self.field if self.grade < 0 else f"{self.field}[{self.grade}]"

    def read(self, scenario: Scenario) -> float:
        """What it is in a scenario, 1/yr."""
        value = getattr(scenario.credit, self.field)
        return float(value if self.grade < 0 else value[self.grade])


def _groups(instrument: Instrument) -> tuple[int, ...]:
    return tuple(range(GRADES * instrument, GRADES * (instrument + 1)))


DIALS = (
    *(Dial("spread_by_grade", grade, (grade,)) for grade in range(GRADES)),
    Dial("btc_spread", -1, _groups(Instrument.BTC_LOAN)),
    Dial("high_yield_coupon", -1, _groups(Instrument.HIGH_YIELD)),
)
"""Loans on sites have the spreads of machine loans, which are told by these. Notes that convert keep their
coupon: holders take less for the option, which the model does not value, so what would be fair without it is
shown and not put back."""

BY_GRADE = (Instrument.MACHINE_LOAN, Instrument.PROJECT_FINANCE)
"""Instruments whose spread depends on the grade; each of the others is one line of the table."""


@dataclass(frozen=True)
class MarketRun:
    """The scenario at some spreads, run on all seeds and replicates."""

    scenario: Scenario
    sums: Floats
    """`Sums` of every run [run, sum, group], seed by seed."""
    together: int
    """Runs in a row that make one independent group."""

    def totals(self, groups: Iterable[int]) -> Sums:
        """Sums of some groups taken together, one value a group of runs."""
        picked = self.sums[:, :, list(groups)].sum(axis=2)
        return Sums(*in_groups(picked, self.together).T)

    def total(self, groups: Iterable[int]) -> dict[str, float]:
        """The same sums over all runs, by name."""
        return {name: float(each.sum()) for name, each in self.totals(groups)._asdict().items()}

    def contract_spread(self, groups: Iterable[int]) -> Ratio:
        """Spread that was paid over the policy rate, 1/yr."""
        told = self.totals(groups)
        return ratio_estimate(told.at_spread, told.annuity)

    def fair_spread(self, groups: Iterable[int], *, priced: bool = False) -> Ratio:
        """Spread at which these loans would have been worth what was drawn, had nobody acted otherwise.

        1/yr; `priced` takes expectations under the priced measure. A claim that is open at the end is taken
        to bring what closed ones of the same loans did.
        """
        told = self.totals(groups)
        share = 1.0 - self.loss_given_default(groups).mean
        brought = 0.0 if np.isnan(share) else share
        if priced:
            value = told.priced_value + brought * told.priced_open_claims
            return ratio_estimate(told.priced_at_spread - value, told.priced_annuity)
        return ratio_estimate(told.at_spread - (told.value + brought * told.open_claims), told.annuity)

    def loss_given_default(self, groups: Iterable[int]) -> Ratio:
        """Of the face, of claims that are closed, recoveries discounted to the default."""
        told = self.totals(groups)
        return ratio_estimate(told.claims - told.recoveries, told.claims)


@dataclass(frozen=True, repr=False)
class FairSpreads(Shown):
    """Contract and fair spreads of a scenario's loans, and those of structural models."""

    scenario: Scenario
    seeds: tuple[int, ...]
    replicates: int
    made_within: int
    prices_of_risk: Mapping[str, float]
    rounds: tuple[MarketRun, ...]
    """At the scenario's own spreads first, at the fair ones last."""
    structural: Floats
    """`structural_sums` of all seeds."""

    def _facts(self) -> Facts:
        title = f"Fair spreads of {self.scenario.name}, {runs_in_words(self.seeds, self.replicates)}"
        settled = "settled" if self.settled else "not settled"
        facts = {
            "loans": f"owed in the first week or made in the {self.made_within} weeks after it",
            "fixed point": f"{settled} after {len(self.rounds)} runs of the market",
            "intervals": interval_in_words(len(self.seeds)),
        }
        for row in self.table.to_dict("records"):
            name = f"{row['instrument']} {row['grade']}".replace("_", " ")
            facts[name] = f"{row['contract_bp']:,.0f} bp paid, {row['fair_bp']:,.0f} bp fair"
        return title, {**facts, "tables": "table, changes, quotes"}

    @property
    def settled(self) -> bool:
        """Whether no spread was off what is fair by more than the error of that in the last round.

        One that is fair `beyond` its bounds is settled at the bound.
        """
        return _is_settled(self.rounds[-1])

    @property
    def beyond(self) -> tuple[str, ...]:
        """Spreads that are at a bound of what a scenario may charge, and would be fair beyond it."""
        found = self.rounds[-1]
        return tuple(dial.name for dial in DIALS if _is_beyond(found, dial))

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row an instrument and grade ("all" where its spread depends on none); spreads in bp a year.

        At the scenario's own spreads: contract_bp; loans, a run; pd, share of loans that defaulted;
        lgd with lgd_low and lgd_high; life_years, of principal; open_share, of what was drawn, still owed at
        the end; fair_at_contract_bp, which would have been fair had nobody acted otherwise.

        At the spreads of the last round: fair_bp with fair_low_bp and fair_high_bp; fair_with_premium_bp, by
        the priced measure, and effective_runs, to how many runs of equal weight its weights come.

        merton_bp and leland_bp are of the opening balance sheets, weighted by face. Intervals cover 95 %. NaN
        stands where a number cannot be told: no interest paid, no claim closed, one run.

        A BTC loan defaults when a margin call is not met; its coins are sold and little is lost, so a high
        pd goes with an lgd of next to nothing. A convertible that converts brings shares worth its face: what
        the option is worth beyond that is not counted, so its fair spread is that of a straight bond.
        """
        import pandas as pd

        rows = [self._row(instrument.name.lower(), grade, groups) for instrument, grade, groups in _lines()]
        return pd.DataFrame([row for row in rows if row is not None])

    @cached_property
    def changes(self) -> "pd.DataFrame":
        """One row a round and spread: field, grade, what was charged and what would have been fair, bp."""
        import pandas as pd

        rows = []
        for number, market in enumerate(self.rounds):
            for dial in DIALS:
                found, paid = market.fair_spread(dial.groups), market.contract_spread(dial.groups)
                rows.append(
                    {
                        "round": number,
                        "field": f"credit.{dial.field}",
                        "grade": dial.grade if dial.grade >= 0 else None,
                        "charged_bp": paid.mean / BASIS_POINT,
                        "fair_bp": found.mean / BASIS_POINT,
                        "standard_error_bp": found.standard_error / BASIS_POINT,
                    }
                )
        return pd.DataFrame(rows)

    @property
    def quotes(self) -> "pd.DataFrame":
        """Dated prices of debt like this in the market, bp; see `market_quotes`."""
        return market_quotes()

    def _row(self, instrument: str, grade: str, groups: tuple[int, ...]) -> dict[str, Any] | None:
        first, last = self.rounds[0], self.rounds[-1]
        told = first.total(groups)
        if told["loans"] == 0.0:
            return None
        runs = len(first.sums)
        lgd = first.loss_given_default(groups)
        fair, priced = last.fair_spread(groups), last.fair_spread(groups, priced=True)
        weighed = last.total(groups)
        face, merton, pays, leland = self.structural[:, list(groups)].sum(axis=1)
        return {
            "instrument": instrument,
            "grade": grade,
            "loans": told["loans"] / runs,
            "contract_bp": first.contract_spread(groups).mean / BASIS_POINT,
            "fair_bp": fair.mean / BASIS_POINT,
            "fair_low_bp": fair.low / BASIS_POINT,
            "fair_high_bp": fair.high / BASIS_POINT,
            "fair_with_premium_bp": priced.mean / BASIS_POINT,
            "merton_bp": merton / face / BASIS_POINT if face > 0.0 else np.nan,
            "leland_bp": leland / pays / BASIS_POINT if pays > 0.0 else np.nan,
            "pd": told["defaults"] / told["loans"],
            "lgd": lgd.mean,
            "lgd_low": lgd.low,
            "lgd_high": lgd.high,
            "life_years": told["repaid_years"] / told["repaid"] if told["repaid"] > 0.0 else np.nan,
            "open_share": told["left"] / told["drawn"],
            "fair_at_contract_bp": first.fair_spread(groups).mean / BASIS_POINT,
            "effective_runs": runs * weighed["weights"] ** 2 / (weighed["loans"] * weighed["squares"]),
        }


def _lines() -> Iterable[tuple[Instrument, str, tuple[int, ...]]]:
    """Lines of the table: instrument, what its grade is called, and the groups that it takes together."""
    for instrument in Instrument:
        if instrument in BY_GRADE:
            for grade in range(GRADES):
                yield instrument, str(grade), (GRADES * instrument + grade,)
        else:
            yield instrument, "all", _groups(instrument)


def fair_spreads(
    scenario: GivenScenario = None,
    seeds: Iterable[int] = range(20),
    replicates: int = 50,
    *,
    made_within: int = MADE_WITHIN,
    weeks: int = WEEKS,
    prices_of_risk: Mapping[str, float] = PRICES_OF_RISK,
    threads: int | None = None,
    progress: Progress = None,
) -> FairSpreads:
    """The spreads at which lenders would have got what they lent, at the fixed point of the market.

    Parameters
    ----------
    scenario : Scenario, name or path
        The baseline if left out.
    seeds, replicates :
        Networks, and runs of each.
    made_within : int
        Weeks; loans owed in the first week or made before this one count.
    weeks : int
        Length of the runs, so that these loans come to their end: lending goes on all the time, as it would.
        What is still owed by a live borrower at the end is taken at par.
    prices_of_risk : mapping
        By `btc`, `rent`, `funding`: what a year's expectation of each standard normal is lowered by under the
        measure with a premium, 1/yr^0.5; those that are not named are zero. It weights the same runs, and is
        not put back.
    threads, progress
        As in `simulate_many`; progress begins anew in every round.

    Raises `ScenarioError` for what names no scenario, seed, number of weeks or price of risk.
    """
    given, chosen = scenario_of(scenario), seeds_of(None, seeds)
    replicates = whole_number("replicates", replicates, least=1)
    made_within = whole_number("made_within", made_within)
    prices = _prices(prices_of_risk)
    long = given.with_changes({"horizon_weeks": whole_number("weeks", weeks, least=made_within + 1)})
    keep = partial(sums_of_run, made_before=made_within, prices=prices)
    together = group_length(len(chosen), replicates, given.shocks.together)
    rounds: list[MarketRun] = []
    while True:
        with shown(progress, f"runs of round {len(rounds) + 1}") as tell:
            told = tell or False
            found = reduce_tapes(long, chosen, replicates, keep, threads=threads, progress=told)
        sums = np.array([each for of_seed in found for each in of_seed])
        rounds.append(MarketRun(long, sums, together))
        if _is_settled(rounds[-1]) or len(rounds) == ROUNDS:
            break
        long = put_back(rounds[-1])
    structural = sum(structural_sums(setup, 0) for setup in prepare_each(given, chosen))
    return FairSpreads(
        scenario=given,
        seeds=tuple(chosen),
        replicates=replicates,
        made_within=made_within,
        prices_of_risk=prices,
        rounds=tuple(rounds),
        structural=np.asarray(structural),
    )


def _off(market: MarketRun, dial: Dial) -> tuple[float, float]:
    """By how much a spread has to be raised to be fair, within its bounds, and the error of that, 1/yr."""
    fair, paid = market.fair_spread(dial.groups), market.contract_spread(dial.groups)
    if np.isnan(fair.mean):
        return 0.0, 0.0  # nobody owes such a loan
    now = dial.read(market.scenario)
    wanted = min(MOST_SPREAD, max(LEAST_SPREAD, now + fair.mean - paid.mean))
    return wanted - now, fair.standard_error


def _is_beyond(market: MarketRun, dial: Dial) -> bool:
    """Whether a spread would be fair outside its bounds, by more than the error of that."""
    fair, paid = market.fair_spread(dial.groups), market.contract_spread(dial.groups)
    wanted = dial.read(market.scenario) + fair.mean - paid.mean
    error = 0.0 if np.isnan(fair.standard_error) else fair.standard_error
    return bool(wanted < LEAST_SPREAD - error or wanted > MOST_SPREAD + error)


def _is_settled(market: MarketRun) -> bool:
    """Whether every spread is as fair as can be told; from a single run, to a tenth of a basis point."""
    for dial in DIALS:
        off, error = _off(market, dial)
        if abs(off) > (0.1 * BASIS_POINT if np.isnan(error) else max(error, 0.1 * BASIS_POINT)):
            return False
    return True


def put_back(market: MarketRun) -> Scenario:
    """The scenario with each spread at what would have been fair."""
    credit = market.scenario.credit
    by_grade = list(credit.spread_by_grade)
    changes: dict[str, Any] = {}
    for dial in DIALS:
        value = dial.read(market.scenario) + _off(market, dial)[0]
        if dial.grade >= 0:
            by_grade[dial.grade] = value
        else:
            changes[f"credit.{dial.field}"] = value
    return market.scenario.with_changes({**changes, "credit.spread_by_grade": tuple(by_grade)})


def _prices(given: Mapping[str, float]) -> dict[str, float]:
    """Prices of risk of all common normals; those that are not named are zero."""
    found = dict.fromkeys(PRICES_OF_RISK, 0.0)
    if not isinstance(given, Mapping):
        raise ScenarioError("prices_of_risk", given, "a mapping of names to prices, such as {'btc': 0.3}")
    for name, price in given.items():
        if name not in found:
            raise ScenarioError("prices_of_risk", name, "names out of " + ", ".join(found))
        is_number = isinstance(price, int | float) and not isinstance(price, bool)
        if not is_number or not 0.0 <= price <= MOST_PRICE:
            raise ScenarioError(f"prices_of_risk.{name}", price, f"a number from 0 to {MOST_PRICE:g}")
        found[name] = float(price)
    return found
