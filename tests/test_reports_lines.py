"""Lines for a terminal: where they are cut, and what they say of what is wrong."""

import io
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from edgewatt.cli import main
from edgewatt.commands.arguments import count, positive_seconds
from edgewatt.commands.kept import refuse_taken_early
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.comparing.comparability import Difference
from edgewatt.profiler.comparing.matching import against
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.plan_file import read_plan
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.reports.answer import no_energy
from edgewatt.reports.calibration_words import quality_of_fit
from edgewatt.reports.fold import ANY_WIDTH, folded, folded_head, folded_note, terminal_width
from edgewatt.reports.formats.chosen import configs_in
from edgewatt.reports.page.sections.provenance import _clocks
from edgewatt.reports.text import grouped_table


@pytest.mark.parametrize("width", [60, 72, 80, 83, 97])
def test_a_number_stays_beside_its_unit(width: int) -> None:
    line = "memory      13.4 MB   peak               loading 30.2 ms, first inference 3.99 ms, 40 C, 3 %, 5 s or so"
    lines = folded(line, width)
    assert " ".join(" ".join(lines).split()) == " ".join(line.split())
    assert not any(part.split()[-1][-1].isdigit() for part in lines)
    assert not any("\N{NO-BREAK SPACE}" in part for part in lines)


def test_nothing_is_wider_than_the_terminal() -> None:
    conditions = "2 repeats x 2,083 to 2,450 iterations, 41.4 to 45.9 C, battery, awake"
    assert max(map(len, folded_head(f"Pixel · tiny.tflite      {conditions}", 80))) <= 80
    note = f"[1] {'conditions differ ' * 9}"
    assert [line[:4] for line in folded_note(note, 80)] == ["[1] ", "    ", "    "]
    assert folded_note("run: " + "marked " * 20, 80)[1].startswith("  marked")
    assert len(folded_note(note, ANY_WIDTH)) == 1


def test_rows_of_one_name_stand_under_it() -> None:
    rows = [("net", ["latency", "1"]), ("net", ["energy", "22"]), ("other", ["latency", "3"])]
    assert grouped_table(("", "old"), rows, right=[1]) == [
        "         old", "net", "latency    1", "energy    22", "other", "latency    3",
    ]  # fmt: skip


def test_what_was_measured_too_badly_is_not_called_unmeasured() -> None:
    assert no_energy({"quality_reasons": ["interval_above_half", "undersampled"]}) == "not given"
    assert no_energy({"quality_reasons": ["interval_above_half", "no_energy_source:rapl"]}) == "not measured"
    assert no_energy({"quality_reasons": None}) == "not measured"


def test_a_clock_is_ahead_or_behind_in_plain_words() -> None:
    fits = {
        "host.monotonic": {"offset_ns": 0, "drift": 0.0, "bound_ns": 0},
        "host.realtime": {"offset_ns": -1795643654951854167, "drift": 0.0, "bound_ns": 1773},
        "phone.boottime": {"offset_ns": 7_200_000_000_000, "drift": 4.55e-5, "bound_ns": 5463796},
        "monsoon/main~phone.boottime": {"offset_ns": -5_018_632_291_110, "drift": 0.0, "bound_ns": 212425},
        "odd": {"offset_ns": None, "drift": None},
    }
    table = _clocks(Manifest(device={}, simulated=False, created="", command=[], versions={}, clocks=fits))
    assert table is not None
    assert "host.monotonic" in table.header[1]
    assert str(table.rows[3][0]) == "phone.boottime, by pulses of load in monsoon/main"
    assert [row[1] for row in table.rows] == [
        "the same", "1,795,643,655 s (56.9 years) ahead", "7200 s (2.00 hours) behind", "5019 s (1.39 hours) ahead", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [("-3", "from 1 on"), ("0", "from 1 on"), ("1.5", "from 1 on"), ("9" * 11, "too many"), ("²", "from 1 on")],
)
def test_a_count_says_what_is_wrong(text: str, said: str) -> None:
    assert count("010") == 10
    with pytest.raises(ArgumentTypeError, match=said):
        count(text)


def test_a_time_says_what_is_wrong() -> None:
    assert positive_seconds("0.5") == 0.5
    with pytest.raises(ArgumentTypeError, match="-1 s is no length of time"):
        positive_seconds("-1")


def test_a_wrong_argument_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["process"])
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == "edgewatt process: the following arguments are required: RUN; see `edgewatt process --help`"


def test_a_log_says_nothing_twice() -> None:
    stream = io.StringIO()
    progress = ErrorStreamProgress(stream)
    for what in ("cooling from 45 C", "cooling from 45 C", "cooling from 44 C", "cooling from 45 C"):
        progress.phase(what, 2.0)
    assert stream.getvalue().count("45 C") == 2


def test_a_folder_that_is_taken_is_refused_before_a_device_is_touched(tmp_path: Path) -> None:
    refuse_taken_early(tmp_path / "new")
    refuse_taken_early(tmp_path)  # an empty folder is no run
    (tmp_path / "file").touch()
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(UsageError, match="exists already"):
            refuse_taken_early(taken)


def test_files_that_are_missing_or_something_else_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        configs_in(tmp_path / "absent.json")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match="no readable JSON"):
        configs_in(tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="no readable TOML"):
        read_plan(tmp_path / "notes.txt")


def test_a_fit_through_its_observations_leaves_nothing() -> None:
    fit = {"over": "cores_n", "valid_low": 1.0, "valid_high": 1.0, "residual_unit": "w", "observations_n": 1}
    assert (
        quality_of_fit([{**fit, "value": 2.18, "residual": 4.44e-16}])
        == "valid at cores_n 1, residual 0 W, 1 observation"
    )
    assert "residual 0.003 W" in quality_of_fit([{**fit, "value": 0.158, "residual": 0.003}])


def test_a_note_goes_on_below_its_first_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [line[:6] for line in folded_note("  not measured: " + "why " * 20, 60)] == ["  not ", "    wh"]
    monkeypatch.setenv("COLUMNS", "5")
    assert terminal_width() == 60
    monkeypatch.setenv("COLUMNS", "80")
    assert terminal_width() == 80


def test_what_one_side_does_not_say_is_nothing() -> None:
    assert against(None, "cpu") == "nothing against 'cpu'"
    assert str(Difference("threads", 1, 4)) == "threads (1 against 4)"
