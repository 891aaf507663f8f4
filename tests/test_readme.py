"""Every command in README.md and in the tutorial runs, in order, from an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adbd.running import PeerPhone
from tests.adbd.server import AdbServer
from tests.shell import QUICK
from tests.stub_runner import stub_runner

pytest_plugins = ["tests.adbd.fixtures"]

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()


def commands(fence: str = "console", page: str = README) -> list[str]:
    """What stands behind a `$ ` in the console blocks of a page; those for a phone are a `shell-session`."""
    blocks = re.findall(rf"^```{fence}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_edgewatt_command_runs(tmp_path: Path) -> None:
    ours = [command for command in commands() if not command.startswith(("make ", "git ", "pip "))]
    assert len(ours) >= 5
    run_all(ours, tmp_path, {})


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_command_of_the_tutorial_runs(tmp_path: Path) -> None:
    ours = commands(page=TUTORIAL)
    assert len(ours) >= 10
    run_all(ours, tmp_path, {})


@pytest.mark.extra
@pytest.mark.timeout(600)
def test_every_command_of_the_extras_runs(tmp_path: Path) -> None:
    ours = commands("sh-session")
    assert len(ours) >= 4
    run_all(ours, tmp_path, {})


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_every_command_for_a_phone_runs(tmp_path: Path, pixel: PeerPhone, adb_server: AdbServer) -> None:
    """On the real adbd, as the only phone of a real adb server; the runner is a stub that prints as the tool does."""
    stub_runner(tmp_path, "android_aarch64_benchmark_model")
    adb_server.run("disconnect")  # phones of tests before this one
    serial = adb_server.connect(pixel)
    try:
        ours = commands("shell-session")
        assert len(ours) >= 4
        run_all(ours, tmp_path, {"ANDROID_ADB_SERVER_PORT": str(adb_server.port)})
    finally:
        adb_server.disconnect(serial)
    assert pixel.files() == []


def run_all(given: list[str], folder: Path, environment: dict[str, str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in given:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": path, "XDG_STATE_HOME": str(folder), **environment},
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_the_python_example_runs(tmp_path: Path) -> None:
    """On a run of its own, in the place that README names."""
    (example,) = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    edgewatt = Path(sys.executable).with_name("edgewatt")
    words = [str(edgewatt), "profile", "@tiny", "-d", "host", "-o", "runs/one", *QUICK]
    for argv in (words, [sys.executable, "-c", example]):
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "latency_s_mean" in done.stdout


def test_every_make_command_is_run_by_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    made = [command for command in commands() if command.startswith("make ")]
    assert "make profile" in made
    assert "make test" in made
    for command in made:
        assert command.split("  ")[0].strip() in ci
