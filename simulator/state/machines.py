"""Machine types: what a row of their table holds, from nameplate to the week's trade."""

from hashcredit.agents.dimensions import MAX_LAUNCHES, SITE_CLASSES, Cooling, MachineKind
from hashcredit.agents.rows import Column, row

MACHINE = row(
    # the first cache line: what every owner's week reads
    Column("kind", "i1", "which index it earns", codes=MachineKind),
    Column("cooling", "i1", "which rack slot it fits", codes=Cooling),
    Column("used", "i1", "1: the scenario defines this column", hidden=True),
    Column("on", "i1", "1: a spot unit covers its avoidable cost", shape=(SITE_CLASSES,)),
    Column("earning", "f8", "on demand, while it is on", "M$ a unit and year"),
    Column("throughput", "f8", "GPUs: rent relative to the index; ASICs: TH/s"),
    Column("depreciation", "f8", "straight-line depreciation", "M$ a unit and week"),
    Column("cost", "f8", "avoidable cost (power, upkeep)", "M$ a unit and year", shape=(SITE_CLASSES,)),
    # the rest of what is fixed
    Column("launch_week", "i4", "relative to the first week, negative if earlier"),
    Column("end_of_sale_week", "i4", "last week in which the vendor sells it"),
    Column("kw", "f8", "IT load", "kW a unit"),
    Column("price_new", "f8", "new, installed", "M$ a unit"),
    Column("life_years", "f8", "accounting life, straight line"),
    # state
    Column("full_rent", "f8", "under a contract of one year, all hours paid", "M$ a unit and year"),
    Column("idiosyncratic", "f8", "log deviation of its rent from the index"),
    Column("appraisal", "f8", "what lenders mark it at", "M$ a unit"),
    Column("income_value", "f8", "the appraiser's income value", "M$ a unit"),
    Column("price", "f8", "last trade", "M$ a unit"),
    Column("opening_units", "i8", "units in existence at the start"),
    Column("traded", "i8", "units sold this week"),
    Column("traded_value", "f8", "proceeds of the week's sales", "M$"),
    Column("news", "i8", "units sold since the appraisers last took note", hidden=True),
    Column("news_value", "f8", "their proceeds", "M$", hidden=True),
    Column("offered", "i8", "units on sale this week"),
    Column("inventory", "i8", "units in the hands of sellers", hidden=True),
    Column("delivered", "i8", "units bought from the vendor, cumulative", label="units_delivered"),
    Column("scrapped", "i8", "units scrapped, cumulative", label="units_scrapped"),
    Column("trigger", "i8", "id of the default whose sale last moved its price, -1 if none", hidden=True),
    Column("last_appraisal", "f8", "at the end of last week", "M$ a unit", hidden=True),
    Column("foreseen", "i4", "entries used in its rows of launch_times and launch_factors"),
    Column("foreseen_week", "i4", "1 + the week in which these were filled, 0 if never"),
    Column("faded", "f8", "what past launches had left of earnings in the first week, 0 until asked for"),
    Column("launches", "i4", "number of entries used in the two fields below", hidden=True),
    Column("launch_at", "f8", "week at which a rival's effect is half done", shape=(MAX_LAUNCHES,)),
    Column("launch_step", "f8", "fraction of earnings that it takes away", shape=(MAX_LAUNCHES,)),
    whole_lines=True,
)
