"""`edgewatt.window` in processes of its own: what reaches the file of marks, and what it waits for.

torch and jax are stubs here, put into sys.modules: what is tested is which of their functions are called and when, not
that those wait for a GPU.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from edgewatt.profiler.windowing.spans import MANY, Span, read_marks

STUBS = """
import sys, types, edgewatt
from edgewatt.profiler.windowing import marking
calls = []
def stub(name, **functions):
    module = sys.modules[name] = types.ModuleType(name)
    module.__dict__.update(functions)
    return module
def torch(initialised):
    cuda = types.SimpleNamespace(is_initialized=lambda: initialised, synchronize=lambda: calls.append("cuda"))
    stub("torch", cuda=cuda)
"""


def marked(tmp_path: Path, code: str, *, stubs: bool = False) -> tuple[list[Span], list[str], str]:
    """The windows of a program, reason codes, and what it printed."""
    file = tmp_path / "marks"
    file.write_bytes(b"")
    env = {**os.environ, "EDGEWATT_MARKS": str(file)}
    whole = (STUBS if stubs else "import edgewatt\n") + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", whole], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert not done.stderr, done.stderr
    return *read_marks(file.read_bytes()), done.stdout


def test_windows_nest_and_keep_their_attributes(tmp_path: Path) -> None:
    spans, reasons, _ = marked(
        tmp_path,
        """
        with edgewatt.window("step", epoch=3, loss="a=b c"):
            with edgewatt.window("for ward/é\\n"):
                pass
        """,
    )
    inner, outer = spans
    assert reasons == []
    assert (inner.name, inner.depth, outer.name, outer.depth) == ("for ward/é\n", 1, "step", 0)
    assert outer.t0_ns <= inner.t0_ns <= inner.t1_ns <= outer.t1_ns
    assert dict(outer.attributes) == {"synchronised": "-", "epoch": "3", "loss": "a=b c"}
    assert inner.writer == outer.writer


def test_threads_and_forks_are_writers_of_their_own(tmp_path: Path) -> None:
    spans, reasons, _ = marked(
        tmp_path,
        """
        import os, threading
        def work():
            with edgewatt.window("step"):
                pass
        with edgewatt.window("outer"):
            thread = threading.Thread(target=work); thread.start(); thread.join()
        child = os.fork()
        if not child:
            work(); os._exit(0)
        os.waitpid(child, 0)
        """,
    )
    assert reasons == []
    assert [(span.name, span.depth) for span in spans] == [("step", 0), ("outer", 0), ("step", 0)]
    assert len({span.writer for span in spans}) == 3
    assert len({span.writer.partition(".")[0] for span in spans}) == 2


def test_names_and_attributes_are_bounded(tmp_path: Path) -> None:
    spans, _, _ = marked(
        tmp_path,
        """
        with edgewatt.window("n" * 5000, **{f"k{i}": "v" * 5000 for i in range(50)}):
            pass
        """,
    )
    (span,) = spans
    assert span.name == "n" * 100
    assert len(span.attributes) == 17, "16 of its own, and by what it was synchronised"
    assert max(map(len, span.attributes.values())) == 100


def test_many_windows_are_cut_with_a_reason(tmp_path: Path) -> None:
    spans, reasons, _ = marked(
        tmp_path,
        """
        from edgewatt.profiler.windowing import marking
        marking.WINDOWS_LIMIT = 3
        for _ in range(10):
            with edgewatt.window("step"):
                pass
        """,
    )
    assert (len(spans), reasons) == (3, [MANY])


def test_an_exception_leaves_the_window_marked(tmp_path: Path) -> None:
    spans, _, printed = marked(
        tmp_path,
        """
        torch(True)
        try:
            with edgewatt.window("step"):
                raise ValueError("mine")
        except ValueError as error:
            print(error, calls)
        with edgewatt.window("step"):
            pass
        """,
        stubs=True,
    )
    assert printed == "mine ['cuda']\n", "waiting for a device that failed would hide why"
    assert [(span.depth, span.has_raised) for span in spans] == [(0, True), (0, False)]


@pytest.mark.parametrize(
    ("code", "calls", "by"),
    [
        ("torch(True)\nwith edgewatt.window('s'): calls.append('-')", ["cuda", "-", "cuda"], "torch"),
        ("torch(False)\nwith edgewatt.window('s'): calls.append('-')", ["-"], "-"),
        ("with edgewatt.window('s', sync=lambda: calls.append('mine')): calls.append('-')", "mine - mine", "call"),
        (
            "torch(True)\nwith edgewatt.window('s', sync=lambda: calls.append('mine')): calls.append('-')",
            "cuda mine - cuda mine",
            "call",
        ),
        ("stub('jax', effects_barrier=lambda: calls.append('b'))\nwith edgewatt.window('s'): pass", "b b", "effects"),
        (
            "stub('jax', block_until_ready=calls.append)\nwith edgewatt.window('s') as w: w.wait_for('out')",
            ["out"],
            "jax",
        ),
        (
            (
                "a = types.SimpleNamespace(block_until_ready=lambda: calls.append('a'))\n"
                "with edgewatt.window('s', sync=a): calls.append('-')"
            ),
            ["a", "-", "a"],
            "jax",
        ),
    ],
)
def test_what_is_waited_for(tmp_path: Path, code: str, calls: list[str] | str, by: str) -> None:
    spans, _, printed = marked(tmp_path, f"{code}\nprint(calls)", stubs=True)
    assert printed == f"{calls.split() if isinstance(calls, str) else calls}\n"
    assert spans[0].attributes["synchronised"] == by


def test_what_cannot_be_waited_for_is_said() -> None:
    from edgewatt.profiler.windowing.marking import synchronise  # noqa: PLC0415

    with pytest.raises(TypeError, match="cannot wait for int"):
        synchronise(3)


def test_without_a_listener_nothing_is_written_or_waited_for(tmp_path: Path) -> None:
    code = f"{STUBS}\ntorch(True)\nwith edgewatt.window('s', sync=calls.append): pass\nprint(calls)"
    env = {key: value for key, value in os.environ.items() if key != "EDGEWATT_MARKS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_ends_the_marking_and_not_the_program(tmp_path: Path) -> None:
    env = {**os.environ, "EDGEWATT_MARKS": str(tmp_path / "none" / "marks")}
    code = "import edgewatt\nwith edgewatt.window('s'): print('goes on')"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "goes on\n"
    assert "cannot write to EDGEWATT_MARKS" in done.stderr


def test_importing_window_loads_nothing_heavy() -> None:
    code = "import sys, edgewatt; edgewatt.window; print({'numpy', 'pyarrow', 'torch', 'argparse'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
