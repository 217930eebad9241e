"""The episode's paths: which dated facts they go through; `papers.calendar` says what is between."""

from datetime import date

from hashcredit.experiments.papers.calendar import Calendar

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

CALENDAR = Calendar(START, WEEKS)
knots = CALENDAR.knots
weekly = CALENDAR.weekly
