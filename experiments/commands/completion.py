"""The grammar of `hashcredit completion SHELL`, which prints a script that completes words."""

import argparse
from typing import Any

from hashcredit.experiments.commands.parsing import add_command

SHELLS = ("bash", "zsh", "fish")

COMPLETION_EXAMPLES = """examples:
  hashcredit completion bash > hashcredit.bash     then: source hashcredit.bash
  hashcredit completion zsh > _hashcredit          into a folder of $fpath
  hashcredit completion fish > hashcredit.fish     into ~/.config/fish/completions

To have it in every bash, write it to ~/.local/share/bash-completion/completions/hashcredit. The script knows
the commands, options, fields and scenarios of this version; write it again after an upgrade.
"""


def add_completion(commands: Any) -> None:
    """Add `completion` to the command line."""
    completion = add_command(
        commands,
        "completion",
        "a script that completes words for your shell",
        description="Print a script that completes commands, options, scenarios, fields and outcomes.",
        epilog=COMPLETION_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
