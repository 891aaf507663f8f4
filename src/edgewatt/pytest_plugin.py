"""A pytest plugin: profile a network in a test, and fail the test if it became worse than the baseline allows.

    @pytest.mark.edgewatt(energy="5%", latency="3%")
    def test_mobilenet(edgewatt_profile):
        trace = edgewatt_profile("mobilenet.tflite", device="adb:")

`pytest --edgewatt-save baseline.toml` writes the baseline, `pytest --edgewatt-baseline baseline.toml` checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from edgewatt.profiler.storage.trace import Trace

MARK: Final = "edgewatt"
_BASELINE, _SAVE, _UNKNOWN, _DEVICE = (f"--edgewatt-{name}" for name in ("baseline", "save", "on-unknown", "device"))
_RUNS: Final = pytest.StashKey[list[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup(MARK, "edgewatt: latency and energy of networks against a baseline")
    group.addoption(_BASELINE, metavar="FILE", help="the TOML that --edgewatt-save wrote, or any run or table")
    group.addoption(_SAVE, metavar="FILE", help="write what is profiled in this session as a baseline")
    group.addoption(_UNKNOWN, choices=("tell", "pass", "fail"), default="tell", help="cannot tell: tell skips the test")
    group.addoption(_DEVICE, metavar="DEVICE", default="host", help="where a test that names no device measures")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", f"{MARK}(latency, energy, memory, allow, match): how much worse each may become")
    config.stash[_RUNS] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was profiled, if that was asked for."""
    path, runs = session.config.getoption(_SAVE), session.config.stash[_RUNS]
    if path and runs:
        from edgewatt.profiler.checking.baseline import save_baseline  # noqa: PLC0415  (a plugin loads with pytest)
        from edgewatt.profiler.comparing.tables import joined, read_repeats  # noqa: PLC0415

        save_baseline(joined([read_repeats(run) for run in runs]), Path(path))


@dataclass(frozen=True, slots=True)
class Profiling:
    """What the fixture gives: call it with a model, and it measures and judges."""

    config: pytest.Config
    folder: Path
    rule: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        model: str | Path,
        *,
        device: str | None = None,
        meters: Sequence[str] = (),
        options: Any = None,
        **request: Any,
    ) -> "Trace":
        """The trace of a model on a device; `options` are ProfileOptions, `request` fields of WorkloadRequest.

        Fails the test for a regression, for what cannot be compared, and for a quantity of the baseline that was not
        measured; skips it where nobody can tell. Without --edgewatt-baseline it only measures.
        """
        from edgewatt.collectors.runtimes.model_file import bundled_model  # noqa: PLC0415  (a plugin loads with pytest)
        from edgewatt.profiler.bench_devices import opened  # noqa: PLC0415
        from edgewatt.profiler.protocols import WorkloadRequest  # noqa: PLC0415
        from edgewatt.profiler.running.profile import profile  # noqa: PLC0415

        runs = self.config.stash[_RUNS]
        path = self.folder / f"edgewatt-{len(runs)}"
        with opened(device or self.config.getoption(_DEVICE), list(meters)) as (found, beside):
            asked = WorkloadRequest(bundled_model() if model == "@tiny" else Path(model), **request)
            trace = profile(found, asked, path, meters=beside, options=options)
        runs.append(path)
        if baseline := self.config.getoption(_BASELINE):
            self._judge(path, Path(baseline))
        return trace

    def _judge(self, run: Path, baseline: Path) -> None:
        from edgewatt.profiler.checking.baseline import only_of  # noqa: PLC0415
        from edgewatt.profiler.checking.check import baseline_of, check_repeats  # noqa: PLC0415
        from edgewatt.profiler.comparing.tables import read_repeats  # noqa: PLC0415
        from edgewatt.reports.verdict import verdict_text  # noqa: PLC0415

        new = read_repeats(run, self.rule.get("match") or ())
        old = only_of(baseline_of(baseline, self.rule.get("match") or ()), new)
        check = check_repeats(new, old, on_unknown=self.config.getoption(_UNKNOWN), **self.rule)
        if check.exit_code == 0:
            return
        said = verdict_text(check)
        if check.word == "cannot_tell" and check.on_unknown == "tell":
            pytest.skip(said)
        pytest.fail(said, pytrace=False)


@pytest.fixture
def edgewatt_profile(request: pytest.FixtureRequest, tmp_path: Path) -> Profiling:
    """A callable that profiles a network on a device and holds it against the baseline (docs/checks.md)."""
    mark = request.node.get_closest_marker(MARK)
    said = dict(mark.kwargs) if mark is not None else {}
    rule = {name: said.pop(name) for name in ("allow", "match") if name in said}
    return Profiling(request.config, tmp_path, {**rule, "tolerance": said} if said else rule)
