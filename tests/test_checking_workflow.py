"""The workflow in docs/checks.md is executed as it stands, but for getting the models."""

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edgewatt.collectors.runtimes.model_file import bundled_model
from tests.shell import called

DOC = Path(__file__).parent.parent / "docs" / "checks.md"


def block(language: str, holding: str) -> str:
    """The block of code in the page that holds these words."""
    found = re.findall(rf"```{language}\n(.*?)```", DOC.read_text(), re.DOTALL)
    return next(text for text in found if holding in text)


@pytest.mark.peer
@pytest.mark.long
def test_the_workflow_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("model.tflite", "old.tflite"):
        shutil.copy(bundled_model(), name)
    Path("gate.toml").write_text(block("toml", "gate.toml"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    workflow = block("yaml", "runs-on")
    words = workflow.partition("run: >-")[2].split()
    assert words[:2] == ["edgewatt", "check"]
    done = called(*words[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIMULATED" in done.stdout
    assert Path("summary.md").read_text() == Path("check.md").read_text()
    assert ET.fromstring(Path("check.xml").read_bytes())[0].attrib["failures"] == "0"
