"""Where a run stands, what came of it, and what is written down on the way."""

from hashcredit.agents.dimensions import Cause
from hashcredit.agents.rows import Column, row

CLOCK = row(
    Column("week", "i4", "weeks that are over"),
    Column("error", "i4", "0, or the ErrorCode that stopped the run"),
    Column("events", "i8", "rows used in the event table"),
    Column("rounds", "i8", "of failures and losses in this week"),
    Column("lenders_moved", "i8", "lenders that failed or came under pressure in the last of them"),
    Column("sales", "i8", "times that bidders were called"),
)

OUTCOMES = row(
    Column("weeks", "i4", "weeks so far"),
    Column("tightness_sum", "f8", "over these weeks"),
    Column("defaults", "i8", "borrowers that failed"),
    Column("defaults_miners", "i8", "of these, miners"),
    Column("defaults_neoclouds", "i8", "of these, neo-clouds"),
    Column("lender_failures", "i8", "lenders that failed"),
    Column("facility_defaults", "i8", "facilities that failed whose borrowers lived on"),
    Column("hand_backs", "i8", "of these, by choice"),
    Column("refinancings_refused", "i8", "bullets that were not extended"),
    Column("sites_taken_over", "i8", "by a rival, in place"),
    Column("equity_raised", "f8", "by borrowers' share issues", "M$"),
    Column("debt_defaulted", "f8", "face of all loans that failed", "M$"),
    Column("resolved_claims", "f8", "claims of defaults whose resolution ended", "M$"),
    Column("resolved_recoveries", "f8", "what they recovered, discounted", "M$"),
    Column("paper_sold", "f8", "appraisal at seizure, or at a sale in place, of the units sold since", "M$"),
    Column("proceeds_sold", "f8", "what they fetched", "M$"),
    Column("paper_seized", "f8", "the same appraisal of all units seized or sold in place", "M$"),
    Column("credit_lost", "f8", "principal written off when resolutions ended", "M$"),
    Column("allowances", "f8", "write-downs on claims still open at the end", "M$"),
    Column("defaults_by_cause", "i8", "borrowers that failed, by Cause", shape=(len(Cause),)),
    Column("units_dumped", "i8", "machines seized by creditors"),
    Column("units_unsold", "i8", "machines with creditors and estates at the end"),
    Column("peak_haircut", "f8", "largest haircut", "fraction"),
    Column("repo_calls", "i8", "calls on back-leverage that lenders could not meet"),
    Column("loans_sold", "f8", "by lenders to lenders, face", "M$"),
    Column("interlender_losses", "f8", "on claims on failed lenders, net of what came in later", "M$"),
    Column("authority_losses", "f8", "of the standing facility on lenders that are closed", "M$"),
    Column("authority_exposure", "f8", "what failed lenders still owe it at the end", "M$"),
    Column("most_rounds", "i8", "rounds of failures and losses in a week"),
    # largest residuals of the books so far
    Column("opening_money", "f8", "total cash of all accounts at the start", "M$"),
    Column("money_residual", "f8", "of total cash, relative"),
    Column("balance_residual", "f8", "of the two sides of an instrument, relative"),
    Column("units_residual", "i8", "of machines"),
    Column("macro_residual", "f8", "of the funding pool's money, relative"),
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
