"""The named scenarios, each with a study in this room. Pages: docs/scenarios.

Expectations come from the mechanism. Neither scenarios nor claims are tuned until a claim holds: one that
fails is a finding, and its page says so.
"""

NAMED: dict[str, str] = {
    "reverse_qe": "A boom of capital expenditure on borrowed money, or none",
    "hawkish_misdiagnosis": "The authority tightens into a boom, or does nothing",
    "correlation_convergence": "A correlation of BTC and rents that rises with tightness, or a constant one",
    "rubin_launch": "Rubin early and by surprise, expected, or not before the horizon",
    "two_sided_rents": "Rents that rise by 38 % and fall back, or fall straight to the same end",
    "standing_repo": "The authority lends against seized machines, or nobody does",
    "demand_turn": "A boom of demand that turns, or one that goes on",
    "utility_underwriting": "Lenders who take machines for utilities, or who expect them to age",
    "maturity_wall": "Debt that is due after the turn of a boom, or spread over time",
    "ten_year_on_three": "Debt of ten years on machines of three, or of three years",
    "double_leverage": "Coins pledged beside machines, or the same debt on free coins",
}
"""Name of each scenario, with the question that its study asks; in the order of the pages."""
