"""Any bytes in any file of a run give a value or a named error, never anything else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.storage.recover import recover
from edgewatt.profiler.storage.trace import Trace
from tests.recorded_runs import everything, recorded


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("closed") / "run", steps=3)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("crashed") / "run", steps=3, closed=False)


@st.composite
def damage(draw: st.DrawFn, length: int) -> Callable[[bytes], bytes]:
    """A way in which a file of that length may be changed: cut, a few bytes flipped, or something else entirely."""
    way = draw(st.sampled_from(["cut", "flip", "replace"]))
    if way == "cut":
        at = draw(st.integers(0, length))
        return lambda content: content[:at]
    if way == "flip":
        flips = draw(
            st.lists(st.tuples(st.integers(0, max(length - 1, 0)), st.integers(1, 255)), min_size=1, max_size=6)
        )
        return lambda content: flipped(content, flips)
    other = draw(st.binary(max_size=300))
    return lambda _: other


def flipped(content: bytes, flips: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for at, bits in flips:
        if changed:
            changed[at] ^= bits
    return bytes(changed)


@pytest.mark.parametrize("state", ["closed", "crashed"])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_damage_gives_a_value_or_a_named_error(
    closed: Path, crashed: Path, tmp_path_factory: pytest.TempPathFactory, state: str, data: st.DataObject
) -> None:
    whole = closed if state == "closed" else crashed
    run = Path(shutil.copytree(whole, tmp_path_factory.mktemp("damaged") / "run"))
    file = data.draw(st.sampled_from(sorted(p for p in run.rglob("*") if p.is_file())))
    content = file.read_bytes()
    file.write_bytes(data.draw(damage(len(content)))(content))
    for read in (everything_mapped, Trace.verify):
        try:
            read(Trace.open(run))
        except EdgewattError:
            continue
    try:
        recover(run)
    except EdgewattError:
        return
    assert Trace.open(run).manifest.status != "recording"


def everything_mapped(trace: Trace) -> None:
    everything(trace)
    for column in trace.columns:
        trace.series(column).between(5 * NS_PER_S, 6 * NS_PER_S).to_numpy()


@pytest.mark.long
def test_every_byte_of_a_parquet_file_may_be_wrong(closed: Path, tmp_path: Path) -> None:
    """One after the other: pyarrow 26 ends the whole process for some, when it is asked for the footer's statistics."""
    run = Path(shutil.copytree(closed, tmp_path / "run"))
    file = run / "streams" / "load.parquet"
    content = file.read_bytes()
    refused = 0
    for at in range(len(content)):
        file.write_bytes(flipped(content, [(at, 1 << at % 8)]))
        try:
            trace = Trace.open(run)
            trace.series("cpu.load_ratio").between(5 * NS_PER_S, 6 * NS_PER_S).to_numpy()
        except EdgewattError:
            refused += 1
    assert refused > len(content) // 4
