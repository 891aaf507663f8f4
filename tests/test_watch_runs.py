"""The runs that the page lists: those of the folder, and nothing outside it."""

import os
from pathlib import Path

import pytest

from edgewatt.reports.live import runs as listing
from edgewatt.reports.live.runs import Runs
from tests.sample_runs import make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "runs"
    made.mkdir()
    return made


def names(runs: Runs) -> list[str]:
    return [run.name for run in runs.listed()[0]]


def test_the_newest_first_and_no_rubbish(folder: Path) -> None:
    for at, name in enumerate(("old", "new")):
        os.utime(make_run(folder / name, simulated=name == "new") / "run.json", (at, at))
    (folder / "no run").mkdir()
    (folder / "a file").touch()
    broken = folder / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    found, note = Runs(folder).listed()
    assert [run.name for run in found] == ["new", "old"]
    assert [run.simulated for run in found] == [True, False]
    assert note == "1 could not be read."


def test_hostile_names_stay_text_and_find_their_way_back(folder: Path) -> None:
    hostile = ["<b>x", "a b", "\x1b[31m", "\u202egnp", "%2e%2e", "..x", "y" * 200, "?q#f", "é"]
    for name in hostile:
        make_run(folder / name, device={"name": "<script>\x1b[31m" + "z" * 1000})
    os.rename(make_run(folder / "bytes"), os.path.join(os.fsencode(folder), b"\xff\xfe"))  # noqa: PTH104, PTH118
    runs = Runs(folder)
    for run in runs.listed()[0]:
        assert run.href.isascii()
        assert runs.find(run.href) == run
        said = run.to_json()
        assert all(text.isprintable() and len(text) <= 200 for text in (said["name"], said["device"]))
    assert len(runs.listed()[0]) == len(hostile) + 1


@pytest.mark.parametrize(
    "path",
    [
        *("/runs/", "/runs/..", "/runs/../run", "/runs/%2e%2e", "/runs/%2e%2e%2foutside", "/runs/a/../a", "/runs/a/"),
        *("/runs//etc", "/runs/%00", "/runs/a%00", "/runs/.", "/elsewhere", "/runs/a%2frun.json"),
    ],
)
def test_no_path_leads_out(folder: Path, path: str) -> None:
    make_run(folder / "a")
    make_run(folder.parent / "outside")
    runs = Runs(folder)
    assert runs.find("/runs/a") is not None
    assert runs.find(path) is None


def test_links_out_of_the_folder_are_not_followed(folder: Path) -> None:
    make_run(folder / "a")
    outside = make_run(folder.parent / "outside")
    (folder / "link").symlink_to(outside)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "inside").symlink_to(folder / "a")
    manifest = folder / "stolen"
    manifest.mkdir()
    (manifest / "run.json").symlink_to(outside / "run.json")
    runs = Runs(folder)
    assert sorted(names(runs)) == ["a", "inside"]
    assert runs.find("/runs/link") is None
    (folder / "a" / "streams" / "x.parquet").symlink_to("/etc/hostname")
    assert runs.leads_outside(folder / "a")
    (folder / "a" / "streams" / "x.parquet").unlink()
    (folder / "a" / "streams" / "y.parquet").symlink_to(folder / "a" / "run.json")
    assert not runs.leads_outside(folder / "a")


def test_it_is_bounded_and_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(4):
        make_run(folder / f"run{at}")
    monkeypatch.setattr(listing, "RUNS_LIMIT", 3)
    runs = Runs(folder)
    assert runs.listed()[1] == "1 older ones are not shown."
    monkeypatch.setattr(listing, "read_manifest", lambda path: pytest.fail(f"{path} was read again"))
    assert len(names(runs)) == 3


def test_a_folder_that_went_away_has_no_runs(folder: Path) -> None:
    runs = Runs(folder)
    folder.rmdir()
    assert runs.listed() == ([], "No run is in this folder yet.")
