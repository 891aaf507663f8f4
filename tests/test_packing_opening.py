"""A packed run opens elsewhere, and a zip that is none does no harm."""

import contextlib
import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from edgewatt.profiler.analysis.elsewhere import conditions_there
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.comparing.tables import read_table
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.packing import opening
from edgewatt.profiler.storage.packing.inside import CITATION_TEXT
from edgewatt.profiler.storage.packing.opening import folder_of
from edgewatt.profiler.storage.packing.packing import TOP, pack
from edgewatt.profiler.storage.trace import Trace
from tests.measured_runs import Instrument, Plan, rail, written
from tests.packing_runs import unzipped
from tests.shell import called


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    run = written(folder / "run", [Instrument(rail(), boundary="board")])
    process(run)
    pack(run, folder / "a.zip", here=False)
    return folder / "a.zip"


def test_it_opens_with_every_command_that_reads(packed: Path, tmp_path: Path) -> None:
    assert Trace.open(packed).results() is not None
    assert read_table(packed).num_rows == 1
    table = tmp_path / "table.csv"
    assert called("export", packed, "--to", "csv", "-o", table).returncode == 0
    assert len(table.read_text().splitlines()) == 2
    assert called("compare", packed, packed).returncode in {0, 4}
    assert called("record", "-d", f"replay:{packed}", "-o", tmp_path / "again").returncode == 0
    assert Trace.open(tmp_path / "again").manifest.status == "complete"


def test_unzipped_it_is_processed_again(packed: Path, tmp_path: Path) -> None:
    run = unzipped(packed, tmp_path)
    assert Trace.open(run).verify() == []
    before, after = Trace.open(run).results(), process(run).results()
    assert before is not None
    assert after is not None
    assert before["energy_gross_j_mean"].equals(after["energy_gross_j_mean"])


def test_with_a_meter_it_stays_comparable_with_itself(tmp_path: Path) -> None:
    """What the meter is called is in the hash of the conditions, and not in what is packed."""
    meter = {"monsoon": {"name": "Monsoon", "device_id": "LVPM36107X"}}
    run = written(tmp_path / "run", [Instrument(rail(), boundary="board")], Plan(manifest={"meter": meter}))
    mine = process(run).results()
    pack(run, tmp_path / "a.zip", here=False, hashes=conditions_there)
    shared = unzipped(tmp_path / "a.zip", tmp_path)
    before, after = Trace.open(shared).results(), process(shared).results()
    assert mine is not None
    assert before is not None
    assert before.equals(after)
    assert before["conditions_sha256"] != mine["conditions_sha256"]


def test_the_zip_itself_stays_as_it_is(packed: Path) -> None:
    done = called("process", packed)
    assert done.returncode == 2
    assert f"unzip {packed} -d FOLDER" in done.stderr


def test_its_citation_is_that_of_the_project(packed: Path) -> None:
    root = Path(__file__).parents[1]
    assert (root / "CITATION.cff").read_text() == CITATION_TEXT
    with zipfile.ZipFile(packed) as zipped:
        assert zipped.read(f"{TOP}/CITATION.cff").decode() == CITATION_TEXT
        readme = zipped.read(f"{TOP}/README.md").decode()
        assert {info.date_time for info in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert zipped.namelist() == sorted(zipped.namelist())
    assert "How to cite" in readme
    assert "edgewatt profile" in readme
    assert "SIMULATED" in readme


def bad(folder: Path, entries: dict[str, bytes], mode: int = stat.S_IFREG | 0o644) -> Path:
    path = folder / "bad.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(info, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "a/../../evil",
        "a\\..\\evil",
        "C:/evil",
        "a/b/c/d",
        ".hidden",
        "a//b",
        "x\x1b[31m",
        "a/" * 9,
    ],
)
def test_no_name_leads_outside(tmp_path: Path, name: str) -> None:
    path = bad(tmp_path, {name: b"x", f"{TOP}/run.json": b"{}"})
    with pytest.raises(UsageError, match=r"no name of a file in a run|no zip that"):
        folder_of(path)
    assert [file.name for file in tmp_path.iterdir()] == ["bad.zip"]


def test_no_links_and_no_devices(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        with pytest.raises(UsageError, match="a link or a device"):
            folder_of(bad(tmp_path, {f"{TOP}/run.json": b"/etc/passwd"}, kind | 0o777))


def test_no_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "RATIO_FROM_B", 1000)
    path = bad(tmp_path, {f"{TOP}/run.json": b"{}", f"{TOP}/raw/zeros": bytes(1 << 20)})
    with pytest.raises(UsageError, match="more than a run of its size can"):
        folder_of(path)
    content = path.read_bytes()
    said, real = struct.pack("<I", 1 << 20), struct.pack("<I", 10)
    path.write_bytes(content.replace(said, real))
    with pytest.raises(UsageError, match=r"more than a run|damaged"):
        folder_of(path)
    monkeypatch.setattr(opening, "FILES_LIMIT", 1)
    with pytest.raises(UsageError, match="expected at most 1"):
        folder_of(path)


def test_one_run_and_each_name_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds 0 runs"):
        folder_of(bad(tmp_path, {"a": b""}))
    with pytest.raises(UsageError, match="holds 2 runs"):
        folder_of(bad(tmp_path, {"a/run.json": b"", "b/run.json": b""}))
    with pytest.raises(UsageError, match="a name twice"):
        folder_of(bad(tmp_path, {"a/run.json": b"", "A/RUN.json": b""}))


def test_any_damage_is_a_line(packed: Path, tmp_path: Path) -> None:
    content = packed.read_bytes()
    damaged = tmp_path / "damaged.zip"
    for at in range(0, len(content), max(len(content) // 20, 1)):
        for piece in (content[:at], content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]):
            damaged.write_bytes(piece)
            with contextlib.suppress(UsageError):
                Trace.open(damaged).windows()


def test_it_is_never_written_over_and_never_packed_twice(packed: Path, tmp_path: Path) -> None:
    run = unzipped(packed, tmp_path)
    for words, says in (
        ((run, "-o", packed), "exists already"),
        ((packed, "-o", tmp_path / "b.zip"), "is packed already"),
        ((tmp_path / "none", "-o", tmp_path / "b.zip"), "is no run"),
        ((run, "-o", tmp_path / "nowhere" / "b.zip"), "cannot pack to"),
    ):
        done = called("pack", *words)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    (run / "streams" / "rapl.parquet").write_bytes(b"changed")
    assert called("pack", run, "-o", tmp_path / "b.zip").returncode == 2
    assert not (tmp_path / "b.zip").exists()


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = bad(tmp_path, {f"{TOP}/run.json": b"{}"})
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match="encrypted"):
        folder_of(path)
    assert io.BytesIO(content).read(2) == b"PK"
