"""The grammar of the commands that look at results: figures, indices, variance."""

import argparse
from typing import Any

from hashcredit.experiments.commands.parsing import add_command, whole

INDICES_EXAMPLES = """examples:
  hashcredit indices results/study                                  CSV to stdout, of the number of defaults
  hashcredit indices results/study --of creditor_loss_musd recovery_rate --out indices.csv
  hashcredit indices results/study --level 0.9 --resamples 500 --figure indices.png

Designs of kind saltelli have S1, ST and S2, those of kind morris mu, mu_star and sigma, those of kind sobol,
latin-hypercube and random S1 from given data. Blocks with a run that failed or has no value are left out, and
stderr says how many.
"""

VARIANCE_EXAMPLES = """examples:
  hashcredit variance results/study                                 CSV to stdout, of the number of defaults
  hashcredit variance results/study --of creditor_loss_musd lender_failures --out variance.csv

The study needs three seeds with two replicates each, or more (seeds = 20 in its file).
"""

FIGURES_EXAMPLES = """examples:
  hashcredit figures                                      all figures that there are
  hashcredit figures results/study                        those that a folder has, of a run or of a study
  hashcredit figures results/study --out pictures         draw them all, of the number of defaults
  hashcredit figures results/study --of creditor_loss_musd --only response scatter --out losses
"""


def add_figures(commands: Any) -> None:
    """Add `figures` to the command line."""
    figures = add_command(
        commands,
        "figures",
        "list or draw the figures of a folder",
        description="List the figures that a folder can draw; draw those of a study.",
        epilog=FIGURES_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    figures.add_argument(
        "folder", nargs="?", metavar="DIR", help="result folder of a run, or folder of a study"
    )
    figures.add_argument(
        "--out", metavar="DIR2", help="new or empty folder for figures of a study, PNG and PDF"
    )
    figures.add_argument("--only", nargs="+", metavar="KEY", help="these figures (default: all it has)")
    figures.add_argument("--of", default="defaults", metavar="OUTCOME", help="a scalar (default: defaults)")
    figures.add_argument(
        "--factors",
        nargs="+",
        default=[],
        metavar="NAME",
        help="factors to show (default: all; of a heat map the first two)",
    )


def add_indices(commands: Any) -> None:
    """Add `indices` to the command line."""
    indices = add_command(
        commands,
        "indices",
        "sensitivity indices of a study",
        description="Sensitivity indices of a study's outcomes to its factors, with bootstrap intervals.",
        epilog=INDICES_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    indices.add_argument("folder", metavar="DIR", help="folder of a study")
    indices.add_argument(
        "--of",
        nargs="+",
        default=["defaults"],
        metavar="OUTCOME",
        help="scalars of a run, such as recovery_rate (default: defaults)",
    )
    indices.add_argument("--out", metavar="FILE", help="a CSV file (default: stdout)")
    indices.add_argument("--figure", metavar="FILE", help="a picture, .png, .pdf or .svg")
    indices.add_argument(
        "--level", type=float, default=0.95, metavar="P", help="coverage of the intervals (default: 0.95)"
    )
    indices.add_argument(
        "--resamples",
        type=whole(2, 100_000),
        default=1000,
        metavar="N",
        help="of the bootstrap (default: 1000)",
    )
    indices.add_argument(
        "--seed", type=whole(1, 2**32 - 1), default=1, metavar="N", help="of the bootstrap (default: 1)"
    )
    indices.add_argument("--overwrite", action="store_true", help="replace files that are there")


def add_variance(commands: Any) -> None:
    """Add `variance` to the command line."""
    variance = add_command(
        commands,
        "variance",
        "what paths, networks and luck account for in a study",
        description="The variance of outcomes at each point of a study, split into what the paths of prices, "
        "networks and the luck of agents account for, with intervals over seeds.",
        epilog=VARIANCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    variance.add_argument("folder", metavar="DIR", help="folder of a study")
    variance.add_argument(
        "--of",
        nargs="+",
        default=["defaults"],
        metavar="OUTCOME",
        help="scalars of a run, such as creditor_loss_musd (default: defaults)",
    )
    variance.add_argument("--out", metavar="FILE", help="a CSV file (default: stdout)")
    variance.add_argument(
        "--level", type=float, default=0.95, metavar="P", help="coverage of the intervals (default: 0.95)"
    )
    variance.add_argument("--overwrite", action="store_true", help="replace a file that is there")
