"""The paths that are fed in from spring 2023 to spring 2026, and the dated facts they go through."""

from datetime import date

from hashcredit.experiments.papers.calendar import Calendar, Days

START = date(2023, 4, 3)
WEEKS = 156
CALENDAR = Calendar(START, WEEKS)

RENT: Days = {
    "gpu.h100.rent.launch": START,
    "gpu.h100.rent.2024Q1": date(2024, 2, 14),
    "gpu.h100.rent.2024-10.year": date(2024, 10, 15),
    "gpu.h100.rent.2025-10.trough": date(2025, 10, 15),
    "gpu.h100.rent.2026-03": date(2026, 3, 15),
}
"""Rent of an H100 under a contract of one year; that of March 2023 is taken for the opening. The spot peak of
2023 (`gpu.h100.rent.peak`) is another series."""

BTC: Days = {
    "btc.price.2023-04-20": START,
    "btc.price.2023-06-18": date(2023, 6, 18),
    "btc.price.2023Q3": date(2023, 8, 15),
    "btc.price.2023-12-31": date(2023, 12, 31),
    "btc.price.2024-03": date(2024, 3, 15),
    "btc.price.2024-04-29": date(2024, 4, 29),
    "btc.price.2024-09-16": date(2024, 9, 16),
    "btc.price.2024-10-07": date(2024, 10, 7),
    "btc.price.2024-12-02": date(2024, 12, 2),
    "btc.price.2024-12-23": date(2024, 12, 23),
    "btc.price.2025-04": date(2025, 4, 15),
    "btc.price.2025-10": date(2025, 10, 15),
    "btc.price.2025-11-03": date(2025, 11, 3),
    "btc.price.2025-12-19": date(2025, 12, 19),
    "btc.price.2026-03": date(2026, 3, 31),
}
"""The fact of 20 April 2023 is taken for the opening, 17 days before."""

HASHPRICE: Days = {
    "hashprice.2023-03-31": START,
    "hashprice.2023-06-18": date(2023, 6, 18),
    "hashprice.2023-09": date(2023, 9, 15),
    "hashprice.2023-12-31": date(2023, 12, 31),
    "hashprice.2024-04-29": date(2024, 4, 29),
    "hashprice.2024-07-04": date(2024, 7, 4),
    "hashprice.2024-09-16": date(2024, 9, 16),
    "hashprice.2024-10-07": date(2024, 10, 7),
    "hashprice.2024-12-02": date(2024, 12, 2),
    "hashprice.2024-12-23": date(2024, 12, 23),
    "hashprice.2025-04-05": date(2025, 4, 5),
    "hashprice.2025-11-03": date(2025, 11, 3),
    "hashprice.2025Q4": date(2025, 11, 15),
    "hashprice.2026Q1": date(2026, 2, 14),
}
"""No fact is known between December 2023 and the week after the halving, whose fall is spread out."""

CAPEX: Days = {
    "hyper.capex.2022": date(2022, 7, 1),
    "hyper.capex.2023": date(2023, 7, 1),
    "hyper.capex.2024": date(2024, 7, 1),
    "hyper.capex.2025": date(2025, 7, 1),
    "hyper.capex.2026": date(2026, 7, 1),
}
"""A year's capital expenditure is the rate in its middle."""

EXTERNAL: Days = {
    "hyper.external_share.2023": date(2024, 12, 31),
    "hyper.external_share.2025": date(2025, 7, 1),
    "hyper.external_share": date(2026, 7, 1),
}
"""The average of five years holds until the end of the last."""

RATE: Days = {
    "rate.fed.2023-03-22": START,
    "rate.fed.2023-05-03": date(2023, 5, 3),
    "rate.fed.2023-07-26": date(2023, 7, 26),
    "rate.fed.2024-09-18": date(2024, 9, 18),
    "rate.fed.2024-11-07": date(2024, 11, 7),
    "rate.fed.2024-12-18": date(2024, 12, 18),
    "rate.fed.2025-09-17": date(2025, 9, 17),
    "rate.fed.2025-10-29": date(2025, 10, 29),
    "rate.fed.2025-12-10": date(2025, 12, 10),
}
"""Steps and no interpolation: interventions in `credit.policy_rate`."""
