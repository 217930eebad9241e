"""Commands that measure a scenario: what each asks, the tables of its folder, its figure."""

import argparse
from typing import TYPE_CHECKING, Any

from hashcredit.experiments.commands.measuring import measured
from hashcredit.experiments.commands.parsing import COLLATERAL_REPLICATES, REPLICATES, size_of
from hashcredit.experiments.measures.attribution import attribute_contagion
from hashcredit.experiments.measures.collateral_values import collateral_values
from hashcredit.experiments.measures.explanation import explain_failure
from hashcredit.experiments.measures.fair_spreads import MADE_WITHIN, PRICES_OF_RISK, WEEKS, fair_spreads
from hashcredit.experiments.measures.recoveries import RUN_OFF, YEAR, cohort_recoveries
from hashcredit.experiments.measures.recovery_tables import format_recoveries
from hashcredit.experiments.measures.spread_tables import format_spreads
from hashcredit.experiments.measures.tables import format_attribution, format_collateral, format_explanation
from hashcredit.experiments.support.progress import ProgressBar
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def attribute(arguments: argparse.Namespace, scenario: Scenario, listener: StopListener) -> int:
    """Shares of the channels of contagion."""
    seeds, replicates = size_of(arguments, REPLICATES)

    def measure() -> Any:
        with ProgressBar("runs", arguments.quiet) as bar:
            return attribute_contagion(
                scenario, seeds, replicates, threads=arguments.threads, progress=bar.update
            )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        totals = found.totals.reset_index()
        return {
            "shares": found.shares,
            "totals": totals,
            "arms": found.arms,
            "interactions": found.interactions,
        }

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.attribution_figure import draw

        return draw(found)

    record = {"seeds": list(seeds), "replicates": replicates}
    return measured(arguments, scenario, listener, record, measure, format_attribution, tables, draw)


def explain(arguments: argparse.Namespace, scenario: Scenario, listener: StopListener) -> int:
    """What would have become of one failure."""

    def measure() -> Any:
        with ProgressBar("replays", arguments.quiet) as bar:
            return explain_failure(
                scenario, arguments.failure, arguments.seed, arguments.replicate, progress=bar.update
            )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"explanation": found.table}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.explanation_figure import draw

        return draw(found)

    record = {"failure": arguments.failure}
    return measured(arguments, scenario, listener, record, measure, format_explanation, tables, draw)


def recoveries(arguments: argparse.Namespace, scenario: Scenario, listener: StopListener) -> int:
    """What the creditors of a cohort of defaults recover."""
    seeds, replicates = size_of(arguments, REPLICATES)
    cohort = {
        "from_week": arguments.from_week,
        "before_week": min(arguments.from_week + YEAR, scenario.horizon_weeks)
        if arguments.before_week is None
        else arguments.before_week,
        "machine": arguments.machine,
        "run_off": RUN_OFF if arguments.run_off is None else arguments.run_off,
    }

    def measure() -> Any:
        return cohort_recoveries(
            scenario,
            seeds,
            replicates,
            **cohort,
            threads=arguments.threads,
            progress=not arguments.quiet,
        )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"recoveries": found.table}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.recovery_figure import draw

        return draw(found)

    record = {"seeds": list(seeds), "replicates": replicates, **cohort}
    return measured(arguments, scenario, listener, record, measure, format_recoveries, tables, draw)


def spreads(arguments: argparse.Namespace, scenario: Scenario, listener: StopListener) -> int:
    """Fair spreads of a scenario's loans."""
    seeds, replicates = size_of(arguments, REPLICATES)
    prices = dict(arguments.price_of_risk) if arguments.price_of_risk is not None else PRICES_OF_RISK
    made_within = MADE_WITHIN if arguments.made_within is None else arguments.made_within
    weeks = WEEKS if arguments.weeks is None else arguments.weeks

    def measure() -> Any:
        return fair_spreads(
            scenario,
            seeds,
            replicates,
            made_within=made_within,
            weeks=weeks,
            prices_of_risk=prices,
            threads=arguments.threads,
            progress=not arguments.quiet,
        )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"spreads": found.table, "changes": found.changes, "quotes": found.quotes}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.spread_figure import draw

        return draw(found)

    def remark(found: Any) -> str:
        return "" if found.settled else f"spreads have not settled after {len(found.rounds)} rounds"

    record = {
        "seeds": list(seeds),
        "replicates": replicates,
        "made_within": made_within,
        "weeks": weeks,
        "prices_of_risk": dict(prices),
    }
    return measured(arguments, scenario, listener, record, measure, format_spreads, tables, draw, remark)


def collateral(arguments: argparse.Namespace, scenario: Scenario, listener: StopListener) -> int:
    """Three values of what secures machine loans."""
    seeds, replicates = size_of(arguments, COLLATERAL_REPLICATES)

    def measure() -> Any:
        with ProgressBar("runs", arguments.quiet) as bar:
            return collateral_values(
                scenario,
                seeds,
                replicates,
                every=arguments.every,
                curve_week=arguments.curve_week,
                threads=arguments.threads,
                progress=bar.update,
            )

    def tables(found: Any) -> "dict[str, pd.DataFrame]":
        return {"values": found.table, "curve": found.curve}

    def draw(found: Any) -> "Figure":
        from hashcredit.experiments.measures.collateral_figure import draw

        return draw(found)

    record = {
        "seeds": list(seeds),
        "replicates": replicates,
        "every": arguments.every,
        "curve_week": arguments.curve_week,
    }
    return measured(arguments, scenario, listener, record, measure, format_collateral, tables, draw)
