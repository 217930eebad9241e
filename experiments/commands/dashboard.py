"""The command `hashcredit dashboard`: a market to watch in a browser."""

import argparse
from importlib.util import find_spec
from typing import Any

from hashcredit.experiments.commands.parsing import add_command, add_scenario, whole
from hashcredit.experiments.support.stopping import StopListener
from hashcredit.simulator.errors import UnusableError

EXAMPLES = """examples:
  hashcredit dashboard                                  the baseline, in the browser of this machine
  hashcredit dashboard dump_10k_h100 --set channels.repo=false
  hashcredit dashboard my_scenario.toml --port 8800 --no-browser

On a cluster, forward the port: ssh -L 8765:127.0.0.1:8765 LOGIN_NODE. Nothing is fetched from a network.
"""

PORT = 8765
"""Unless another one is asked for."""

PACKAGES = ("solara", "solara_assets", "uvicorn")
"""What the extra brings, by the names under which it is imported."""


def add_dashboard(commands: Any) -> None:
    """Add the command to the command line."""
    dashboard = add_command(
        commands,
        "dashboard",
        "watch a market week by week in a browser",
        description="A page with sliders, charts, the credit network and the event log of one run, or of two "
        "with different settings on the same draws. Needs the extra: pip install 'hashcredit[dashboard]'.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_scenario(dashboard)
    dashboard.add_argument("--seed", type=whole(0, 2**63 - 1), default=1, metavar="N", help="default: 1")
    dashboard.add_argument("--replicate", type=whole(0, 2**63 - 1), default=0, metavar="N", help="default: 0")
    dashboard.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen (default: 127.0.0.1, this machine only; there is no password)",
    )
    dashboard.add_argument(
        "--port",
        type=whole(0, 65535),
        default=PORT,
        metavar="N",
        help=f"default: {PORT}; 0: one that is free",
    )
    dashboard.add_argument("--no-browser", action="store_true", help="only print the address")


class MissingExtraError(UnusableError):
    """The extra that the page needs is not installed."""

    what = "dashboard: "


def dashboard(arguments: argparse.Namespace, listener: StopListener) -> int:
    """Serve the page until the process is stopped; whatever cannot work is told before."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingExtraError(missing[0], "not installed; pip install 'hashcredit[dashboard]'")
    from hashcredit.experiments.dashboard.server import bind, prepare_solara, serve
    from hashcredit.experiments.dashboard.settings import Settings
    from hashcredit.simulator.scenario.scenario import parse_assignments

    source = "baseline_2026" if arguments.scenario is None else arguments.scenario
    settings = Settings.load(source, arguments.seed, arguments.replicate)
    for field, value in parse_assignments(arguments.set).items():
        settings = settings.with_field(field, value)
    listening = bind(arguments.host, arguments.port)
    prepare_solara()
    listener.last_words = lambda: "the page is closed"
    serve(settings, listening, browser=not arguments.no_browser)
    return 0
