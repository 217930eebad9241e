"""Neo-clouds: how machines are let to customers. The rest is in `borrower`."""

from hashcredit.agents.compiled import kernel
from hashcredit.agents.dimensions import MachineKind


@kernel
def lets_out(machine_kind: int, u: float, contract_share: float) -> bool:
    """Whether new machines go to a customer under a contract: a share of all GPUs, told by a draw `u`."""
    return machine_kind == MachineKind.GPU and u < contract_share


@kernel
def contract_rent(earning: float, discount: float) -> float:
    """Rent (M$ a unit and year) of a new contract: spot earning less a discount (fraction)."""
    return earning * (1.0 - discount)


@kernel
def over_spot(rent: float, earning: float, cost: float) -> float:
    """What a contract pays over spot use (M$ a unit and year): its customer's rent, less what spot earns.

    At spot a machine runs only where it covers its avoidable cost; under contract it always does.
    """
    return rent - max(earning, cost)
