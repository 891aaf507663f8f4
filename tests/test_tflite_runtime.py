"""The same workload on tflite-runtime, LiteRT's predecessor, in an environment of its own (Python 3.11, numpy 1)."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tflite_models
from tests.environments import environment as made
from tests.litert_runs import look
from tests.tflite_builder import TYPES

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]  # the first time, pip downloads 25 MB

ROOT = Path(__file__).parents[1]
NEEDS = ("tflite-runtime==2.14.0", "numpy<2", "psutil")

SCRIPT = """
import json, sys
from dataclasses import asdict
from edgewatt.profiler.errors import EdgewattError
from tests.litert_runs import *

for line in sys.stdin:
    path, seconds, request = json.loads(line)
    try:
        facts, found, sink = execute(Path(path), repeat(seconds, 3, 0.0), **request)
        printed = sink.raws.get("litert.txt", b"").decode()
        answer = {**asdict(facts), **asdict(found), "stamps": len(sink.t0_ns), "raw": printed}
    except EdgewattError as error:
        answer = {"error": type(error).__name__, "line": str(error)}
    print(json.dumps(answer), flush=True)
"""

Run = Callable[..., dict[str, Any]]


def python311() -> str:
    """A Python 3.11 that starts, or skip: tflite-runtime has no wheel for any later one."""
    for candidate in (sys.executable, shutil.which("python3.11")):
        if candidate is None:
            continue
        done = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version_info[:2] == (3, 11))"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.stdout.strip() == "True":
            return candidate
    pytest.skip("there is no Python 3.11, and tflite-runtime 2.14.0 has no wheel for a later one")


@pytest.fixture(scope="module")
def environment() -> Path:
    """The Python of an environment with tflite-runtime and without LiteRT, made once and kept between runs."""
    return made("tflite-runtime-2.14.0-2", *NEEDS, python=python311())


@pytest.fixture(scope="module")
def there(environment: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in it that is asked one line after another."""
    with subprocess.Popen(
        [environment, "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as process:
        yield process


@pytest.fixture
def run(there: subprocess.Popen[str], tmp_path: Path) -> Run:
    """Look at a model and repeat it once there; the answer as a dict."""

    def ask(model: bytes, seconds: float = 0.0, **request: Any) -> dict[str, Any]:
        path = tmp_path / "model.tflite"
        path.write_bytes(model)
        assert there.stdin is not None
        assert there.stdout is not None
        there.stdin.write(json.dumps([str(path), seconds, request]) + "\n")
        there.stdin.flush()
        answer: dict[str, Any] = json.loads(there.stdout.readline())
        return answer

    return ask


def test_it_is_taken_because_it_is_what_is_installed(run: Run, tmp_path: Path) -> None:
    answer = run(tflite_models.tiny(), 0.1)
    here = look(tmp_path / "model.tflite")
    assert (answer["runtime"], answer["runtime_version"]) == ("tflite-runtime", "2.14.0")
    assert answer["stamps"] == answer["iterations"] > 10
    assert answer["target_used"] == "xnnpack"
    assert answer["memory_peak_b"] > 1e6
    assert "XNNPACK delegate for CPU" in answer["raw"]
    # What a model is does not depend on who executes it, nor does what is fed to it.
    assert [tuple(operator) for operator in answer["operators"]] == list(here.operators)
    assert (answer["precision"], answer["input_sha256"]) == (here.precision, here.input_sha256)


@pytest.mark.parametrize("dtype", sorted(set(TYPES) - {"bfloat16", "int4"}))
def test_inputs_of_every_type_are_accepted(run: Run, dtype: str) -> None:
    assert run(tflite_models.reshaped(dtype))["iterations"] == 3


@pytest.mark.parametrize(
    "model",
    [
        tflite_models.without_inputs(),
        tflite_models.added([]),
        tflite_models.added([0, 3]),
        tflite_models.recurrent(),
        tflite_models.quantized_conv(),
        tflite_models.embedding(10),
    ],
    ids=["no input", "scalar", "no element", "state", "int8", "ids"],
)
def test_models_of_every_kind_are_executed(run: Run, model: bytes) -> None:
    assert run(model)["iterations"] == 3


def test_batch(run: Run) -> None:
    assert run(tflite_models.open_batch(), batch=4)["batch"] == 4


@pytest.mark.parametrize("end", [20, 1000, 30_000, 68_000, 68_499])
def test_a_cut_model_is_refused_although_this_runtime_does_not_look(run: Run, end: int) -> None:
    answer = run(tflite_models.tiny()[:end])
    assert answer["error"] == "UsageError"
    assert "damaged" in answer["line"]


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [
        (tflite_models.custom(), "UsageError", "needs operators that tflite-runtime does not have, among Sparkle"),
        (tflite_models.tiled(10_000_000), "DeviceError", "its tensor 'rows' takes"),
        (tflite_models.dense("int4"), "UsageError", "tflite-runtime fails while"),
    ],
)
def test_bad_models_are_named(run: Run, model: bytes, error: str, says: str) -> None:
    answer = run(model)
    assert answer["error"] == error
    assert says in answer["line"]


def test_litert_is_missed_by_name(run: Run) -> None:
    answer = run(tflite_models.tiny(), runtime="litert")
    assert (answer["error"], answer["line"]) == (
        "DeviceError",
        "ai-edge-litert is not installed, and runs the model: pip install ai-edge-litert",
    )
