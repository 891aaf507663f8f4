"""Notes of what has to be put back: durable, the first original wins, and nothing in them is believed unchecked."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.profiler import undo
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.undo import Note

NOTE = Note("monsoon", "monsoon-lvpm-1", "usb_passthrough", "on", "monsoon:/dev/ttyACM0")


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "edgewatt" / "undo"


def test_a_note_is_found_until_it_is_forgotten() -> None:
    assert undo.keep(NOTE) == NOTE
    assert undo.find("monsoon", "monsoon-lvpm-1", "usb_passthrough") == NOTE
    assert undo.notes() == [NOTE]
    assert undo.notes("adb") == []
    undo.forget(NOTE)
    undo.forget(NOTE)
    assert undo.notes() == []


def test_the_first_original_wins() -> None:
    undo.keep(NOTE)
    later = Note("monsoon", "monsoon-lvpm-1", "usb_passthrough", "off", "monsoon:/dev/ttyACM0")
    assert undo.keep(later).original == "on"


def test_a_dead_process_s_change_is_taken_over_and_a_live_one_s_is_not() -> None:
    dead = undo.keep(replace(NOTE, pid=(1 << 31) - 1))
    assert not dead.is_in_use
    taken = undo.keep(replace(NOTE, original="off"))
    assert (taken.original, taken.pid) == ("on", os.getpid())
    taken.path.write_text(json.dumps(asdict(replace(taken, pid=os.getppid()))))
    with pytest.raises(DeviceError, match=f"changed by process {os.getppid()}, which is still there"):
        undo.keep(NOTE)
    assert undo.undo("monsoon", lambda _: pytest.fail("it is in use")) == []


def test_a_process_that_began_after_the_note_only_has_its_number() -> None:
    assert not replace(NOTE, pid=os.getppid(), created="2020-01-01T00:00:00+00:00").is_in_use
    assert not replace(NOTE, created="yesterday").is_in_use


@pytest.mark.parametrize("original", ["on\x1b[2J", "", "x" * 20_000])
def test_what_does_not_read_back_is_refused(original: str) -> None:
    with pytest.raises(UsageError, match="does not read back as it was; nothing was changed"):
        undo.keep(replace(NOTE, original=original))
    assert not NOTE.path.exists()


def test_what_cannot_be_noted_is_refused(empty: Path) -> None:
    empty.mkdir(parents=True)
    NOTE.path.mkdir()
    with pytest.raises(UsageError, match="cannot note how to undo usb_passthrough"):
        undo.keep(NOTE)


def test_undoing_forgets_what_was_put_back_and_keeps_the_rest() -> None:
    other = Note("monsoon", "monsoon-lvpm-2", "usb_passthrough", "on", "monsoon:2", created="2026-01-01T00:00:00+00:00")
    undo.keep(NOTE)
    undo.keep(other)

    def put_back(note: Note) -> None:
        if note == other:
            raise DeviceError("not at hand")

    assert undo.undo("monsoon", put_back) == [(NOTE, None), (other, "not at hand")]
    assert undo.notes() == [other]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        json.dumps({**asdict(NOTE), "pid": "1"}).encode(),
        json.dumps({**asdict(NOTE), "original": "on\x1b[2J"}).encode(),
        json.dumps({**asdict(NOTE), "uri": "x" * 10_000}).encode(),
        json.dumps({**asdict(NOTE), "run": "rm"}).encode(),
        json.dumps({k: v for k, v in asdict(NOTE).items() if k != "what"}).encode(),
        b'{"pad": "' + b"x" * 20_000 + b'"}',
    ],
)
def test_a_file_that_is_no_note_is_left_alone(empty: Path, content: bytes) -> None:
    empty.mkdir(parents=True)
    NOTE.path.write_bytes(content)
    assert undo.notes() == []
    assert undo.find("monsoon", "monsoon-lvpm-1", "usb_passthrough") is None
    assert NOTE.path.exists()


def test_a_note_under_another_name_is_not_followed(empty: Path) -> None:
    empty.mkdir(parents=True)
    (empty / "0123.json").write_text(json.dumps(asdict(NOTE)))
    (empty / NOTE.path.name).symlink_to(empty / "0123.json")
    assert undo.notes() == []


@given(st.binary(max_size=300))
def test_any_bytes_are_a_note_or_not(content: bytes) -> None:
    NOTE.path.write_bytes(content)
    assert undo.notes() in ([], [NOTE])
    NOTE.path.unlink()
