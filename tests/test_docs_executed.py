"""Every command of docs/ that any machine can execute is executed, page by page (`make test-long`)."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documented import ANSWERS, ENDLESS, furnished, stand_in, why_not
from tests.test_docs_commands import PAGES, commands

# Those of README and the tutorial are executed by tests/test_readme.py.
EXECUTED = [page for page in PAGES if page.name not in {"README.md", "tutorial.md"}]
NEEDS = re.compile(r"pip install '?\"?edgewatt\[")


def test_most_commands_are_executed() -> None:
    ours = [command for page in EXECUTED for command in commands(page)]
    assert sum(not why_not(command) for command in ours) > 45


def test_a_device_that_is_not_here_is_stood_in_for() -> None:
    assert stand_in("edgewatt doctor -d adb: -m 'monsoon:?boundary=x'") == "edgewatt doctor -d virtual:bench"
    assert stand_in("edgewatt doctor -d adb:R58M12ABCDE") == "edgewatt doctor -d virtual:phone"
    assert why_not("edgewatt doctor -d nvml:0")
    assert why_not("edgewatt export RUN... --to FORMAT -o FILE")
    assert why_not("edgewatt export runs/a --to csv -o a.csv") == ""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    return furnished(folder)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page: Path, made: Path, tmp_path: Path) -> None:
    ours = [stand_in(command) for command in commands(page) if not why_not(command)]
    if not ours:
        pytest.skip("no command that any machine can execute")
    folder = shutil.copytree(made, tmp_path / "here")
    failed = [said for command in ours if (said := executed(command, folder))]
    assert failed == []


def executed(command: str, folder: Path) -> str:
    """What went wrong with it, in words; "" if nothing did."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    running = subprocess.Popen(
        ["bash", "-c", f"exec {command}" if ENDLESS.search(command) else command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": path},
    )
    with running:
        assert running.stdout is not None
        if ENDLESS.search(command):
            running.stdout.readline()
            running.send_signal(signal.SIGINT)
        _, said = running.communicate()
    allowed = {0, 130} if ENDLESS.search(command) else ANSWERS.get(command.split()[1], {0})
    if running.returncode in allowed or NEEDS.search(said):
        return ""
    return f"{command}: {running.returncode}: {said[-1000:]}"
