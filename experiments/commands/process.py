"""The process behind the command `hashcredit`: it listens for a stop before anything else is imported."""

import sys

from hashcredit.experiments.support.stopping import StopListener


def main() -> int:
    """Run the command line of this process and return its exit code."""
    listener = StopListener()
    listener.start()
    from hashcredit.experiments.commands.cli import main as command

    return command(listener=listener)


if __name__ == "__main__":
    sys.exit(main())
