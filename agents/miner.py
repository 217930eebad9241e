"""Miners: what they mine and keep, and which machines their sites run. The rest is in `borrower`."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import BorrowerKind, MachineKind


@kernel
def coins_to_keep(mined: float, cash: float, buffer: float, hold_share: float) -> float:
    """Worth (M$) of this week's mined BTC that a miner keeps: a share, once its cash buffer is full."""
    if cash <= buffer:
        return 0.0
    return min(hold_share * mined, cash - buffer)


@kernel
def runs(borrower_kind: int, machine_kind: int) -> bool:
    """Whether a borrower's sites run a kind of machine: ASICs are for miners, who may pivot to GPUs."""
    return machine_kind == MachineKind.GPU or borrower_kind == BorrowerKind.MINER


@kernel
def lives_on_btc(borrower_kind: int, mined: float, rent: float) -> bool:
    """Whether BTC pays a borrower: a miner whose machines would earn most of it at spot (M$ a year)."""
    return borrower_kind == BorrowerKind.MINER and mined >= rent
