"""What the page says of the numbers: every verdict follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hashcredit.experiments.papers.hindcast_2023.evidence import EVIDENCE
from hashcredit.experiments.papers.hindcast_2023.matching import (
    CUTOFF,
    LEAST_KEPT,
    PRIOR,
    SURE,
    Matched,
    Narrowed,
    implausibility,
)
from hashcredit.experiments.papers.hindcast_2023.scorecard import LEAST_CASES, Score, Variant
from hashcredit.experiments.papers.hindcast_2023.tables import listed, number, percent, word


def score_words(told: Sequence[Score]) -> str:
    """What the scorecard says, by group and against the naive forecast."""
    lines = []
    for group in dict.fromkeys(score.evidence.group for score in told):
        mine = [score for score in told if score.evidence.group == group]
        met = sum(score.met for score in mine)
        lines.append(f"{group}, {word(met)} of {word(len(mine))}")
    ours = sum(score.closer is True for score in told)
    theirs = sum(score.closer is False for score in told)
    better = "more" if ours > theirs else "less" if ours < theirs else "no more and no less"
    low = [score for score in told if not score.met and score.mean < score.evidence.published.value]
    text = (
        f"Met by group: {'; '.join(lines)}. The model's mean is closer to the fact than nothing changing in "
    )
    text += f"{word(ours)} cases and farther in {word(theirs)}: by this count it knows {better} than "
    text += "the naive forecast."
    missed = sum(not score.met for score in told)
    if missed:
        text += f" Of {word(missed)} misses {word(len(low))} lie below the fact."
    worst = sorted((score for score in told if not score.met), key=lambda score: -score.distance)[:3]
    if worst:
        facts = listed([short_fact(one) for one in worst])
        text += f" Farthest off, in standard deviations of fact and model: {facts}."
    return text


def short_fact(score: Score) -> str:
    """Model against fact in a sentence."""
    fact = score.evidence.published.value
    return f"{score.evidence.quantity} ({number(score.mean, 2)} for {number(fact, 2)}: {score.distance:.1f})"


def silent_words(scores: Sequence[Score]) -> str:
    """Of which facts too few replicates have a case."""
    rare = [f"{one.evidence.quantity} ({one.known.size})" for one in scores if not one.is_told]
    if not rare:
        return "Every fact has cases enough in the replicates."
    return f"Of these fewer than {LEAST_CASES} replicates have a case, which is no interval: {listed(rare)}."


def choice_words(others: Mapping[str, Variant]) -> str:
    """How many facts each choice meets."""
    told = [f"{name}, {sum(score.met for score in other.scores)}" for name, other in others.items()]
    text = f"Facts met: {'; '.join(told)}. Rows that no choice moves by more than 5 % are left out."
    first = next(iter(others.values()))
    if first.cash > 1.0 and first.debt < 1.0:
        text += (
            f" As it is, neo-clouds end with {number(first.cash, 2)} times their debt in cash: rents pay for "
            "a machine within so short a time, and so few new ones seem worth their price, that they repay "
            "where the real ones borrowed."
        )
    return text


def share_words(matched: Matched) -> str:
    """The share of the prior that is left, and what 0 or 1 would mean."""
    text = f"**All facts together leave {percent(matched.share)} of the prior.** "
    if matched.share == 0.0:
        text += "No numbers within these ranges make the model do what happened. "
    elif matched.share == 1.0:
        text += "All of it: these facts tell nothing about the parameters. "
    if matched.structural.any():
        text += (
            f"{word(int(matched.structural.sum())).capitalize()} of the facts rule out every point at which "
            f"the model says anything of them. Without these, **{percent(matched.others)}** is left"
        )
        if matched.others == 0.0:
            text += (
                f": none either. A point breaks at least {word(matched.fewest)} of the others; "
                "they contradict each other within these ranges"
            )
        text += "."
    return text.strip()


def structural_words(matched: Matched) -> str:
    """The facts that no point meets: what is missing is not a number."""
    names = [one.quantity for one, never in zip(EVIDENCE, matched.structural, strict=True) if never]
    if not names:
        return "No fact rules out the whole prior by itself."
    return (
        f"Never plausible, whatever the {word(len(PRIOR))} parameters are: {listed(names)}. There a "
        "mechanism is missing, or a parameter that is not among them; no baseline can be moved to meet these."
    )


def left_words(matched: Matched, left: Sequence[Narrowed]) -> str:
    """Which parameters are narrowed."""
    kept = int(matched.kept.sum())
    text = f"{kept} of {len(matched.kept)} points are ruled out by none of the facts that some point meets."
    if not left:
        return (
            text + f" Fewer than {LEAST_KEPT} cannot say where they lie, so no parameter is called narrowed."
        )
    narrowed = [one for one in left if one.narrowed]
    text += (
        " A parameter is called narrowed if its values among them are spread so unevenly that the prior "
        f"gives that, by a Kolmogorov-Smirnov test, with less than {SURE:g} in {word(len(PRIOR))} tests. "
    )
    if not narrowed:
        return text + "None is."
    names = [f"`{one.parameter.name}` ({number(one.low, 2)} to {number(one.high, 2)})" for one in narrowed]
    return text + f"Narrowed: {listed(names)}."


def baseline_words(left: Sequence[Narrowed]) -> str:
    """Whether the values in use survive."""
    if not left:
        return "What the baseline would start from cannot be read off so few points. It is not changed."
    outside = [f"`{one.parameter.name}` ({one.parameter.base:g})" for one in left if not one.has_base]
    if not outside:
        return (
            "Every value in use lies within what is left of its own parameter. The baseline is not changed."
        )
    return (
        f"Outside what is left of its own parameter: {listed(outside)}. The baseline would have to "
        "start from what is left; it is not changed here."
    )


def loose_words(matched: Matched) -> str:
    """What other errors of the model would leave."""
    doubled, halved = (percent(loosened(matched, factor)) for factor in (2.0, 0.5))
    return f"doubling all of them would leave {doubled} of the prior, halving them {halved}"


def loosened(matched: Matched, factor: float) -> float:
    """Share of the prior left by the facts that are not structural, with other errors of the model."""
    explored = matched.explored
    kept = np.ones(len(explored.u), bool)
    for place, one in enumerate(EVIDENCE):
        if not matched.structural[place]:
            wider = replace(one, discrepancy=factor * one.discrepancy)
            kept &= ~(implausibility(explored, place, wider) > CUTOFF)
    return float(kept.mean())
