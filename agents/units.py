"""Units of time and money: every conversion in one place. Kernels freeze these numbers."""

WEEK = 1.0 / 52.0
"""In years."""
WEEKS_A_YEAR = 52.0
"""`x / WEEKS_A_YEAR` and `x * WEEK` differ in the last bit: each formula keeps the form that it has."""

DAYS_A_YEAR = 365.25
HOURS_A_YEAR = 8766.0

USD = 1e6
"""USD in a M$."""

MILLION = 1e-6
"""M$ in a USD."""

BILLION = 1e-3
"""bn$ in a M$."""
