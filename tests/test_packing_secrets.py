"""Nothing of what gives somebody away is in any byte of a packed run, wherever it stood."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.storage.manifest import read_manifest
from edgewatt.profiler.storage.packing.packing import pack
from edgewatt.profiler.storage.trace import Trace
from tests.packing_runs import DUMPS, PEM_LINES, SECRETS, SERIAL, SESSION, bytes_of, telling_run, unzipped


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return telling_run(tmp_path_factory.mktemp("telling") / "run")


@pytest.fixture(scope="module")
def packed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    pack(run, folder / "a.zip", here=False)
    return unzipped(folder / "a.zip", folder / "out")


def bare(content: bytes) -> bytes:
    """Without whatever may break a word."""
    return re.sub(rb"[\s\\\0]", b"", content).lower()


def test_the_run_does_give_it_away(run: Path) -> None:
    everything = bare(b"".join(bytes_of(run).values()))
    for secret in (*SECRETS, *PEM_LINES):
        assert bare(secret.encode()) in everything, secret


def test_nothing_is_left(packed: Path) -> None:
    for name, content in bytes_of(packed).items():
        everything = bare(content)
        assert not [secret for secret in (*SECRETS, *PEM_LINES) if bare(secret.encode()) in everything], name


def test_what_gives_nobody_away_is_as_it_was(run: Path, packed: Path) -> None:
    text = (packed / "raw/dumpsys.txt").read_text()
    for kept in ("RSSI: -52", "frequency 1804800 temp 36107 i2c@c240000 std::vector 10:20:30", "6.1.0-13-amd64 #1 SMP"):
        assert kept in DUMPS
        assert kept in text
    assert (packed / "raw/plain.pb").read_bytes() == (run / "raw/plain.pb").read_bytes()
    assert read_manifest(packed).versions == {"edgewatt": "0.1.0", "numpy": "2.4.6.1"}


def test_what_cannot_be_looked_into_is_left_out_and_said(run: Path, tmp_path: Path) -> None:
    said = {one["file"]: one["why"] for one in pack(run, tmp_path / "a.zip", here=False).left_out}
    assert said["raw/result.pb"] == "no text, and it holds what gives somebody away"
    assert "compressed" in said["raw/log.gz"]
    assert said["raw/link"] == "no plain file"


def test_equal_devices_stay_equal_and_ids_follow(run: Path, packed: Path) -> None:
    before, after = Trace.open(run), Trace.open(packed)
    (old,), (new,) = before.manifest.configs, after.manifest.configs
    assert old != new
    rows = after.repeats()
    assert rows is not None
    assert set(rows["config_id"].to_pylist()) == {new} == {w.config_id for w in after.windows("measure/")}
    (device_id,) = set(rows["device_id"].to_pylist())
    assert device_id == after.manifest.device["device_id"] == after.manifest.configs[new]["device_id"]
    assert re.fullmatch(r"device-[0-9a-f]{12}", device_id)
    assert f"adb:{device_id}" in after.manifest.command
    assert set(rows["session"].to_pylist()) == {after.manifest.device["session"]} != {SESSION}


def test_the_numbers_are_the_same(run: Path, packed: Path) -> None:
    for name in ("repeats", "results"):
        old, new = (pq.read_table(folder / f"{name}.parquet") for folder in (run, packed))
        for column in old.schema.names:
            if not str(old.schema.field(column).type).startswith(("string", "list")):
                assert old[column].equals(new[column]), column
    old, new = (pq.read_table(folder / "streams/rapl.parquet") for folder in (run, packed))
    assert old.column(0).equals(new.column(0))
    assert old.column(1).equals(new.column(1))


def test_stand_ins_are_stable_and_a_salt_changes_all_of_them(run: Path, tmp_path: Path) -> None:
    plain, again, salted = (
        pack(run, tmp_path / f"{k}.zip", salt=salt, here=False) for k, salt in enumerate(("", "", "s"))
    )
    assert plain.replaced == again.replaced
    assert (tmp_path / "0.zip").read_bytes() == (tmp_path / "1.zip").read_bytes()
    assert not set(plain.replaced) & set(salted.replaced)


def test_the_report_says_stand_ins_and_never_what_they_stand_for(packed: Path) -> None:
    report = (packed / "REDACTED.json").read_text()
    assert "device-" in report
    assert SERIAL not in report
