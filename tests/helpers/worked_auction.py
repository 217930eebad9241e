"""One auction with three sellers and four bidders, worked out on paper."""

from worlds import GPU, World

from hashcredit.agents.dimensions import FACILITIES, LoanStatus

K = 1e-3
"""M$ in a thousand dollars."""
PEER = 3
BANK_A, BANK_B, ESTATE = 4, 5, 2  # seller nodes: borrowers, then lenders
OPERATOR_1, OPERATOR_2, DEALER = 4, 5, 6  # bidders: borrowers, then buyers

"""The cast. Borrowers 0 and 1 have lost machines to their lenders, 2 is an estate."""
LOTS = [0, FACILITIES]  # loan rows of the seized machines


def worked_example() -> World:
    """Three sellers, four bidders, one missing link: what happens to 24 GPUs in week 40.

    Reservation prices (k$). Appraisal 20, reserve share 0.6, so 12 at first; scrap 0.04 * 30 = 1.2;
    they fall from 12 to 1.2 in 24 weeks.

        lot A (bank A)    10 units, held  0 weeks: 12
        lot B (bank B)     6 units, held 12 weeks: 1.2 + 10.8 / 2 = 6.6
        lot C (estate)     8 units, held 30 weeks: 1.2

    Bids (k$), with what it costs to move a machine, and the most that each can take:

        peer          value 16, moves at 1.5: bids 14.5; 7 free slots (money for 31); not linked to C
        operator 1    value 10, moves at 1.5: bids  8.5; 35 k$ buy 3 at 8.5 + 1.5; slots for 50
        operator 2    the same bid, ten times the cash, 4 free slots
        scrap dealer  1.2, no slot needed, cash for plenty

    The peer takes the cheaper of its lots first: all 6 of B, then 1 of A, both at 14.5. Operator 1 comes
    before operator 2 in the tables; A asks 12 and B is gone, so C sells 3 and 4. The dealer takes the
    last one of C, so that C clears at 1.2 for all its buyers. 9 of A stay with bank A.
    """
    bidders = (OPERATOR_1, OPERATOR_2, DEALER)
    links = [(bidder, seller) for bidder in bidders for seller in (BANK_A, BANK_B, ESTATE)]
    w = World(
        neoclouds=4, banks=2, operators=2, scrap_dealers=1, trade=[*links, (PEER, BANK_A), (PEER, BANK_B)]
    )
    w.clock["week"] = 40
    for b, holder, units, held in ((0, 0, 10, 0), (1, 1, 6, 12)):
        w.in_resolution(b, default_week=20, release_week=40 - held, default_event=70 + b)
        w.loan(
            b,
            holder,
            1.0,
            status=LoanStatus.DEFAULTED,
            machine=GPU,
            seized=units,
            weeks_held=held,
            default_event=70 + b,
            paper_value=units * 20 * K,
        )
    w.in_resolution(ESTATE, default_week=2, release_week=10, default_event=72, units={GPU: 8})
    w.borrowers[ESTATE]["offered"][GPU] = 8
    w.borrower(PEER, cash=1.0, site_class=0, units={GPU: 2})
    w.borrowers[PEER]["slots"][1] += 7
    for k, cash, slots in ((0, 35 * K, 50), (1, 350 * K, 4)):
        w.buyer(k, cash=cash, site_class=2, moving_cost=1.5 * K, slots=(0, slots, 0))
    w.buyer(2, cash=5.0)
    w.machine(GPU, income_value=18 * K)
    w.value(GPU, 16 * K, site=0)
    w.value(GPU, 10 * K, site=2)
    w.open()
    return w
