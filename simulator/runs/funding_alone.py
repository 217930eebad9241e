"""The funding pool usable alone: `simulate_funding` and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.agents.units import WEEKS_A_YEAR
from hashcredit.simulator.display import Facts, Shown, counted
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.macro.pool import run_pool
from hashcredit.simulator.scenario.arguments import GivenScenario, scenario_of, whole_number
from hashcredit.simulator.scenario.scenario import Scenario
from hashcredit.simulator.setup.parameters import compile_macro_paths
from hashcredit.simulator.setup.volatility import pool_parameters
from hashcredit.simulator.state.pool import (
    ASSET,
    ASSETS,
    INVESTOR,
    INVESTORS,
    MACRO,
    WITH,
    WITHOUT,
    WORLDS,
    Asset,
    Investor,
    MacroFlow,
    MacroPath,
    MacroSector,
)

if TYPE_CHECKING:
    import pandas as pd

MOST_WEEKS = 1040
PAST_THE_POOL = (MacroFlow.COMMITMENTS, MacroFlow.REDEMPTIONS)
"""What investors pay to others than the pool."""


def simulate_funding(
    scenario: GivenScenario = None,
    seed: int = 1,
    replicate: int = 0,
    weeks: int | None = None,
    issuance: float | Sequence[float] | np.ndarray | None = None,
) -> "FundingRun":
    """Run the funding pool of a scenario without the market of machines.

    Parameters
    ----------
    scenario : Scenario, name or path, optional
        As in `simulate`; `funding.rule` must be "pool".
    seed, replicate : int
        Name the draws: BTC's and other fundamentals are those of `simulate`.
    weeks : int, optional
        Length of the run, by default the scenario's horizon.
    issuance : float or array of float[weeks], optional
        New debt of this economy less its repayments, bn$ a week; nothing by default.

    Raises
    ------
    ScenarioError
        Where an argument is not allowed.
    """
    scenario = scenario_of(scenario)
    if scenario.funding.rule != "pool":
        raise ScenarioError("funding.rule", scenario.funding.rule, "'pool', which is what is simulated here")
    weeks = scenario.horizon_weeks if weeks is None else whole_number("weeks", weeks, least=1)
    if weeks > MOST_WEEKS:
        raise ScenarioError("weeks", weeks, f"a whole number from 1 to {MOST_WEEKS}")
    seed, replicate = whole_number("seed", seed), whole_number("replicate", replicate)
    debt = _issuance(issuance, weeks)
    run = FundingRun(
        scenario=scenario,
        seed=seed,
        replicate=replicate,
        macro=np.zeros((weeks, WORLDS), MACRO),
        assets=np.zeros((weeks, WORLDS, ASSETS), ASSET),
        receipts=np.zeros((weeks, WORLDS, len(MacroFlow))),
        table=np.zeros((WORLDS, INVESTORS), INVESTOR),
        payments=np.zeros((WORLDS, len(MacroFlow), len(MacroSector))),
        paths=compile_macro_paths(scenario, weeks),
    )
    run_pool(
        np.zeros(WORLDS, MACRO),
        np.zeros((WORLDS, ASSETS), ASSET),
        run.table,
        run.payments,
        pool_parameters(scenario),
        run.paths,
        _btc_path(scenario, weeks),
        scenario.funding.opening_tightness,
        debt,
        seed,
        replicate,
        run.macro,
        run.assets,
        run.receipts,
    )
    return run


def price_bands(
    scenario: Scenario, draws: Sequence[tuple[int, int]], weeks: int, quantiles: Sequence[float]
) -> dict[str, np.ndarray]:
    """Quantiles of each asset class's price without this economy [quantile, week].

    They are over `draws`, each a seed and a replicate, which are those of `simulate`; BTC in USD, the others
    relative to the opening.
    """
    runs = [simulate_funding(scenario, seed, replicate, weeks) for seed, replicate in draws]
    prices = np.array([run.assets["price"][:, WITHOUT] for run in runs])
    return {asset.name.lower(): np.quantile(prices[:, :, asset], quantiles, axis=0) for asset in Asset}


def _issuance(issuance: float | Sequence[float] | np.ndarray | None, weeks: int) -> np.ndarray:
    """Weekly issuance, bn$."""
    allowed = f"a finite number or {weeks} of them, bn$ a week"
    try:
        given = np.asarray(0.0 if issuance is None else issuance, dtype=np.float64)
    except (TypeError, ValueError):
        raise ScenarioError("issuance", issuance, allowed) from None
    if given.shape not in ((), (weeks,)) or not np.isfinite(given).all():
        raise ScenarioError("issuance", issuance, allowed)
    return np.ascontiguousarray(np.broadcast_to(given, (weeks,)), dtype=np.float64).copy()


def _btc_path(scenario: Scenario, weeks: int) -> np.ndarray:
    """BTC in USD by week where the scenario feeds it in, else empty."""
    knots = scenario.shocks.btc_path
    if not knots:
        return np.empty(0)
    known, values = zip(*knots, strict=True)
    path: np.ndarray = np.interp(np.arange(weeks, dtype=np.float64), known, values)
    return path


@dataclass(frozen=True, repr=False)
class FundingRun(Shown):
    """One replicate of the funding pool, without and with what this economy owes.

    The second world of a column has no suffix; that without this economy ends in `_without`.
    """

    scenario: Scenario
    seed: int
    replicate: int
    macro: np.ndarray
    """MACRO[week, world], closing values."""
    assets: np.ndarray
    """ASSET[week, world, Asset]."""
    receipts: np.ndarray
    """What each kind of flow has brought the pool, cumulative, bn$ [week, world, MacroFlow]."""
    table: np.ndarray
    """INVESTOR[world, Investor] in the end."""
    payments: np.ndarray
    """Flow matrix of the run, bn$ [world, MacroFlow, MacroSector]."""
    paths: np.ndarray
    """Macro paths [week, MacroPath]."""

    def _facts(self) -> Facts:
        title = f"Funding pool of {self.scenario.name}, seed {self.seed}, replicate {self.replicate}"
        end = self.summary
        facts = {
            "length": f"{counted(len(self.macro), 'week')} from {self.scenario.start_date}",
            "tightness": f"mean {end['mean_tightness']:.3f}, peak {end['peak_tightness']:.3f} (0 to 1)",
            "lowest pool": f"{end['lowest_pool']:,.1f} bn$",
            "investors sold": f"{end['asset_sales']:,.1f} bn$ of assets",
            "tables": "summary, series, flows, investors",
        }
        return title, facts

    @cached_property
    def series(self) -> "pd.DataFrame":
        """Weekly closing values, index `week`: pool and flows in bn$ and bn$ a year, prices, tightness."""
        import pandas as pd

        columns: dict[str, Any] = {}
        for world, end in ((WITH, ""), (WITHOUT, "_without")):
            macro = self.macro[:, world]
            columns[f"pool{end}"] = macro["cash"][:, MacroSector.POOL]
            columns[f"tightness{end}"] = macro["tightness"]
            columns[f"cost_of_capital{end}"] = macro["cost_of_capital"]
            columns[f"water{end}"] = macro["water"]
            columns[f"drain{end}"] = macro["drain"]
            columns[f"capex{end}"] = macro["capex"]
            columns[f"compute_stock{end}"] = macro["stock"]
            columns[f"hoard{end}"] = macro["hoard"]
            columns[f"withdrawn{end}"] = macro["cash"][:, MacroSector.CLIENTS]
            for asset in Asset:
                columns[f"{asset.name.lower()}{end}"] = self.assets["price"][:, world, asset]
        weekly = np.diff(self.receipts[:, WITH], axis=0, prepend=0.0)
        for flow in MacroFlow:
            if flow not in PAST_THE_POOL:
                columns[f"flow_{flow.name.lower()}"] = weekly[:, flow] * WEEKS_A_YEAR
        columns["capex_planned"] = self.paths[:, MacroPath.CAPEX]
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self.macro), name="week"))

    @cached_property
    def flows(self) -> "pd.DataFrame":
        """Flow matrix of the run with this economy, bn$: receipts positive, rows and columns sum to zero."""
        import pandas as pd

        names = [sector.name.lower() for sector in MacroSector]
        frame = pd.DataFrame(
            self.payments[WITH], index=[flow.name.lower() for flow in MacroFlow], columns=names
        )
        frame.loc["change in cash"] = self._opening_cash() - self._closing_cash()
        frame.index.name = "flow"
        return frame

    def _closing_cash(self) -> np.ndarray:
        cash: np.ndarray = self.macro["cash"][-1, WITH].copy()
        cash[MacroSector.INVESTORS] = self.table["cash"][WITH].sum()
        return cash

    def _opening_cash(self) -> np.ndarray:
        cash = np.zeros(len(MacroSector))
        cash[MacroSector.INVESTORS] = self.table["target"][WITH].sum()
        cash[MacroSector.POOL] = self.macro["opening_money"][0, WITH] - cash[MacroSector.INVESTORS]
        return cash

    @cached_property
    def investors(self) -> "pd.DataFrame":
        """Investors in the end, with this economy: cash, holdings at market prices, payments, bn$."""
        import pandas as pd

        rows = self.table[WITH]
        columns: dict[str, Any] = {"cash": rows["cash"]}
        for asset in Asset:
            relative = self.assets["relative"][-1, WITH, asset]
            columns[asset.name.lower()] = rows["holdings"][:, asset] * relative
        for name in ("unit", "peak", "commitments", "redemptions", "sales"):
            columns[name] = rows[name]
        return pd.DataFrame(
            columns, index=pd.Index([i.name.lower() for i in Investor], name="investor"), copy=True
        )

    @cached_property
    def summary(self) -> dict[str, float]:
        """Scalars: mean and largest tightness, lowest pool, sales, redemptions, the largest residual."""
        own = self.macro[:, WITH]
        return {
            "mean_tightness": float(own["tightness"].mean()),
            "peak_tightness": float(own["tightness"].max()),
            "mean_tightness_without": float(self.macro["tightness"][:, WITHOUT].mean()),
            "lowest_pool": float(own["cash"][:, MacroSector.POOL].min()),
            "capex_not_funded": float((self.paths[:, MacroPath.CAPEX] - own["capex"]).sum() / WEEKS_A_YEAR),
            "asset_sales": float(self.table["sales"][WITH].sum()),
            "redemptions": float(self.table["redemptions"][WITH].sum()),
            "macro_residual": float(self.macro["residual"][-1].max()),
        }
