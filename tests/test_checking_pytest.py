"""The pytest plugin: a baseline is saved, held, and a network that became slower fails its test."""

import re
from pathlib import Path

import pytest

# pytester forgets what was imported within a run of pytest in the same process, and numpy can be loaded but once.
import edgewatt.collectors.host.device
import edgewatt.collectors.runtimes.litert
import edgewatt.profiler.running.profile
import edgewatt.reports.verdict  # noqa: F401

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.peer

TEST = """
import edgewatt, pytest

OPTIONS = edgewatt.ProfileOptions(repeats=2, seconds=0.02, warmup_limit_s=0.05, session="one")

@pytest.mark.edgewatt(latency=9, memory="50%")
def test_tiny(edgewatt_profile):
    trace = edgewatt_profile("@tiny", options=OPTIONS)
    assert trace.results() is not None
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(TEST)
    return pytester


def test_a_baseline_is_saved_and_held(project: pytest.Pytester) -> None:
    saved = project.path / "base.toml"
    project.runpytest_inprocess("--edgewatt-save", str(saved)).assert_outcomes(passed=1)
    faster(saved)
    done = project.runpytest_inprocess("--edgewatt-baseline", str(saved))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*REGRESSION: *"])
    one_repeat(saved)
    done = project.runpytest_inprocess("-ra", "--edgewatt-baseline", str(saved))
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*CANNOT TELL*"])


def test_a_baseline_that_is_none_is_an_error(project: pytest.Pytester) -> None:
    done = project.runpytest_inprocess("--edgewatt-baseline", str(project.path / "none.toml"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*--save FILE*"])


def faster(saved: Path) -> None:
    """What was saved took so much less that two repeats tell it on any machine."""
    text = saved.read_text()
    values = re.search(r"latency_s = \[\n(.*?)\]", text, re.DOTALL)
    assert values is not None
    less = "".join(f"    {float(line.strip(' ,')) / 1e9!r},\n" for line in values[1].splitlines())
    saved.write_text(text.replace(values[1], less))


def one_repeat(saved: Path) -> None:
    text = re.sub(r"(= \[\n    [^\n]*\n).*?\]", r"\1]", saved.read_text(), flags=re.DOTALL)
    saved.write_text(text.replace("repeat = [0, 1]", "repeat = [0]"))
