"""From spring 2023 to spring 2026: does the model know what happened, and what do the facts rule out?"""

from hashcredit.experiments.papers.hindcast_2023.matching import explore, match
from hashcredit.experiments.papers.hindcast_2023.page import NAME, write
from hashcredit.experiments.papers.hindcast_2023.picture import draw
from hashcredit.experiments.papers.hindcast_2023.scorecard import LEVEL, histories, scores_of, variants
from hashcredit.experiments.papers.replication import Found, Replication

REPLICATES, POINTS, EACH = 200, 400, 5
"""Replicates of the scenario as it is; points of the prior; replicates at each of these."""
QUICK = (20, 40, 2)
"""The same for a quick look."""


def replicate(quick: bool) -> Replication:
    """The scorecard, the history matching, and the page that says what came out."""
    replicates, points, each = QUICK if quick else (REPLICATES, POINTS, EACH)
    runs = histories(replicates)
    scores = scores_of(runs)
    matched = match(explore(points, each))
    others = variants(max(QUICK[0], replicates // 5))
    found = {
        score.evidence.quantity: Found(score.mean, *score.interval, score.error, score.known.size)
        for score in scores
    }
    text = write(scores, others, matched, replicates=replicates, each=each)
    return Replication(
        found, lambda: draw(runs, scores, matched), f"middle {100.0 * LEVEL:.0f} % of runs", {NAME: text}
    )
