"""The page of the hindcast, written whole from the numbers.

`hashcredit reproduce hindcast_2023` leaves it in its folder, next to the figure. Both are copied into
this one when the model has changed.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill

from hashcredit.experiments.papers.hindcast_2023 import sentences, tables
from hashcredit.experiments.papers.hindcast_2023.evidence import NOT_REPRESENTED
from hashcredit.experiments.papers.hindcast_2023.matching import CUTOFF, PRIOR, Matched, narrowing
from hashcredit.experiments.papers.hindcast_2023.scorecard import Score, Variant

NAME = "README.md"
WIDTH = 118
"""Characters of a line of text."""

TEXT = """\
# From 2023 to 2026, as it happened

Does the model know the three years in which the market for compute credit came to be? The scenario
`hindcast_2023` opens in April 2023 with A100s, the first H100s, few neo-clouds and miners after their bust,
and runs to March 2026. Rents, BTC, hashprice, hyperscalers' capital expenditure and the policy rate are fed
in as dated; machines launch on their days. Debts, orders, failures, recoveries and prices of machines are
the model's own. Nothing is tuned.

```sh
hashcredit reproduce hindcast_2023
cp reproduced/hindcast_2023/README.md experiments/papers/hindcast_2023/
cp reproduced/hindcast_2023/hindcast_2023.png experiments/papers/hindcast_2023/
```

The command writes this page and the figure from its numbers, verdicts included; the other two put them
here.

![Debts, prices, the scorecard and what each fact rules out](hindcast_2023.png)

## What is fed in

Each path goes through dated facts of the calibration tables (`episode_2023.csv`, and those of other tables
that it needs), with source and tag; between two facts the logarithm is interpolated linearly, and the
policy rate moves in steps. The rent is that of an H100 under a contract of one year; its spot peak of 2023
is another series. Launches take nothing from it besides, since what they took is in it, and valuers expect
the same fall with the launches in it. Occupancy stands still: demand has no dated path. The opening of 2023
is dated where there are facts (machines and their prices, miners' hashrate, spreads, capital expenditure)
and a choice elsewhere, as the scenario says line by line; what is not said there is the baseline's of 2026.
Spreads are those of the first two delayed-draw loans on GPUs; those of the later ones are in the scorecard.

## The scorecard: {met} of {told} met

A fact is met if it lies, as far as it is given, in the middle 90 % of {replicates} replicates: history is
one of them. Next to it stands the forecast that nothing changes since the opening.

<!-- scorecard -->
{scorecard}
<!-- end of scorecard -->

{score_words}

Comparisons are relative where a ratio or a price is compared. {silent_words} `published.csv` names the
facts behind each number.

### What the misses hang on

Means of what a choice of the scenario moves, one at a time and together, over the same {fewer} replicates:

<!-- choices -->
{choices}
<!-- end of choices -->

{choice_words}

### What the model cannot say

These dated facts have no counterpart in the model, so that no number of it can be held against them:

{missing}

## What the facts rule out

{parameters} parameters without a source were drawn together, {points} times in a Latin hypercube over their
ranges, with {each} replicates each. The implausibility of a fact is the distance of the model's mean from
it over `sqrt(var_sim + var_obs + var_model)`: the variance of a replicate and of the mean of those that
were run, that of the fact (its tolerance as a uniform range, and the few cases on which it rests), and that
of the model's own error, below. Above {cutoff:g} a point is ruled out (Craig et al. 1997; Vernon et al.
2010): nothing is fitted.

{share_words}

<!-- facts -->
{facts}
<!-- end of facts -->

{structural_words}

### What is left of the prior

{left_words}

<!-- prior -->
{prior}
<!-- end of prior -->

{baseline_words}

## How sure

Standard deviations of the facts come from `published.csv` and from the number of cases: none of four named
neo-clouds failed, two of 25 miners did, one breach was waived, four recoveries are known. Those of the
model's own error are set by a reason each, before any point of the prior was run, and are the weakest part:
{loose}. The ranges of the prior are choices too, but where the table of parameters names a fact. That facts
which hardly a point meets are set apart was decided after they were seen; the first share above knows no
such rule. A point that is kept is not confirmed: {each} replicates of ten neo-clouds tell little, and facts
about one firm are held against whoever owes most.

References: Craig, Goldstein, Seheult and Smith (1997), in Case Studies in Bayesian Statistics III; Kennedy
and O'Hagan (2001), Journal of the Royal Statistical Society B 63; Pukelsheim (1994), The American
Statistician 48; Vernon, Goldstein and Bower (2010), Bayesian Analysis 5.
"""


def write(
    scores: Sequence[Score],
    others: Mapping[str, Variant],
    matched: Matched,
    *,
    replicates: int,
    each: int,
) -> str:
    """The whole page."""
    left = narrowing(matched.explored.u[matched.kept])
    told = [score for score in scores if score.is_told]
    text = TEXT.format(
        met=sum(score.met for score in told),
        told=len(told),
        replicates=replicates,
        scorecard=tables.scorecard_table(scores),
        score_words=sentences.score_words(told),
        silent_words=sentences.silent_words(scores),
        fewer=len(next(iter(others.values())).scores[0].values),
        choices=tables.choice_table(others),
        choice_words=sentences.choice_words(others),
        missing="\n".join(f"- {what} (`{key}`): {why}." for what, key, why in NOT_REPRESENTED),
        parameters=tables.word(len(PRIOR)).capitalize(),
        points=len(matched.explored.u),
        each=each,
        cutoff=CUTOFF,
        share_words=sentences.share_words(matched),
        facts=tables.facts_table(matched),
        structural_words=sentences.structural_words(matched),
        left_words=sentences.left_words(matched, left),
        prior=tables.prior_table(left),
        baseline_words=sentences.baseline_words(left),
        loose=sentences.loose_words(matched),
    )
    return wrapped(text)


def wrapped(text: str) -> str:
    """The page with its paragraphs and items wrapped; tables, headings, marks and commands stay."""
    parts = text.split("\n\n")
    return (
        "\n\n".join(
            part if part.startswith(("#", "|", "<", "!", "```")) else _wrapped(part) for part in parts
        )
        + "\n"
    )


def _wrapped(part: str) -> str:
    if not part.startswith("- "):
        return fill(" ".join(part.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
    items = [f"- {item}" for item in part[2:].split("\n- ")]
    return "\n".join(
        fill(item, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for item in items
    )
