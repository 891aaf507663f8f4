"""Every block of docs/notebooks.md runs, in order."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.figure_runs import recorded

pytestmark = pytest.mark.extra
PAGE = (Path(__file__).parents[1] / "docs" / "notebooks.md").read_text()


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("duckdb")
    recorded(tmp_path / "runs", "a")
    recorded(tmp_path / "runs", "b", energy=False)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    said: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/notebooks.md", "exec"), said)
    assert said["joules"]["energy_j"].tolist() == pytest.approx([20.0] * 3, rel=0.01)
    assert said["power"]["vdd_in.power_w"].mean() == pytest.approx(10.0, rel=0.01)
    assert said["df"].edgewatt.simulated
    assert said["results"].height == 2
    assert len(said["table"]) == 2
