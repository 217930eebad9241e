"""Units of time and money: every conversion in one place."""

WEEK = 1.0 / 52.0
