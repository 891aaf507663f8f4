"""Input data: valid for every type, and the same bytes for the same seed."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edgewatt.collectors.runtimes.inputs import (
    FILLABLE,
    InputSpec,
    fill,
    integer_range,
    sha256_of_inputs,
    wanted_shape,
)
from edgewatt.profiler.errors import UsageError

INTEGERS = sorted(name for name in FILLABLE if "int" in name)
FLOATS = sorted(name for name in FILLABLE if name.startswith(("float", "complex")))


def whole(dtype: str, shape: tuple[int, ...] = (4096,)) -> InputSpec:
    low, high = integer_range(dtype, quantized=True, bound=None)
    return InputSpec(0, "x", shape, dtype, low, high)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_quantized_integers_cover_their_type(dtype: str) -> None:
    values, limits = fill(whole(dtype), 1, 0), np.iinfo(dtype)
    assert values.dtype == dtype
    assert values.min() <= limits.min + (int(limits.max) - int(limits.min)) // 100
    assert values.max() >= limits.max - (int(limits.max) - int(limits.min)) // 100


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_are_uniform_in_minus_one_to_one(dtype: str) -> None:
    values = fill(whole(dtype), 1, 0)
    parts = np.concatenate([values.real, values.imag]) if values.dtype.kind == "c" else values
    assert values.dtype == dtype
    assert (parts >= -1).all()
    assert (parts < 1).all()
    assert parts.astype(float).std() == pytest.approx(1 / math.sqrt(3), rel=0.05)


def test_booleans_are_zero_and_one_in_memory() -> None:
    values = fill(whole("bool"), 1, 0)
    assert set(values.view(np.uint8).tolist()) == {0, 1}


def test_strings_are_bytes() -> None:
    values = fill(whole("string", (2, 2)), 1, 0)
    assert values.shape == (2, 2)
    assert all(isinstance(text, bytes) and len(text) == 8 for text in values.ravel())


def test_unknown_type_is_named() -> None:
    with pytest.raises(UsageError, match="'x' is of type bfloat16"):
        fill(InputSpec(0, "x", (2,), "bfloat16"), 0, 0)


@pytest.mark.parametrize(
    ("dtype", "digest"),
    [
        ("float32", "014d20c4929f7f59"),
        ("float16", "24522c3ab955850d"),
        ("int8", "727bcfe7a66777c9"),
        ("int64", "4b74a4b41e8d5c50"),
        ("string", "9ec4c6239455656e"),
    ],
)
def test_bytes_are_the_same_with_every_numpy(dtype: str, digest: str) -> None:
    spec = whole(dtype, (2, 3))
    assert sha256_of_inputs([spec], [fill(spec, 2026, 0)]).startswith(digest)


@given(st.sampled_from(sorted(FILLABLE)), npst.array_shapes(min_dims=0, min_side=0, max_side=5), st.integers())
def test_same_seed_same_bytes(dtype: str, shape: tuple[int, ...], seed: int) -> None:
    spec = whole(dtype, shape)
    first, again = fill(spec, seed, 0), fill(spec, seed, 0)
    assert first.shape == shape
    assert first.tolist() == again.tolist()


def test_another_seed_and_another_place_give_other_bytes() -> None:
    spec = whole("float32")
    datas = {fill(spec, seed, place).tobytes() for seed in (0, 1) for place in (0, 1)}
    assert len(datas) == 4


@given(st.sampled_from(INTEGERS), st.integers(1, 2**40), st.integers(0, 2**32))
def test_an_index_is_in_its_table(dtype: str, rows: int, seed: int) -> None:
    low, high = integer_range(dtype, quantized=False, bound=rows)
    values = fill(InputSpec(0, "ids", (64,), dtype, low, high), seed, 0)
    assert (values >= 0).all()
    assert (values <= min(rows - 1, np.iinfo(dtype).max)).all()


@pytest.mark.parametrize(
    ("dtype", "quantized", "bound", "expected"),
    [
        ("int32", False, None, (0, 1)),
        ("int32", False, 10, (0, 9)),
        ("int32", False, 0, (0, 0)),
        ("uint8", False, None, (0, 255)),
        ("uint8", False, 1000, (0, 255)),
        ("int16", True, None, (-32768, 32767)),
        ("int16", False, None, (0, 1)),
        ("float32", False, 10, (0, 0)),
    ],
)
def test_range_of_integers(dtype: str, *, quantized: bool, bound: int | None, expected: tuple[int, int]) -> None:
    assert integer_range(dtype, quantized=quantized, bound=bound) == expected


@pytest.mark.parametrize(
    ("shape", "signature", "batch", "expected"),
    [
        ([1, 8, 8, 3], [-1, 8, 8, 3], 1, (1, 8, 8, 3)),
        ([1, 8, 8, 3], [1, 8, 8, 3], 4, (4, 8, 8, 3)),
        ([1, 1], [-1, -1], 4, (4, 1)),
        ([8, 8, 8, 3], [8, 8, 8, 3], 1, (1, 8, 8, 3)),  # a batch that was fixed when the model was converted
        ([224, 224, 3], [224, 224, 3], 1, (224, 224, 3)),  # an image without a batch
        ([384], [384], 2, (384,)),
        ([1, 7], [1, -1], 1, (1, 1)),
        ([0, 3], [0, 3], 1, (0, 3)),
        ([], [], 4, ()),
    ],
)
def test_shape(shape: Sequence[int], signature: Sequence[int], batch: int, expected: tuple[int, ...]) -> None:
    assert wanted_shape("x", shape, signature, batch, {}) == expected
    assert wanted_shape("x", shape, signature, batch, {"x": [5, 6]}) == (5, 6)


def test_hash_covers_name_type_shape_and_bytes() -> None:
    specs = [
        InputSpec(0, "x", (4,), "int8"),
        InputSpec(0, "y", (4,), "int8"),
        InputSpec(0, "x", (2, 2), "int8"),
        InputSpec(0, "x", (4,), "uint8"),
    ]
    zeros = [np.zeros(spec.shape, spec.dtype) for spec in specs]
    hashes = {sha256_of_inputs([spec], [data]) for spec, data in zip(specs, zeros, strict=True)}
    hashes.add(sha256_of_inputs(specs[:1], [np.ones(4, np.int8)]))
    assert len(hashes) == 5


def test_specification_survives_json() -> None:
    spec = InputSpec(3, "ids", (1, 8), "int32", 0, 9)
    assert InputSpec.from_json(spec.to_json()) == spec
