"""Where a run stands, the accounts outside, and what is written down on the way."""

from hashcredit.agents.rows import Column, row

CLOCK = row(
    Column("week", "i4", "weeks that are over"),
    Column("error", "i4", "0, or the ErrorCode that stopped the run"),
    Column("events", "i8", "rows used in the event table"),
    Column("loans_made", "i8", "loans so far, those of the first week included"),
    Column("rounds", "i8", "of failures and losses in this week"),
    Column("lenders_moved", "i8", "lenders that failed or came under pressure in the last of them"),
    Column("sales", "i8", "times that bidders were called"),
    Column("answer", "f8", "of a rule, which ended the run: a price", "M$ a unit"),
    Column("whole_answer", "i8", "the same of a rule that answers with machines"),
)

WORLD = row(
    Column("sector", "u1", "its column in the flow matrix"),
    Column("cash", "f8", "first row: customers, utilities, landlords, vendor, savers", "M$"),
    Column("income", "f8", "cumulative income", "M$"),
)

EVENT = row(
    Column("week", "i4", "in which it happened"),
    Column("kind", "i1", "EventKind"),
    Column("agent_kind", "i1", "Sector, or -1"),
    Column("counterparty_kind", "i1", "Sector, or -1"),
    Column("cause", "i1", "Cause"),
    Column("channel", "i1", "Channel"),
    Column("agent", "i4", "row of whom it happened to, -1"),
    Column("counterparty", "i4", "row of the other one, -1"),
    Column("machine", "i4", "type, -1"),
    Column("units", "i8", "machines"),
    Column("amount", "f8", "money that it is about", "M$"),
    Column("price", "f8", "of a unit or coin; of a contract, a year's rent of a unit", "M$"),
    Column("parent", "i8", "row of the event that led to it, -1 if none"),
)
