"""Who holds which samples, what an aggregation makes of updates, and hostile data files (NumPy alone)."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.models.federated.learning import shakespeare as shakespeare_files
from edgewatt.models.federated.learning.aggregation import acceptable, fedavg, fednova, q_fedavg, scaffold
from edgewatt.models.federated.learning.bounded import inflated
from edgewatt.models.federated.learning.cifar import RECORD, cifar100, records_of
from edgewatt.models.federated.learning.flair import rows_of
from edgewatt.models.federated.learning.mnist import idx_of, mnist
from edgewatt.models.federated.learning.partition import Split, by_owner, parted
from edgewatt.models.federated.learning.scoring import mean_average_precision
from edgewatt.models.federated.learning.shakespeare import LENGTH, lines_of, shakespeare
from edgewatt.models.federated.learning.texts import CHARACTERS, numbered
from edgewatt.models.federated.round import Update
from edgewatt.profiler.errors import UsageError

CLASSES = np.repeat(np.arange(10), 144)


@given(st.integers(1, 100), st.sampled_from([0, 25, 50, 75, 100]), st.integers(0, 5))
def test_every_sample_is_on_one_device(devices_n: int, share: int, seed: int) -> None:
    parts = parted(CLASSES, Split(devices_n, share, seed))
    assert sorted(np.concatenate(parts.rows)) == list(range(len(CLASSES)))
    assert np.ptp(parts.samples_n) <= 1
    assert parts.skewed.sum() == round(devices_n * share / 100)


def test_even_devices_hold_all_classes_and_skewed_ones_few() -> None:
    parts = parted(CLASSES, Split(48, 50, 1))
    assert (parts.classes_ratio[~parts.skewed] == 1).all()
    assert parts.classes_ratio[parts.skewed].mean() < 0.6
    shares = np.array([np.bincount(CLASSES[of], minlength=10).max() / len(of) for of in parts.rows])
    assert shares[parts.skewed].mean() > 0.5 > shares[~parts.skewed].max()


def test_a_larger_share_holds_the_smaller_one() -> None:
    half, more = (parted(CLASSES, Split(40, share, 3)).skewed for share in (50, 75))
    assert (more | ~half).all()


def test_the_same_seed_gives_the_same_parts_and_another_others() -> None:
    first, again, other = (parted(CLASSES, Split(30, 50, seed)) for seed in (7, 7, 8))
    assert all((a == b).all() for a, b in zip(first.rows, again.rows, strict=True))
    assert any(len(a) != len(b) or (a != b).any() for a, b in zip(first.rows, other.rows, strict=True))


def test_devices_may_share_samples_so_that_each_has_all_classes() -> None:
    parts = parted(CLASSES, Split(200, 50, 0, each=30))
    assert set(parts.samples_n) == {30}
    assert all(len(set(of)) == 30 for of in map(tuple, parts.rows))
    assert (parts.classes_ratio[~parts.skewed] == 1).all()
    assert parts.classes_ratio[parts.skewed].mean() < 0.5


def test_more_devices_than_samples_leave_some_without() -> None:
    parts = parted(np.arange(5), Split(8))
    assert len(parts.empty) == 3
    assert (parts.classes_ratio[parts.empty] == 0).all()


def test_owners_hold_their_own() -> None:
    parts = by_owner(np.array([1, 0, 1, 2]), 4, np.array([0, 1, 1, 0]))
    assert [list(of) for of in parts.rows] == [[1], [0, 2], [3], []]
    assert list(parts.classes_ratio) == [0.5, 1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    "bad", [{"devices_n": 0}, {"share_percent": 101}, {"share_percent": float("nan")}, {"each": 0}]
)
def test_a_split_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="expected"):
        Split(**{"devices_n": 10, **bad})


def _update(value: float, samples_n: int = 1, steps_n: int = 1, loss: float = 1.0) -> Update:
    return Update({"w": np.full((2, 2), value, np.float32)}, loss, 0.5, samples_n, steps_n)


OLD = {"w": np.zeros((2, 2), np.float32)}


def test_the_mean_is_weighted_by_samples() -> None:
    new = fedavg([_update(1, 3), _update(5, 1)])
    assert new["w"].dtype == np.float32
    assert (new["w"] == 2).all()


def test_fednova_counts_the_change_per_step() -> None:
    # Changes per step 1 and 0.5, means 0.75, mean steps 3: by hand.
    assert np.allclose(fednova(OLD, [_update(2, 1, 2), _update(2, 1, 4)])["w"], 0.75 * 3)
    same = [_update(1, 3, 5), _update(5, 1, 5)]
    assert np.allclose(fednova(OLD, same)["w"], fedavg(same)["w"])


def test_q_0_is_the_plain_mean_and_a_large_q_follows_the_worst() -> None:
    updates = [_update(1, 9, loss=0.1), _update(3, 1, loss=10.0)]
    assert np.allclose(q_fedavg(OLD, updates, 0.0, 0.1)["w"], 2)
    # By the paper's formulas: delta = L dw F^q, h = q F^(q-1) ||L dw||^2 + L F^q, with L = 10 and q = 1.
    above = 10 * 1 * 0.1 + 10 * 3 * 10.0
    below = (100 * 4 * 1 + 10 * 0.1) + (100 * 4 * 9 + 10 * 10.0)
    assert np.allclose(q_fedavg(OLD, updates, 1.0, 0.1)["w"], above / below)
    assert np.isfinite(q_fedavg(OLD, updates, 500.0, 0.1)["w"]).all()


def test_scaffold_moves_by_the_plain_mean() -> None:
    assert np.allclose(scaffold(OLD, [_update(1, 9), _update(3, 1)], 0.5)["w"], 1)


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (_update(float("nan")), "not finite"),
        (_update(float("inf")), "not finite"),
        (_update(1, 0), "no samples"),
        (_update(1, 1, 0), "no steps"),
        (_update(1, loss=float("nan")), "loss"),
        (Update({"w": np.zeros(3, np.float32)}, 1.0, 1.0, 1, 1), "shape"),
        (Update({"v": np.zeros((2, 2), np.float32)}, 1.0, 1.0, 1, 1), "names"),
        (Update({"w": np.zeros((2, 2), np.int64)}, 1.0, 1.0, 1, 1), "floating"),
        (Update({"w": [[0.0] * 2] * 2}, 1.0, 1.0, 1, 1), "floating"),  # type: ignore[dict-item]
    ],
)
def test_an_update_that_may_not_be_averaged_says_why(update: Update, reason: str) -> None:
    assert reason in (acceptable(update, OLD) or "")


def test_a_good_update_is_acceptable() -> None:
    assert acceptable(_update(1), OLD) is None


def test_average_precision_by_hand() -> None:
    scores = np.array([[0.9, 1.0, 0.0], [0.8, 1.0, 0.0], [0.7, 0.0, 0.0]])
    flags = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    # (1/1 + 2/3) / 2; two of equal score taken together: 1/2; the third class has no sample.
    assert mean_average_precision(scores, flags) == pytest.approx((5 / 6 + 1 / 2) / 2)


def _idx(values: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, values.ndim])
    return head + struct.pack(f">{values.ndim}I", *values.shape) + values.astype(np.uint8).tobytes()


def _mnist_folder(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for start, n in (("train", 6), ("t10k", 3)):
        (folder / f"{start}-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(rng.integers(0, 256, (n, 28, 28)))))
        (folder / f"{start}-labels-idx1-ubyte").write_bytes(_idx(np.arange(n)))


def test_mnist_is_read_gzipped_or_not(tmp_path: Path) -> None:
    _mnist_folder(tmp_path)
    data = mnist(tmp_path)
    assert data.inputs.shape == (6, 1, 28, 28)
    assert data.inputs.dtype == np.uint8
    assert list(data.held_targets) == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("train-labels-idx1-ubyte", b"", "only 0 bytes"),
        ("train-labels-idx1-ubyte", b"\0\0\x0d\1\0\0\0\1\0", "starts with 00000d01"),
        ("train-labels-idx1-ubyte", b"\0\0\x08\1\xff\xff\xff\xff\0", "says 4294967295 bytes and holds 1"),
        ("train-labels-idx1-ubyte", _idx(np.full(6, 10)), "label is 10"),
        ("train-labels-idx1-ubyte", _idx(np.zeros(5)), "6 train pictures and 5 labels"),
        ("train-images-idx3-ubyte.gz", gzip.compress(_idx(np.zeros((6, 28, 28))), mtime=0)[:-9], "middle of its gzip"),
        ("train-images-idx3-ubyte.gz", b"\x1f\x8bno gzip", "no readable gzip"),
        ("train-images-idx3-ubyte.gz", _idx(np.zeros((6, 28, 27))), "27 x 28"),
        ("t10k-images-idx3-ubyte.gz", _idx(np.zeros((3, 14, 14))), "expected one size"),
    ],
)
def test_a_false_mnist_file_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    _mnist_folder(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=reason):
        mnist(tmp_path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has none of train-images-idx3-ubyte"):
        mnist(tmp_path)


def test_a_bomb_is_not_unpacked() -> None:
    assert inflated(gzip.compress(bytes(1 << 20)), 1000) == "unpacks to more than 0 MiB"


@given(st.binary(max_size=300))
def test_any_bytes_are_arrays_or_a_reason(content: bytes) -> None:
    assert isinstance(idx_of(content, 3), np.ndarray | str)
    assert isinstance(idx_of(b"\0\0\x08\3" + content, 3), np.ndarray | str)
    assert isinstance(records_of(content), tuple | str)
    assert isinstance(inflated(b"\x1f\x8b" + content, 100), bytes | str)


def test_cifar_is_read_by_its_fine_labels(tmp_path: Path) -> None:
    records = np.zeros((4, RECORD), np.uint8)
    records[:, 1] = [0, 99, 5, 7]
    records[1, 2 + 1024] = 200  # the first green point
    for name in ("train.bin", "test.bin"):
        (tmp_path / name).write_bytes(records.tobytes())
    data = cifar100(tmp_path)
    assert list(data.targets) == [0, 99, 5, 7]
    assert data.inputs[1, 1, 0, 0] == 200
    assert data.inputs.sum() == 200


def test_false_records_are_refused() -> None:
    assert "whole number of records" in str(records_of(bytes(RECORD - 1)))
    assert "labels go to 20" in str(records_of(b"\x14" + bytes(RECORD - 1)))


def test_shakespeare_is_read_by_role(tmp_path: Path) -> None:
    for half, users in (
        ("train", '"B": {"x": ["%s"], "y": ["a"]}, "A": {"x": ["%s", "%s"], "y": ["b", "\\u00e9"]}'),
        ("test", '"Z": {"x": ["%s"], "y": [" "]}'),
    ):
        (tmp_path / half).mkdir()
        text = users % (("x" * LENGTH,) * users.count("%s"))
        (tmp_path / half / "all.json").write_text(f'{{"user_data": {{{text}}}}}')
    data = shakespeare(tmp_path)
    assert list(data.owner_names) == ["A", "B"]
    assert data.owners is not None
    assert list(data.owners) == [0, 0, 1]
    assert data.targets[1] == 80
    assert [data.names[n] for n in data.targets[[0, 2]]] == ["b", "a"]
    assert data.inputs.shape == (3, LENGTH)
    assert list(data.held_owners if data.held_owners is not None else []) == [-1]


def test_no_more_of_shakespeare_is_read_than_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shakespeare_files, "SAMPLES_LIMIT", 1)
    (tmp_path / "train").mkdir()
    said = {"user_data": {"A": {"x": ["x" * LENGTH] * 2, "y": ["a", "b"]}}}
    (tmp_path / "train" / "1.json").write_text(json.dumps(said))
    (tmp_path / "train" / "2.json").write_text("never looked at")
    with pytest.raises(UsageError, match="2 samples; expected 1 to 1"):
        shakespeare(tmp_path)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "no object user_data"),
        ({"user_data": {"a": 1}}, "no lists"),
        ({"user_data": {"a": {"x": ["s"], "y": ["b"]}}}, "not of 80"),
        ({"user_data": {"a": {"x": ["s" * 80], "y": ["bb"]}}}, "not one character"),
        ({"user_data": {"a": {"x": ["s" * 80], "y": []}}}, "1 texts and 0"),
    ],
)
def test_false_lines_are_refused(value: object, reason: str) -> None:
    assert reason in str(lines_of(value))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image_id": "../../x"}, "image_id"),
        ({"user_id": 5}, "user_id"),
        ({"partition": "all"}, "partition"),
        ({"labels": "dog"}, "labels"),
    ],
)
def test_false_rows_of_flair_are_refused(change: dict[str, object], reason: str) -> None:
    good = {"image_id": "a1", "user_id": "59769174@N00", "partition": "train", "labels": ["dog"]}
    assert isinstance(rows_of([good]), list)
    assert f"entry 1: {reason}" in str(rows_of([good, {**good, **change}]))


def test_characters_have_numbers() -> None:
    assert list(numbered("\na\u00e9\U0001f600", CHARACTERS)) == [0, 1 + ord("a") - 32, 96, 96]
