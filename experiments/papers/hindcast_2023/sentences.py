"""What the page says of the numbers: every verdict follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hashcredit.experiments.papers.hindcast_2023.evidence import EVIDENCE
from hashcredit.experiments.papers.hindcast_2023.matching import (
    CUTOFF,
    LEAST_KEPT,
    NEARLY_ALL,
    PRIOR,
    SURE,
    Matched,
    Narrowed,
    implausibility,
)
from hashcredit.experiments.papers.hindcast_2023.scorecard import LEAST_CASES, SAME, TOGETHER, Score, Variant
from hashcredit.experiments.papers.hindcast_2023.tables import listed, number, percent, word


def score_words(told: Sequence[Score]) -> str:
    """What the scorecard says, by group and against the naive forecast."""
    groups = []
    for group in dict.fromkeys(score.evidence.group for score in told):
        mine = [score for score in told if score.evidence.group == group]
        groups.append(f"{group}, {word(sum(score.met for score in mine))} of {word(len(mine))}")
    ours = sum(score.closer is True for score in told)
    theirs = sum(score.closer is False for score in told)
    both = [score.distances for score in told if np.isfinite(score.distances).all()]
    model, naive = np.mean(both, axis=0) if both else (np.nan, np.nan)
    better = "more" if model < naive - SAME else "less" if model > naive + SAME else "no more and no less"
    text = (
        f"Met by group: {'; '.join(groups)}. The model's mean is closer to the fact than nothing changing in "
    )
    text += f"{word(ours)} cases and farther in {word(theirs)}; its mean distance is {model:.2f} standard "
    text += f"deviations of fact and model, that of nothing changing {naive:.2f}: it knows {better} "
    text += "than the naive forecast."
    missed = [score for score in told if not score.met]
    if not missed:
        return text
    low = sum(score.mean < score.evidence.published.value for score in missed)
    worst = sorted(missed, key=lambda score: -score.distances[0])[:3]
    text += (
        f" Of {word(len(missed))} misses {word(low)} lie below the fact. Farthest off, in the same units: "
    )
    return text + listed([short_fact(score) for score in worst]) + "."


def short_fact(score: Score) -> str:
    """Model against fact in a sentence."""
    fact = score.evidence.published.value
    return (
        f"{score.evidence.quantity} ({number(score.mean, 2)} for {number(fact, 2)}: {score.distances[0]:.1f})"
    )


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
    first, *changed = others.items()
    if first[1].cash <= 1.0 or first[1].debt >= 1.0:
        return text
    text += f" As it is, neo-clouds end with {number(first[1].cash, 2)} times their debt in cash: they repay "
    text += "where the real ones borrowed."
    single = [one for one in changed if one[0] != TOGETHER]
    if not single:
        return text
    name, most = max(single, key=lambda one: one[1].debt)
    return f'{text} Of single changes "{name}" moves that most, to {number(most.debt, 2)} times the opening.'


def share_words(matched: Matched) -> str:
    """The share of the prior that is left, what 0 or 1 would mean, and what each group leaves."""
    share, never = matched.share, int(matched.structural.sum())
    text = f"**All facts together leave {percent(share)} of the prior.** "
    if share == 0.0:
        text += "No numbers within these ranges make the model do all of what happened. "
    elif share == 1.0:
        text += "All of it: these facts tell nothing about the parameters. "
    if share < 1.0:
        without = f"Without {word(never)} of which more below" if never else "Without any passed over"
        steps = [f"{word(count)} passed over, {percent(matched.others(count))}" for count in (1, 2, 3)]
        text += f"{without} they leave **{percent(matched.others())}**; with the worst {'; '.join(steps)}. "
    groups = dict.fromkeys(one.group for one in EVIDENCE)
    left = [f"{group} leave {percent(matched.share_of(group))}" for group in groups]
    return text + f"By themselves {', '.join(left)}."


def structural_words(matched: Matched) -> str:
    """The facts that hardly a point meets: what is missing is not a number."""
    names = [one.quantity for one, never in zip(EVIDENCE, matched.structural, strict=True) if never]
    if not names:
        return f"No fact rules out more than {100.0 * NEARLY_ALL:.0f} % of the points by itself."
    return (
        f"Never plausible (at fewer than {100.0 * (1.0 - NEARLY_ALL):.0f} % of the points), whatever the "
        f"{word(len(PRIOR))} parameters are: {listed(names)}. There a mechanism is missing, or a parameter "
        "that is not among them; no baseline can be moved to meet these."
    )


def left_words(matched: Matched, left: Sequence[Narrowed]) -> str:
    """Which parameters are narrowed."""
    kept, total, passed = int(matched.kept.sum()), len(matched.kept), matched.passed_over
    if not left:
        return f"Fewer than {LEAST_KEPT} of {total} points are left, which cannot say where they lie."
    text = f"{kept} of {total} points are left by the facts that some points meet."
    if passed:
        text = (
            f"With fewer than {LEAST_KEPT} points left by the facts that some points meet, what follows is "
            f"of the {kept} of {total} that break no more than {word(passed)}: the least bad."
        )
    text += (
        " A parameter is called narrowed if its values among them are spread so unevenly that the prior "
        f"gives that, by a Kolmogorov-Smirnov test, with less than {SURE:g} in {word(len(PRIOR))} tests. "
    )
    narrowed = [one for one in left if one.narrowed]
    if not narrowed:
        return text + "None is."
    names = [f"`{one.parameter.name}` ({number(one.low, 2)} to {number(one.high, 2)})" for one in narrowed]
    return text + f"Narrowed: {listed(names)}."


def baseline_words(left: Sequence[Narrowed]) -> str:
    """Whether the values in use survive."""
    if not left:
        return "What the baseline would start from cannot be read off so few points. It is not changed."
    taken = (
        "The baseline of 2026, and so this scenario, takes `investment.growth_cap` and `compute.term_share` "
        "from here: the geometric middle of what was left when they were choices of .5 and .6. Here both are "
        "drawn over their whole ranges, so that what is left does not hang on them."
    )
    outside = [f"`{one.parameter.name}` ({one.parameter.base:g})" for one in left if not one.has_base]
    if not outside:
        return f"{taken} Every value in use lies within what is left of its own parameter."
    return f"{taken} Outside what is left of its own parameter: {listed(outside)}."


def loose_words(matched: Matched) -> str:
    """What other errors of the model would leave."""
    doubled, halved = (percent(loosened(matched, factor)) for factor in (2.0, 0.5))
    return f"doubling all of them would leave {doubled} of the prior, halving them {halved}"


def loosened(matched: Matched, factor: float) -> float:
    """Share of the prior that all facts would leave, with other errors of the model."""
    kept = np.ones(len(matched.explored.u), bool)
    for place, one in enumerate(EVIDENCE):
        wider = replace(one, discrepancy=factor * one.discrepancy)
        kept &= ~(implausibility(matched.explored, place, wider) > CUTOFF)
    return float(kept.mean())
