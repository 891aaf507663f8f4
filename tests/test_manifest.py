"""`run.json`: written atomically, read strictly, and every way in which it can be wrong is named."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.profiler.channel import Accuracy, Channel, EnergySource
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.storage.checked import TEXT_LIMIT, channel_from_file, fit_from_file, source_from_file
from edgewatt.profiler.storage.manifest import Manifest, is_edited, plain, read_manifest, write_manifest
from edgewatt.profiler.tables import SCHEMA_VERSION
from edgewatt.profiler.units import Quantity
from tests.recorded_runs import METER, METER_FIT, begin, manifest


def written(folder: Path) -> dict[str, Any]:
    """A manifest that says something in every field, as JSON."""
    writer = begin(folder / "run")
    writer.close()
    data: dict[str, Any] = json.loads((folder / "run" / "run.json").read_text())
    return data


def reread(folder: Path, data: Any) -> Manifest:
    """The manifest that a file with this JSON gives."""
    (folder / "run.json").write_text(json.dumps(data))
    return read_manifest(folder)


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    stored = write_manifest(tmp_path, manifest(quality="good", quality_reasons=["a"]))
    assert read_manifest(tmp_path) == read_manifest(tmp_path / "run.json") == stored
    assert not is_edited(stored)
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_values_that_json_has_no_form_for(tmp_path: Path) -> None:
    odd = {"n": np.int64(3), "x": np.float32(0.5), "nan": float("nan"), "where": Path("a/b"), "t": (1, 2), "s": {2, 1}}
    stored = write_manifest(tmp_path, manifest(conditions=odd))
    assert stored.conditions == {"n": 3, "x": 0.5, "nan": None, "where": "a/b", "t": [1, 2], "s": [1, 2]}
    with pytest.raises(EdgewattError, match=r"conditions\.deep\.it: a bytes cannot be stored"):
        plain({"deep": {"it": b""}}, "conditions")


def test_reasons_of_any_length_are_shortened(tmp_path: Path) -> None:
    long = {"what": "x", "reason": "é" * 9999, "fix": ""}
    stored = write_manifest(tmp_path, manifest(quality_reasons=["r" * 9999], unavailable=[long]))
    assert read_manifest(tmp_path) == stored
    assert len(stored.unavailable[0]["reason"]) == len(stored.quality_reasons[0]) == TEXT_LIMIT


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(EdgewattError, match="status is 'paused'"):
        write_manifest(tmp_path, manifest(status="paused"))
    assert list(tmp_path.iterdir()) == []


def test_an_edit_shows(tmp_path: Path) -> None:
    data = json.loads(json.dumps(written(tmp_path)))
    assert not is_edited(reread(tmp_path, data))
    data["conditions"]["screen"] = "on"
    assert is_edited(reread(tmp_path, data))


def test_a_failed_write_leaves_the_old_one(tmp_path: Path) -> None:
    stored = write_manifest(tmp_path, manifest())
    (tmp_path / "run.json.tmp").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_manifest(tmp_path, replace(stored, status="complete"))
    assert read_manifest(tmp_path) == stored


WRONG = [
    ("status", "paused", "status is 'paused', expected one of recording, complete, interrupted, recovered"),
    ("simulated", 1, "simulated is 1, expected true or false"),
    ("schema", "1", "schema is '1', expected a whole number from 1"),
    ("schema", True, "schema is True"),
    ("created", None, "created is None, expected a text"),
    ("created", "x" * 5000, "expected a text of at most 4096 characters"),
    ("command", "edgewatt", "command is 'edgewatt', expected a list"),
    ("channels", {"m": []}, "channels is {'m': \\[\\]}, expected an object"),
    ("channels", {"m": {"x.power_w": {}}}, "'m': 'x.power_w': key 'name' is missing"),
    ("clocks", {"c": {"clock": "d"}}, "clocks: 'c': key 'origin_ns' is missing"),
    ("unavailable", [{"what": "x"}], "unavailable: key 'reason' is missing"),
    ("sources", [{"name": "x"}], "sources: key 'terms' is missing"),
    ("files", {"../../etc/passwd": {"sha256": "0" * 64, "size": 1}}, "expected a path inside the run"),
    ("files", {"a": {"sha256": "0", "size": 1}}, "sha256 is '0', expected 64 hex digits"),
    ("files", {"a": {"sha256": "0" * 64, "size": -1}}, "size is -1, expected a size in bytes"),
    ("surprise", 1, "key 'surprise' is unknown, expected only schema, status"),
]


@pytest.mark.parametrize(("key", "value", "said"), WRONG, ids=[f"{key}-{n}" for n, (key, _, _) in enumerate(WRONG)])
def test_a_wrong_value_is_named(tmp_path: Path, key: str, value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as wrong:
        reread(tmp_path, {**written(tmp_path), key: value})
    assert str(tmp_path / "run.json") in str(wrong.value)
    assert "Restore the file" in str(wrong.value)


@pytest.mark.parametrize("key", ["schema", "status", "simulated", "device", "meter", "channels", "quality_reasons"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    data = written(tmp_path)
    del data[key]
    with pytest.raises(UsageError, match=f"key '{key}' is missing"):
        reread(tmp_path, data)


def test_a_run_of_another_program_needs_only_the_keys_of_the_design(tmp_path: Path) -> None:
    data = written(tmp_path)
    for key in ("sources", "configs", "files", "digest"):
        del data[key]
    assert reread(tmp_path, data).files == {}
    assert not is_edited(reread(tmp_path, data))


def test_a_newer_schema_says_update(tmp_path: Path) -> None:
    data = {**written(tmp_path), "schema": SCHEMA_VERSION + 1, "surprise": 1}
    with pytest.raises(UsageError, match=f"schema is {SCHEMA_VERSION + 1}, newer than .*update edgewatt"):
        reread(tmp_path, data)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no valid JSON"),
        (b"{", "no valid JSON"),
        (b"\xff\xfe\x00", "no valid JSON"),
        (b"[" * 100_000, "nested deeper"),
        (b"[" * 40 + b"]" * 40, "nested deeper than 32"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b"[]", "expected an object"),
        (b" " * (65 << 20), "larger than 64 MiB"),
    ],
    ids=["empty", "cut", "binary", "deep", "deeper-than-ours", "nan", "list", "huge"],
)
def test_what_is_no_manifest_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_manifest(tmp_path)


@pytest.mark.parametrize("path", ["absent", "file", "x" * 300, "nul\0byte"])
def test_what_is_no_run_is_said(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"no run|cannot be read|no valid JSON"):
        read_manifest(tmp_path / path)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.sampled_from([entry.name for entry in fields(Manifest)])


@settings(deadline=None, derandomize=True)
@given(content=st.binary(max_size=400))
def test_any_bytes_give_a_manifest_or_a_usage_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "run.json").write_bytes(content)
    with pytest.raises(UsageError):
        read_manifest(folder)


@settings(deadline=None, derandomize=True)
@given(changes=st.dictionaries(KEYS, JSON_VALUES, max_size=3), data=st.data())
def test_any_json_gives_a_manifest_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("json")
    content = {**json.loads(SPOKEN), **changes}
    nested = data.draw(st.sampled_from(["channels", "clocks", "sources", "unavailable", "files"]))
    if isinstance(content[nested], dict) and content[nested] and data.draw(st.booleans()):
        content[nested][next(iter(content[nested]))] = data.draw(JSON_VALUES)
    try:
        read = reread(folder, content)
    except UsageError:
        return
    stored = write_manifest(folder, read)
    assert read_manifest(folder) == stored


@settings(deadline=None, derandomize=True)
@given(
    channel=st.builds(
        Channel,
        name=st.text(max_size=20),
        quantity=st.sampled_from(Quantity),
        kind=st.sampled_from(["gauge", "counter"]),
        scale=st.floats(allow_nan=False, allow_infinity=False),
        counter_range=st.none() | st.integers(1, 2**62),
        period_s=st.none() | st.floats(1e-9, 1e9),
        window_s=st.none() | st.floats(0, 1e9),
        resolution=st.none() | st.floats(0, 1e9),
        accuracy=st.none()
        | st.builds(Accuracy, gain_rel=st.floats(0, 1), offset=st.floats(0, 1), basis=st.text(max_size=20)),
        boundary=st.sampled_from([None, "rail", "wall"]),
        covers=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    )
)
def test_a_channel_survives_the_file(channel: Channel) -> None:
    assert channel_from_file(json.loads(json.dumps(channel.to_json())), "here") == channel


def test_sources_and_fits_survive_the_file() -> None:
    for source in METER.sources:
        assert source_from_file(json.loads(json.dumps(source.to_json())), "here") == source
    assert fit_from_file(json.loads(json.dumps(METER_FIT.to_json())), "here") == METER_FIT


@pytest.mark.parametrize("drift", [0.2, -1.0, float("inf")])
def test_a_clock_that_drifts_beyond_reason_is_refused(drift: float) -> None:
    with pytest.raises(ValueError, match=r"drift is .*, expected a number within ±0\.1"):
        fit_from_file(ClockFit("c", drift=drift).to_json(), "here")


@pytest.mark.parametrize("terms", [(), ((),)])
def test_a_source_without_columns_is_refused(terms: tuple[tuple[str, ...], ...]) -> None:
    with pytest.raises(ValueError, match="not empty"):
        source_from_file(EnergySource("x", terms, "rail").to_json(), "here")


SPOKEN = (Path(__file__).parent / "fixtures" / "runs" / "schema1" / "run.json").read_text()
