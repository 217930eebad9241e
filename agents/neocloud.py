"""Neo-clouds: how machines are let to customers. The rest is in `borrower`."""

from hashcredit.agents.compiled import kernel


@kernel
def over_spot(rent: float, earning: float, cost: float) -> float:
    """What a contract pays over spot use (M$ a unit and year): its customer's rent, less what spot earns.

    At spot a machine runs only where it covers its avoidable cost; under contract it always does.
    """
    return rent - max(earning, cost)
