"""The episode's paths: dated facts of the calibration tables, and weekly values between them.

A fact belongs to the week of its day; averages of a month or quarter to the week of its middle. Between two
facts the logarithm is interpolated linearly: that is a choice, since what happened between them is not in
the tables. The scenario `asic_loans_2022` holds the weekly values; a test compares them with these.
"""

from datetime import date

import numpy as np

from hashcredit.simulator.scenario.facts import fact
from hashcredit.simulator.setup.parameters import weeks_from

START = date(2022, 1, 3)
WEEKS = 104

HASHPRICE: dict[str, date] = {
    "hashprice.2022-01-01": START,
    "hashprice.2022-05-15": date(2022, 5, 15),
    "hashprice.2022-09-04": date(2022, 9, 4),
    "hashprice.2022-11": date(2022, 11, 15),
    "hashprice.2022-12": date(2022, 12, 15),
    "hashprice.2022-12-31": date(2022, 12, 31),
    "hashprice.2023-01-15": date(2023, 1, 15),
    "hashprice.2023-06-18": date(2023, 6, 18),
    "hashprice.2023-09": date(2023, 9, 15),
    "hashprice.2023-12-31": date(2023, 12, 31),
}
"""Keys of the facts that the path of hashprice goes through, with their days."""

BTC: dict[str, date] = {
    "btc.price.2022-01": START,
    "btc.price.2022-06-12": date(2022, 6, 12),
    "btc.price.2022-06-18": date(2022, 6, 18),
    "btc.price.2022-12": date(2022, 12, 15),
    "btc.price.2023-01-15": date(2023, 1, 15),
    "btc.price.2023-06-18": date(2023, 6, 18),
    "btc.price.2023Q3": date(2023, 8, 15),
    "btc.price.2023-12-31": date(2023, 12, 31),
}
"""Keys of the facts that the path of BTC goes through, with their days."""


def knots(days: dict[str, date]) -> list[tuple[int, float]]:
    """Week and value of each fact."""
    return [(weeks_from(START, day), fact(key).value) for key, day in days.items()]


def weekly(days: dict[str, date]) -> list[tuple[int, float]]:
    """A value for every week: the facts, and linear interpolation of the logarithm between them."""
    weeks, values = zip(*knots(days), strict=True)
    path = np.exp(np.interp(np.arange(WEEKS), weeks, np.log(values)))
    return [(week, float(f"{value:.5g}")) for week, value in enumerate(path)]
