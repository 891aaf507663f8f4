"""`edgewatt.window` around steps of the real JAX, on the CPU: what was given to `wait_for` is there at its end."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from edgewatt.profiler.windowing.spans import read_marks
from tests.adbd.packages import Unavailable
from tests.environments import environment

pytestmark = pytest.mark.peer

JAX = "0.10.2"
SRC = Path(__file__).parents[1] / "src"
CODE = """
import json, jax, jax.numpy as jnp, edgewatt
step = jax.jit(lambda x: (jnp.linalg.matrix_power(x, 64), x.sum()))
x = jnp.ones((400, 400)) / 400
ready = []
for _ in range(3):
    with edgewatt.window("step") as window:
        out = step(x)
        window.wait_for(out)
    ready += [array.is_ready() for array in out]
with edgewatt.window("one", sync=out[0]), edgewatt.window("tree", sync={"a": out}), edgewatt.window("none"):
    pass
print(json.dumps(ready))
"""


def test_a_step_has_ended_when_its_window_has(tmp_path: Path) -> None:
    try:
        python = environment(f"jax-{JAX}", f"jax=={JAX}")
    except Unavailable as reason:
        pytest.skip(str(reason))
    marks = tmp_path / "marks"
    marks.touch()
    env = {**os.environ, "EDGEWATT_MARKS": str(marks), "PYTHONPATH": str(SRC), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([python, "-c", CODE], env=env, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True] * 6
    spans, reasons = read_marks(marks.read_bytes())
    by = {span.name: span.attributes["synchronised"] for span in spans}
    assert (by, reasons) == ({"step": "jax", "one": "jax", "tree": "jax", "none": "effects"}, [])
