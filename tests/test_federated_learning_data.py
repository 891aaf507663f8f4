"""Characters, MobileNet and photographs of a user's folder."""

import json
from pathlib import Path

import numpy as np
import pytest

from edgewatt.models.federated.learning.partition import Split
from edgewatt.models.federated.learning.pictures import small
from edgewatt.models.federated.learning.workloads import learner_of
from edgewatt.profiler.errors import UsageError

pytestmark = pytest.mark.extra
pytest.importorskip("torch")


def _picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> None:
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.new("RGB", size, colour).save(path)


def test_characters_are_learnt() -> None:
    learner = learner_of("characters", Split(80, 50))
    first = learner.first()
    weights, before = first, []
    for number in range(4):
        updates = [learner.train(weights, device, 16, 1, number) for device in range(3)]
        before.append(np.mean([update.loss_before for update in updates]))
        weights = learner.aggregate(weights, updates)
    # From as good as chance over 97 classes.
    assert before[0] == pytest.approx(np.log(97), abs=0.2)
    assert before[-1] < before[0] - 0.3
    assert learner.job(16, 1, 6).rc_n == 2
    again = learner.train_many(first, np.array([3]), np.array([16]), np.array([1]), 4)[0]
    alone = learner.train(first, 3, 16, 1, 4)
    assert all((again.weights[name] == alone.weights[name]).all() for name in first)


def test_photographs_become_small() -> None:
    pixels = np.zeros((70, 96, 3), np.uint8)
    pixels[:, 48:, 1] = 200
    found = small(pixels, 8)
    assert found.shape == (3, 8, 8)
    assert set(np.unique(found[1])) == {0, 200}
    assert not found[[0, 2]].any()
    assert (small(np.full((3, 3, 3), 77, np.uint8), 8) == 77).all()
    rng = np.random.default_rng(0)
    many = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (small(many, 16) == np.round(many.reshape(16, 2, 16, 2, 3).mean((1, 3))).transpose(2, 0, 1)).all()


def test_phones_are_owners(tmp_path: Path) -> None:
    for device, red in (("S9", 30), ("G7", 60)):
        for name, blue in (("altar", 200), ("cock", 20)):
            for number in range(3):
                _picture(tmp_path / device / name / f"{number}.png", (red, 90, blue))
    (tmp_path / "S9" / "cock" / "0.png").write_bytes(b"no picture")
    learner = learner_of("phones", Split(3), folder=tmp_path)
    assert list(learner.data.owner_names) == ["G7", "S9"]
    assert list(learner.data.names) == ["altar", "cock"]
    assert learner.samples_n[:2].sum() + len(learner.data.held_inputs) == 11
    assert learner.samples_n[2] == 0
    assert "no readable photograph" in learner.data.refused[0]
    update = learner.train(learner.first(), 0, 4, 1, 0)
    assert learner.refusal(update, learner.first()) is None
    with pytest.raises(UsageError, match="samples have owners"):
        learner_of("phones", Split(3, 50), folder=tmp_path)
    with pytest.raises(UsageError, match="two or more"):
        learner_of("phones", Split(3), folder=tmp_path / "S9")


def test_flair_has_many_labels(tmp_path: Path) -> None:
    rows = []
    for number in range(8):
        name, red = f"p{number}", 200 if number % 2 else 10
        _picture(tmp_path / "small_images" / f"{name}.jpg", (red, 50, 50))
        labels = ["food", "plant"] if number % 2 else ["plant"] if number % 4 else []
        half = "train" if number < 5 else "test"
        rows.append({"image_id": name, "user_id": f"59769174@N0{number % 2}", "partition": half, "labels": labels})
    (tmp_path / "labels_and_metadata.json").write_text(json.dumps(rows))
    learner = learner_of("flair", Split(2), folder=tmp_path)
    assert list(learner.data.names) == ["food", "plant"]
    assert learner.data.is_many
    assert list(learner.samples_n) == [3, 2]
    assert list(learner.classes_ratio) == [0.5, 1.0]
    weights = learner.first()
    together = learner.train_many(weights, np.arange(2), np.full(2, 2), np.full(2, 2), 0)
    alone = [learner.train(weights, d, 2, 2, 0) for d in range(2)]
    for a, b in zip(together, alone, strict=True):
        assert all(np.allclose(a.weights[n], b.weights[n], rtol=1e-3, atol=1e-4) for n in weights)
    assert 0 <= learner.accuracy_percent(learner.aggregate(weights, alone)) <= 100
    for number in range(5):
        (tmp_path / "small_images" / f"p{number}.jpg").unlink()
    with pytest.raises(UsageError, match="none of the photographs to train on can be read"):
        learner_of("flair", Split(2), folder=tmp_path)
    (tmp_path / "labels_and_metadata.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="no readable JSON"):
        learner_of("flair", Split(2), folder=tmp_path)
