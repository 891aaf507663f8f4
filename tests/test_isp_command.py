"""`calibrate isp` from folders to a file; and what is no photograph, no layout, or no reference."""

import argparse
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgewatt.commands import calibrate_isp
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.isp.photos import PIXELS_LIMIT, read_photo
from tests.isp_photos import Camera, scene, taken, write

CAMERAS = {
    "pixel5": Camera(noise=0.004),
    "nexus": Camera((1.1, 1.0, 0.85), 1.3, noise=0.004, balance=0.01),
    "lg g7": Camera((0.9, 1.0, 1.0), 0.8, noise=0.004),
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(1)
    for number in range(4):
        light = scene(rng)
        for name, camera in CAMERAS.items():
            write(taken(light, camera, rng), folder / name / f"scene{number}.{'png' if name == 'nexus' else 'jpg'}")
    return folder


def run(*words: str, as_json: bool = False) -> int:
    parser = argparse.ArgumentParser()
    calibrate_isp.add_arguments(parser)
    args = parser.parse_args(words)
    args.json = as_json
    return calibrate_isp.run(args)


def test_every_device_has_a_row_of_the_calibration(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "isp.parquet"
    assert run(str(photos), "--reference", "pixel5", "-o", str(output), "--simulated") == 0
    said = capsys.readouterr().out
    assert "SIMULATED relative to pixel5" in said
    table = pq.read_table(output)
    assert table.schema.equals(TABLES["isp"])
    rows = {row["device"]: row for row in table.to_pylist()}
    assert rows.keys() == {"nexus", "lg g7"}
    nexus = rows["nexus"]
    assert nexus["gamma_ratio"] == pytest.approx(1.3, rel=0.01)
    assert nexus["gamma_low_ratio"] < nexus["gamma_ratio"] < nexus["gamma_high_ratio"]
    assert nexus["gain_r_ratio"] / nexus["gain_b_ratio"] == pytest.approx(1.1 / 0.85, rel=0.03)
    assert (nexus["scenes_n"], nexus["basis"], nexus["reference"]) == (4, "simulated", "pixel5")
    assert nexus["source"].startswith("sha256:")
    assert nexus["source"] != rows["lg g7"]["source"]


def test_csv_and_json_hold_the_same(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(photos / "nexus"), str(photos / "pixel5"), "--reference", "pixel5", "-o"]
    assert run(*words, str(tmp_path / "isp.csv")) == 0
    capsys.readouterr()
    assert run(*words, str(tmp_path / "isp.json"), as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    (row,) = json.loads((tmp_path / "isp.json").read_text())["rows"]
    header, line = (text.split(",") for text in (tmp_path / "isp.csv").read_text().splitlines())
    assert header == TABLES["isp"].names == list(row)
    assert float(line[header.index("gamma_ratio")]) == row["gamma_ratio"]
    assert row["basis"] == "measured"
    assert answer["devices"][0]["found"]["gamma"]["value"] == row["gamma_ratio"]


def test_grey_gives_gains_and_a_null_gamma(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "isp.json"
    assert run(str(photos), "--neutral", "0.5,0.5,0.7,0.7", "-o", str(output)) == 0
    assert "relative to neutral patch" in capsys.readouterr().out
    rows = json.loads(output.read_text())["rows"]
    assert {row["device"] for row in rows} == set(CAMERAS)
    assert all(row["gamma_ratio"] is None and row["gain_g_ratio"] for row in rows)


def test_what_is_not_found_is_said_and_exits_5(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("scene0.jpg", "scene1.jpg"):
        (tmp_path / "few").mkdir(exist_ok=True)
        (tmp_path / "few" / name).write_bytes((photos / "pixel5" / name).read_bytes())
    output = tmp_path / "isp.csv"
    assert run(str(photos / "pixel5"), str(tmp_path / "few"), "--reference", "pixel5", "-o", str(output)) == 5
    said = capsys.readouterr().out
    assert "few: not found: 2 scenes can be compared and 3 are needed" in said
    assert "only one of the two has scene2, scene3" in said
    assert "nothing was written" in said
    assert not output.exists()


def test_layouts_that_are_none(photos: Path, tmp_path: Path) -> None:
    def refused(*words: str, match: str) -> None:
        with pytest.raises(UsageError, match=match):
            run(*words)

    one, to = str(photos / "pixel5"), ["-o", str(tmp_path / "x.csv")]
    refused(str(tmp_path / "none"), "--reference", "a", *to, match="cannot be read")
    refused(str(tmp_path), "--reference", "a", *to, match=r"no photographs.*DEVICE/SCENE")
    refused(one, "--reference", "pixel6", *to, match=r"no such folder; there are pixel5")
    refused(one, "--reference", "pixel5", *to, match="only device")
    refused(one, one, "--reference", "pixel5", *to, match="two folders are called pixel5")
    refused(str(photos), "--reference", "pixel5", "-o", str(tmp_path / "x.xls"), match=r"ends in \.parquet")
    refused(str(photos), "--reference", "pixel5", "-o", str(tmp_path / "no" / "x.csv"), match="does not exist")
    twice = tmp_path / "twice"
    twice.mkdir()
    for name in ("a.jpg", "a.png"):
        (twice / name).write_bytes(b"x")
    refused(str(twice), "--reference", "twice", *to, match="one scene twice")
    (twice / "inner").mkdir()
    (twice / "inner" / "b.jpg").write_bytes(b"x")
    refused(str(twice), "--reference", "twice", *to, match="beside folders of photographs")


@pytest.mark.parametrize("text", ["0.5,0.5", "0.6,0.1,0.4,0.9", "0,0,2,2", "nan,0,1,1", "a,b,c,d"])
def test_a_patch_is_a_rectangle(text: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run(str(tmp_path), "--neutral", text, "-o", "x.csv")


def test_scenes_of_one_name_that_differ_are_refused(photos: Path, tmp_path: Path) -> None:
    for number in range(4):
        other = photos / "nexus" / f"scene{(number + 1) % 4}.png"
        (tmp_path / "mixed").mkdir(exist_ok=True)
        (tmp_path / "mixed" / f"scene{number}.png").write_bytes(other.read_bytes())
    with pytest.raises(UsageError, match="do not show the same"):
        run(str(photos / "pixel5"), str(tmp_path / "mixed"), "--reference", "pixel5", "-o", str(tmp_path / "x.csv"))


# single files


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 30,000 x 30,000 pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 1000)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, body, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_what_is_no_photograph_is_refused(tmp_path: Path) -> None:
    def refused(content: bytes, match: str) -> None:
        path = tmp_path / "s.png"
        path.write_bytes(content)
        with pytest.raises(UsageError, match=match):
            read_photo(path)

    def saved(mode: str, size: tuple[int, int] = (80, 80), form: str = "PNG") -> bytes:
        path = tmp_path / "saved"
        Image.new(mode, size).save(path, form)
        return path.read_bytes()

    assert PIXELS_LIMIT < 30_000**2
    refused(bomb(), r"s\.png.*pixels")
    refused(b"", "no readable photograph")
    refused(b"GIF89a", "no readable photograph")
    refused(saved("RGB", form="GIF"), "no readable photograph")
    refused(saved("L"), "mode 'L'")
    refused(saved("I;16"), "mode")
    refused(saved("RGBA"), "transparent")
    refused(saved("RGB", (40, 300)), "too few")
    refused(saved("RGB")[:-30], "no readable photograph")
    with pytest.raises(UsageError, match="cannot be read"):
        read_photo(tmp_path)


def test_a_camera_held_upright_is_turned(tmp_path: Path) -> None:
    picture = Image.new("RGB", (160, 80), (100, 120, 140))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "s.jpg", exif=exif)
    assert read_photo(tmp_path / "s.jpg").values.shape == (40, 20, 3)


def test_the_first_picture_of_several_is_read(tmp_path: Path) -> None:
    picture = Image.new("RGB", (160, 80), (100, 120, 140))
    picture.save(tmp_path / "s.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    assert read_photo(tmp_path / "s.jpg").values.mean((0, 1)) * 255 == pytest.approx([100, 120, 140], abs=2)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_bytes_are_a_photograph_or_a_usage_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jpg"
    if not (whole := path.with_suffix(".whole")).exists():
        Image.effect_noise((64, 64), 50).convert("RGB").save(whole, "JPEG")
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path.write_bytes(data.draw(st.sampled_from([bytes(content), data.draw(st.binary(max_size=60))])))
    try:
        photo = read_photo(path)
    except UsageError:
        return
    assert photo.values.shape == photo.usable.shape
    assert ((photo.values >= 0) & (photo.values <= 1)).all()
