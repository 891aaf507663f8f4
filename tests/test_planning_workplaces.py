"""The configurations of a plan on one phone: each has its own files there, and those with the same files share them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.android.guarding.workplace import Placed, Workplace
from edgewatt.virtual_lab.keeping_truth import Copied
from tests.shell_phone import ShellPhone


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[ShellPhone]:
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    shell = ShellPhone(tmp)
    yield shell
    shell.end()
    assert list(tmp.iterdir()) == []


def quiet(_: str) -> None:
    """Nobody listens."""


def model(folder: Path, name: str) -> list[Placed]:
    path = folder / name
    path.write_text(name)
    return [Placed(path, "model.tflite")]


def test_models_lie_apart_and_the_same_one_is_pushed_once(shell: ShellPhone, tmp_path: Path) -> None:
    phone = shell.phone()
    a, b = model(tmp_path, "a"), model(tmp_path, "b")
    one, two, same = Workplace(phone, a, quiet), Workplace(phone, b, quiet), Workplace(phone, a, quiet)
    assert one.fill()
    assert two.fill()
    assert not same.fill(), "it is there already"
    assert len(shell.pushed) == 2
    assert same.folder == one.folder != two.folder
    assert [Path(place.folder, "model.tflite").read_text() for place in (one, two)] == ["a", "b"]

    one.clear()
    one.clear()
    assert Path(same.folder).exists(), "another one uses it"
    assert not same.fill()
    same.clear()
    assert not Path(f"{phone.guard.folder}/work").exists()
    assert b[0] in next(iter(phone.workplaces.files))
    two.clear()
    assert phone.workplaces.files == []
    assert one.fill(), "and it can be filled again"
    one.clear()
    phone.guard.close()


def test_the_log_of_a_phone_is_copied_once_for_all_and_whole_for_each_run() -> None:
    copied = Copied()
    copied.begin()
    copied.begin()
    copied.size_b = 100
    copied.end()
    assert copied.size_b == 100
    copied.end()
    copied.begin()
    assert copied.size_b == 0, "another run begins with the whole log"
