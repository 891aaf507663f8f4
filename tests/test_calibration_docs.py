"""docs/calibration.md: its Python runs, its TOML is accepted, its tables are all there are."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from edgewatt.device_profiles.published import parse, published
from edgewatt.profiler.calibration.calibration import write_calibration
from edgewatt.profiler.calibration.tables import BASES, TABLES

PAGE = (Path(__file__).parents[1] / "docs" / "calibration.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_calibration(published("s15"), tmp_path / "s15.zip")
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(example, {})
    assert "1.694 published linear between 4 and 8" in said.getvalue()
    assert "0.40300" in said.getvalue()


def test_the_toml_example_is_a_published_calibration() -> None:
    (example,) = blocks("toml")
    assert parse(example.encode(), "mine.toml").rows("power")[0]["busy_w"] == 5.5


def test_every_table_and_basis_is_explained() -> None:
    first_cells = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|")]
    named = set(re.findall(r"`(\w+)`", " ".join(first_cells)))
    assert {*TABLES, *BASES} <= named
