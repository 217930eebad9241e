"""The command line: arguments, sub-commands, exit codes.

No result is computed here: every command calls what Python offers too.
"""
