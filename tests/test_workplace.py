"""The files of a run, in the machine's own shell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.android.guarding.workplace import Placed, Workplace, under_its_own_name
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.shell_phone import ShellPhone

NASTY = "lib $(touch evil) `touch evil`; 'touch' \"evil\" -x,y.so"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[ShellPhone]:
    tmp = tmp_path / "data local"
    tmp.mkdir()
    shell = ShellPhone(tmp)
    yield shell
    shell.end()
    assert list(tmp.iterdir()) == []
    assert not Path("evil").exists()


def quiet(_: str) -> None:
    """Nobody listens."""


def file(folder: Path, name: str, content: bytes = b"content") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_files_get_there_whole_and_leave_again(shell: ShellPhone, tmp_path: Path) -> None:
    said: list[str] = []
    phone = shell.phone()
    files = [
        Placed(file(tmp_path, "user's model", b"m" * 100_000), "model.tflite"),
        under_its_own_name(file(tmp_path, NASTY), ["model.tflite"]),
    ]
    place = Workplace(phone, files, said.append)
    assert place.fill()
    assert place.folder == f"{place.control}/work"
    assert place.control == phone.guard.folder
    assert {p.name: p.read_bytes() for p in Path(place.folder).iterdir()} == {
        "model.tflite": b"m" * 100_000,
        NASTY: b"content",
    }
    assert said[0] == "pushing model.tflite (100 kB)"
    assert any(line.endswith("100%") for line in said)
    place.clear()
    assert not Path(place.folder).exists()
    place.clear()
    phone.guard.close()


def test_files_are_pushed_again_only_if_they_are_gone(shell: ShellPhone, tmp_path: Path) -> None:
    phone = shell.phone()
    place = Workplace(phone, [Placed(file(tmp_path, "a"), "a")], quiet)
    assert place.fill()
    assert not place.fill()
    assert len(shell.pushed) == 1
    place.clear()
    assert place.fill()
    assert len(shell.pushed) == 2
    phone.guard.close()


def test_executable_stays_executable(tmp_path: Path) -> None:
    path = file(tmp_path, "helper")
    assert under_its_own_name(path, []).mode == 0o644
    path.chmod(0o700)
    assert under_its_own_name(path, []) == Placed(path, "helper", 0o755)


@pytest.mark.parametrize("name", ["\udcff", "ä" * 128])
def test_name_that_no_phone_takes_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rename it"):
        under_its_own_name(tmp_path / name, [])


def test_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"another file 'model.tflite' beside it"):
        under_its_own_name(file(tmp_path, "model.tflite"), ["runner", "model.tflite"])


def fake(shell: ShellPhone, name: str, script: str) -> None:
    folder = shell.tmp.parent / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    shell.env["PATH"] = f"{folder}:{shell.env['PATH']}"


def test_full_phone_is_told_before_anything_is_pushed(shell: ShellPhone, tmp_path: Path) -> None:
    fake(shell, "stat", "echo 100 4096")
    phone = shell.phone()
    with pytest.raises(DeviceError, match=r"no space left .*7.00 B and 16.8 MB more.* has 410 kB; free some"):
        Workplace(phone, [Placed(file(tmp_path, "a"), "a")], quiet).fill()
    assert shell.pushed == []
    phone.guard.close()


@pytest.mark.parametrize("said", ["echo", "exit 1", "echo a b", "echo -1 4096", "head -c 100 /dev/urandom"])
def test_phone_that_does_not_tell_its_space_is_tried(said: str, shell: ShellPhone, tmp_path: Path) -> None:
    fake(shell, "stat", said)
    phone = shell.phone()
    assert Workplace(phone, [Placed(file(tmp_path, "a"), "a")], quiet).fill()
    phone.guard.close()


@pytest.mark.parametrize("tool", ["sha256sum", "wc"])
def test_file_that_arrives_otherwise_is_named(tool: str, shell: ShellPhone, tmp_path: Path) -> None:
    lie = f"echo {'0' * 64}  ./a" if tool == "sha256sum" else "echo 3"
    fake(shell, tool, lie)
    if tool == "wc":
        fake(shell, "sha256sum", "exit 1")
        Path(shell.tmp.parent / "bin" / "sha256sum").unlink()
        shell.env["PATH"] = _without_sha256sum(shell)
    phone = shell.phone()
    with pytest.raises(DeviceError, match="a is not on the phone as it was sent"):
        Workplace(phone, [Placed(file(tmp_path, "a"), "a")], quiet).fill()
    phone.guard.close()


def test_size_is_enough_where_the_phone_has_no_sha256sum(shell: ShellPhone, tmp_path: Path) -> None:
    fake(shell, "true", "exit 0")
    shell.env["PATH"] = _without_sha256sum(shell)
    phone = shell.phone()
    assert Workplace(phone, [Placed(file(tmp_path, "a"), "a")], quiet).fill()
    phone.guard.close()


def _without_sha256sum(shell: ShellPhone) -> str:
    """A folder with the few tools that are needed."""
    folder = shell.tmp.parent / "bin"
    for name in ("mkdir", "rm", "mv", "ls", "stat", "wc", "cat", "sleep", "grep", "rmdir", "timeout", "sh", "touch"):
        if not (folder / name).exists():
            (folder / name).symlink_to(next(p for d in ("/bin", "/usr/bin") if (p := Path(d) / name).exists()))
    return str(folder)
