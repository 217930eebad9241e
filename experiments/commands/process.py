"""The process behind the command `hashcredit`: it listens for a stop before anything else is imported."""

import gc
import io
import os
import sys

from hashcredit.experiments.support.stopping import StopListener

COLLECT_AFTER = 200_000
"""New objects after which rubbish is looked for; Python's own 700 cost a tenth of a short command.

Nearly all that a start makes are modules, classes and kernels that stay; arrays are freed without it.
"""


def _prepare_streams() -> bool:
    """Let every text be printed, and make sure that there is somewhere to print to; whether there is.

    Letters that the terminal does not know are written as escapes. With a closed stream Python has none.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        reason = "standard output is closed; redirect it to /dev/null if nobody wants it"
        print(f"hashcredit: error: {reason}", file=sys.stderr)
        return False
    return True


def main() -> int:
    """Run the command line of this process and return its exit code."""
    listener = StopListener()
    listener.start()
    gc.set_threshold(COLLECT_AFTER)
    if not _prepare_streams():
        return 1
    from hashcredit.experiments.commands.cli import main as command

    try:
        return command(listener=listener)
    finally:
        gc.freeze()  # or Python looks through all that is left several times before it ends


if __name__ == "__main__":
    sys.exit(main())
