"""Every `edgewatt` command line in the documentation is one that the command line understands."""

import re
import shlex
from pathlib import Path

import pytest

from edgewatt import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A command, indented or behind a prompt, with lines that go on after a backslash.
COMMAND = re.compile(r"^(?:    |\$ )(edgewatt (?:.*\\\n)*.*)$", re.MULTILINE)
# What stands beside a command to explain it.
BESIDE = re.compile(r"(?:\s{3,}|\s+#\s).*$")
# What is no command but how one is made.
SYNOPSIS = re.compile(r"\.\.\. |\[[A-Z]|VERB|FORMAT")


def commands(page: Path) -> list[str]:
    """The command lines of a page, without what stands beside them."""
    found = [text.replace("\\\n", " ") for text in COMMAND.findall(page.read_text())]
    return [BESIDE.sub("", re.sub(r"\s{3,}(?=-)", " ", text)) for text in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_is_understood(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(command)[1:]
        words = words[: next((k for k, word in enumerate(words) if word in {"|", ">", "&&"}), len(words))]
        if words[0].startswith("-") or SYNOPSIS.search(command):
            continue
        try:
            cli._parser(words[0], words=words[1:]).parse_args(words)
        except SystemExit as ended:
            if ended.code:
                pytest.fail(f"{page.name}: {command}")


def test_there_are_many() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 100
