"""Units of time and money: every conversion in one place."""

WEEK = 1.0 / 52.0
"""In years."""
WEEKS_A_YEAR = 52.0
"""`x / WEEKS_A_YEAR` and `x * WEEK` differ in the last bit: each formula keeps the form that it has."""
HOURS_A_YEAR = 8766.0
MILLION = 1e-6
"""M$ in a dollar."""
