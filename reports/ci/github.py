"""A check in GitHub Actions: annotations on standard output, and a page in the summary of the step.

Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions (documented: the
forms `::error title=T::MESSAGE`, their escapes, and the file that GITHUB_STEP_SUMMARY names).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgewatt.profiler.checking.check import Check
from edgewatt.profiler.checking.verdict import Word
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.ci.verdict_markdown import verdict_markdown
from edgewatt.reports.comparison import configuration, quantity
from edgewatt.reports.escape import printable
from edgewatt.reports.verdict import in_words, sentence

SUMMARY: Final = "GITHUB_STEP_SUMMARY"
# GitHub shows ten of each kind (documented), and a summary of at most 1 MiB.
_SHOWN: Final = 10
_LIMIT_B: Final = 1 << 20
_KINDS: Final[Mapping[Word, str]] = {
    "regression": "error",
    "not_comparable": "error",
    "not_measured": "error",
    "cannot_tell": "warning",
    "improvement": "notice",
}


def annotations(check: Check) -> list[str]:
    """A line for each row that did not simply pass, regressions first."""
    found: dict[str, list[str]] = {}
    for word, kind in _KINDS.items():
        for one in check.verdicts:
            if one.word == word:
                title = f"edgewatt: {in_words(word)}, {configuration(one.row)}, {quantity(one.row)}"
                found.setdefault(kind, []).append(f"::{kind} title={_property(title)}::{_data(sentence(one))}")
    return [line for lines in found.values() for line in lines[:_SHOWN]]


def add_summary(check: Check, environment: Mapping[str, str]) -> bool:
    """Add the page to the summary of the step, if there is one. Raises UsageError if it cannot be written."""
    if not (path := environment.get(SUMMARY)):
        return False
    text = verdict_markdown(check).encode()
    try:
        with Path(path).open("ab") as file:
            file.write(text if len(text) < _LIMIT_B else text[: _LIMIT_B // 2])
    except OSError as error:
        raise UsageError(f"{SUMMARY} {path}: cannot be written ({error.strerror or error})") from None
    return True


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
