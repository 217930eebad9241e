"""The funding pool run by itself, without the market: the same week, with this economy's part given."""

import numpy as np

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.books.randomness import Stream, normal
from hashcredit.simulator.macro.assets import price_assets
from hashcredit.simulator.macro.pool import fund_week, open_funding
from hashcredit.simulator.state.pool import WITH


@kernel
def run_pool(
    macro: np.ndarray, assets: np.ndarray, investors: np.ndarray, flows: np.ndarray,
    parameters: np.ndarray, paths: np.ndarray, btc_path: np.ndarray, tightness: float, issuance: np.ndarray,
    seed: int, replicate: int, macro_series: np.ndarray, asset_series: np.ndarray, flow_series: np.ndarray,
) -> None:  # fmt: skip
    """Open the pool and run one week for each row of `issuance`.

    macro, assets, investors, flows    MACRO[w], ASSET[w, 5], INVESTOR[w, 5], [w, MacroFlow, MacroSector];
                                       with one world (w = 1) nothing of this economy enters
    issuance                           new debt of this economy less repayments, bn$ [week]
    macro_series, asset_series         MACRO[week, w], ASSET[week, w, 5], filled; empty: not kept
    flow_series                        what each kind has brought the pool, bn$ [week, w, MacroFlow], likewise
    """
    p = parameters[0]
    open_funding(macro, assets, investors, flows, p, tightness)
    for week in range(issuance.shape[0]):
        z = normal(seed, replicate, week, 0, Stream.BTC, 0, 0)
        price_assets(macro, assets, btc_path, p, seed, replicate, week, z, 0.0)
        for world in range(macro.shape[0]):
            own = issuance[week] if world == WITH else 0.0
            fund_week(macro[world], assets[world], investors[world], flows[world], p, paths, week, own, 0.0)
        if macro_series.shape[0] > week:
            macro_series[week] = macro
            asset_series[week] = assets
            flow_series[week] = flows[:, :, 0]
