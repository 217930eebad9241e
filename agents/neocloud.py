"""Neo-clouds: how machines are let to customers. The rest is in `borrower`."""

from hashcredit.agents.compiled import kernel


@kernel
def lets_out(gain: float) -> bool:
    """Whether machines are let under a contract: if that is worth more than selling them on demand.

    gain    present value of the contract less that of selling on demand meanwhile, M$ a unit
    """
    return gain > 0.0
