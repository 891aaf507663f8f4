"""The command line: a table of verbs, each imported only when it is asked for."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

from edgewatt import __version__

# verb -> what it does; the verb is a module of edgewatt.commands with `add_arguments(parser)` and `run(args) -> int`.
VERBS: Final = {
    "doctor": "what can be measured here, at what rate and accuracy, what blocks it and what fixes it",
    "profile": "measure what a network costs on a device: latency, and energy where there is a meter",
    "record": "capture what a device and its meters read, without executing anything",
    "watch": "a live view of devices on the terminal, or a page with runs and metrics; nothing is executed",
    "process": "analyse a run again, or open one that was never closed",
    "report": "one HTML file that opens offline: the answer, an interactive timeline, and what the numbers rest on",
    "export": "write runs as tables, figures, LaTeX and traces, or as what other programs load",
    "calibrate": "what models load, fitted to runs, and the suite that makes these; what a sensor or a camera is like",
    "pack": "one zip of a run to share, without serials, names, networks, addresses and keys; how to cite it inside",
    "simulate": "a paper's system on a calibration: what it would decide and save, beside what the paper reports",
    "carbon": "grams of CO2e of runs by zone and time, with what building the device emitted; each part with its basis",
    "compare": "ratios new/old with intervals, of runs or of plain tables",
    "check": "the gate: a run against a reviewed baseline, with verdicts and exit codes",
    "model": "what a .tflite holds: operators, MACs, parameters, layers; or make one of a known architecture",
    "lab": "a virtual phone, meter or bench for any client, until it is stopped; all of it is simulated",
}

EPILOG: Final = """\
examples:
  edgewatt doctor                                  what this machine can measure
  edgewatt profile model.tflite -d host -o RUN     latency and energy of a model, here
  edgewatt profile model.tflite -d adb: --runner benchmark_model -o RUN    on the phone at hand
  edgewatt export RUN --to csv -o table.csv        its table
  edgewatt compare OLD NEW                         what changed between two runs

exit codes: 0 done or passed, 1 regression, 2 usage or unreadable file, 3 not comparable, 4 cannot tell,
            5 not measured, 6 device or connection failed, 70 a fault of edgewatt, 130 interrupted
`edgewatt VERB --help` explains a verb. Shell completion: eval "$(edgewatt --print-completion bash)"
"""

SHELLS: Final = ("bash", "zsh", "tcsh")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb that the command line names; the exit code."""
    # Matrices are small here, and idle threads of BLAS spin: beside what is measured, too. It is read as numpy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in VERBS:
        from edgewatt.commands import boundary  # noqa: PLC0415  (help and usage errors do not need it)

        return boundary.run_verb(words[0], words, _parser(words[0], words=words[1:]))
    args = _parser(None).parse_args(words)
    if args.print_completion:
        return _print_completion(args.print_completion)
    _parser(None).print_help()
    return 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in a line: below a usage of twenty lines nobody finds it."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} --help`\n")


def _parser(*verbs: str | None, words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The whole table of verbs; the arguments only of those in `verbs`, since they cost an import each.

    `words` are those after the verb: a verb of several kinds has the arguments of the kind that they ask for.
    """
    parser = _Parser(
        prog="edgewatt",
        description="What a neural network costs on a real device, in seconds and joules with an error bar.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"edgewatt {__version__}")
    parser.add_argument("--print-completion", choices=SHELLS, help="print the completion script for a shell")
    table = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB")
    for verb, what in VERBS.items():
        module = _module(verb, words) if verb in verbs else None
        sub = table.add_parser(
            verb,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            # Kinds of one verb share options, such as -o: a shell completes either, a command line is of one kind.
            conflict_handler="resolve" if words is None else "error",
        )
        if module is not None:
            _add_arguments(module, sub)
    return parser


def _module(verb: str, words: Sequence[str] | None) -> Any:
    module = import_module(f"edgewatt.commands.{verb}")
    return module if words is None or not hasattr(module, "part_of") else module.part_of(words)


def _add_arguments(module: Any, parser: argparse.ArgumentParser) -> None:
    module.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _print_completion(shell: str) -> int:
    import shtab  # noqa: PLC0415  (only completion needs it)

    print(shtab.complete(_parser(*VERBS), shell))
    return 0
