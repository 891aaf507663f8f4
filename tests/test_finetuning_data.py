"""What is fine-tuned on: texts of a library, GLUE and SQuAD from a folder, their tokens; bad files by name."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.models.finetuning.encoders_tokens import hashed
from edgewatt.models.finetuning.glue import LAYOUTS, glue_task
from edgewatt.models.finetuning.glue_lines import LINE_LIMIT_B
from edgewatt.models.finetuning.squad import squad_task
from edgewatt.models.finetuning.study_tasks import tasks_given
from edgewatt.models.finetuning.texts import NO_SPAN
from edgewatt.models.finetuning.texts_library import notes_of
from edgewatt.models.finetuning.texts_scores import scored, span_f1
from edgewatt.models.finetuning.texts_tasks import HELD_BACK, RECIPES, TEST_PACKAGES, TUNING, TUNING_PACKAGES, Library
from edgewatt.profiler.errors import UsageError

MODULE = '''"""What the module {name} is for, number {k}."""
# A remark about the {name} that
# goes on for a second line, number {k}.


class Thing{k}:
    """A thing of {name} that counts to {k}."""

    def do_it_{k}(self):
        """Do what {name} does, {k} times over.

        Not of the first paragraph.
        """
'''


def library(folder: Path, packages: tuple[str, ...] = TEST_PACKAGES[:3], files: int = 30) -> Path:
    for name in packages:
        (folder / name / "test").mkdir(parents=True)
        for k in range(files):
            (folder / name / f"m{k}.py").write_text(MODULE.format(name=name, k=k))
        (folder / name / "test" / "left_out.py").write_text('"""This is a test and is left out."""\n')
    return folder


def test_notes_are_first_paragraphs_and_whole_comments(tmp_path: Path) -> None:
    found = notes_of(["email"], library(tmp_path, files=1))
    assert [(of.kind, of.name, of.text) for of in found] == [
        ("module", "m0", "What the module email is for, number 0."),
        ("class", "Thing0", "A thing of email that counts to 0."),
        ("function", "do_it_0", "Do what email does, 0 times over."),
        ("comment", "m0", "A remark about the email that goes on for a second line, number 0."),
    ]


def test_what_is_no_python_is_passed_over(tmp_path: Path) -> None:
    folder = library(tmp_path, ("email",), 1)
    for k, raw in enumerate(
        (b"\xff\xfe\x00", b"def (:\n", b"\x00", b"(" * 5000, b"x = '\n", b'# coding: nonsense\n"""a b c d e"""')
    ):
        (folder / "email" / f"bad{k}.py").write_bytes(raw)
    (folder / "email" / "folder.py").mkdir()
    assert len(notes_of(["email", "not_there"], folder)) == 4


def test_tasks_are_balanced_and_always_the_same_and_share_no_text(tmp_path: Path) -> None:
    folder = library(tmp_path)
    task = Library(folder).task("package", 40)
    assert task == Library(folder).task("package", 40)
    assert task.classes == tuple(sorted(TEST_PACKAGES[:3]))
    assert [sum(of.answer == k for of in task.test) for k in range(3)] == [10, 10, 10]
    assert len(task.train) == 90
    assert not {of.first for of in task.train} & {of.first for of in task.test}
    named = Library(folder).task("name", 1000)
    own = [of for of in named.train if named.classes[int(of.answer)] == "its own"]  # type: ignore[arg-type]
    assert own
    assert all(of.first.split()[-1] in of.second for of in own)


def test_no_package_is_both_tuned_on_and_held_back() -> None:
    assert not set(TUNING_PACKAGES) & set(TEST_PACKAGES)
    assert set(TUNING) | set(HELD_BACK) == {of.name for of in RECIPES}


def test_a_library_without_texts_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'package': .* has too few texts \(none\); two classes need 24 each"):
        Library(tmp_path).task("package", 40)
    with pytest.raises(UsageError, match="task 'bad': expected one of package-tuning, "):
        Library(tmp_path).task("bad", 40)


def glue(folder: Path, name: str, text: str, ending: str = "tsv") -> Path:
    layout = LAYOUTS[name]
    (folder / layout.folder).mkdir(exist_ok=True)
    for part in ("train", layout.dev):
        (folder / layout.folder / f"{part}.{ending}").write_bytes(text.encode())
    return folder


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "cola",
            'gj04\t1\t\tA "quoted text.\ngj04\t0\t*\tBad text.\n',
            [('A "quoted text.', "", 1), ("Bad text.", "", 0)],
        ),
        ("sst2", "sentence\tlabel\nfine \t1\n", [("fine ", "", 1)]),
        ("mrpc", "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\ta\tb\r\n", [("a", "b", 1)]),
        ("stsb", "index\tsentence1\tsentence2\tscore\n0\ta\tb\t3.8\n", [("a", "b", 3.8)]),
        ("qqp", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\ta\tb\t0\n", [("a", "b", 0)]),
        ("mnli", "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\ta\tb\tneutral\tneutral\n", [("a", "b", 1)]),
        ("qnli", "index\tquestion\tsentence\tlabel\n0\ta\tb\tnot_entailment\n", [("a", "b", 1)]),
        ("rte", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n", [("a", "b", 0)]),
    ],
)
def test_glues_tsv_is_read_as_its_zips_have_it(
    name: str, text: str, expected: list[tuple[str, str, Any]], tmp_path: Path
) -> None:
    task = glue_task(glue(tmp_path, name, text), name)
    assert [(of.first, of.second, of.answer) for of in task.train] == expected
    assert task.train == task.test


def test_glue_as_json_lines_and_the_first_few_only(tmp_path: Path) -> None:
    lines = [{"premise": f"p{k}", "hypothesis": "h", "label": ["entailment", 1][k % 2]} for k in range(4)]
    task = glue_task(glue(tmp_path, "rte", "\n".join(map(json.dumps, lines)) + "\n\n", "jsonl"), "rte", 3, 1)
    assert [(of.first, of.answer) for of in task.train] == [("p0", 0), ("p1", 1), ("p2", 0)]
    assert len(task.test) == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("sst2", "sentence\tlabel\na\n", "train.tsv, line 2: 1 values; expected 2, one for each of"),
        ("sst2", "text\tlabel\na\t1\n", "line 2: columns .*; expected sentence"),
        ("sst2", "sentence\tlabel\na\t2\n", "line 2: the answer is '2'; expected 0 or 1"),
        ("sst2", "sentence\tlabel\n \t1\n", "line 2: sentence is ' '; expected a text of 1 to"),
        ("sst2", "sentence\tlabel\n", "no example in it"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\tnan\n", "the score is 'nan'; expected a number from 0 to 5"),
        ("sst2", "x" * (LINE_LIMIT_B + 1), "line 1: longer than 65536 bytes"),
    ],
)
def test_a_bad_line_of_glue_is_named(name: str, text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        glue_task(glue(tmp_path, name, text), name)


@pytest.mark.parametrize(
    "line", ['{"sentence": "\\ud800", "label": 1}', '{"sentence": "a", "label": [1]}', '{"label": 1}']
)
def test_a_bad_json_line_of_glue_is_named(line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 1: "):
        glue_task(glue(tmp_path, "sst2", line, "jsonl"), "sst2")


def test_any_bytes_are_examples_or_a_named_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = [b"sentence\tlabel\na\t1\nb\t0\n", b'{"sentence": "a", "label": 1}\n', json.dumps(asked()).encode()]
    folder = glue(squad(tmp_path, asked()), "sst2", "")
    for k in range(150):
        raw = bytearray(good[k % 3])
        for at in rng.integers(0, len(raw), 1 + k % 4):
            raw[at] = rng.integers(256)
        for path in ("SST-2/train.jsonl", "SST-2/train.tsv", "SST-2/dev.tsv", "train-v1.1.json"):
            (folder / path).unlink(missing_ok=True)
        tsv = k % 3 == 0
        (folder / ("SST-2/train.tsv" if tsv else "SST-2/train.jsonl")).write_bytes(raw)
        (folder / "SST-2/dev.tsv").write_bytes(good[0])
        (folder / "train-v1.1.json").write_bytes(raw)
        for read in (lambda: glue_task(folder, "sst2"), lambda: squad_task(folder)):
            with suppress(UsageError):
                assert read().train


def test_other_bad_files_of_glue_are_named(tmp_path: Path) -> None:
    folder = glue(tmp_path, "sst2", "sentence\tlabel\na\t1\n")
    (folder / "SST-2" / "dev.tsv").write_bytes(b"sentence\tlabel\n\xff\t1\n")
    with pytest.raises(UsageError, match=r"dev\.tsv, line 2: no UTF-8"):
        glue_task(folder, "sst2")
    (folder / "SST-2" / "dev.tsv").unlink()
    with pytest.raises(UsageError, match=r"no dev\.tsv or dev.jsonl there"):
        glue_task(folder, "sst2")
    (folder / "SST-2" / "dev.jsonl").write_text("[1]\n")
    with pytest.raises(UsageError, match=r"dev\.jsonl, line 1: .*; expected a JSON object"):
        glue_task(folder, "sst2")


def squad(folder: Path, data: Any, version: str = "v1.1") -> Path:
    for part in ("train", "dev"):
        (folder / f"{part}-{version}.json").write_text(data if isinstance(data, str) else json.dumps(data))
    return folder


def asked(context: str = "It is red.", **qa: Any) -> dict[str, Any]:
    one = {"question": "What colour?", "id": "1", "answers": [{"text": "red", "answer_start": 6}], **qa}
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": [one]}]}]}


def test_squad_of_both_versions(tmp_path: Path) -> None:
    one = squad_task(squad(tmp_path, asked())).train[0]
    assert (one.first, one.second, one.answer, one.accepted) == ("What colour?", "It is red.", (6, 9), ("red",))
    (tmp_path / "two").mkdir()
    none = squad_task(squad(tmp_path / "two", asked(answers=[], is_impossible=True), "v2.0")).train[0]
    assert (none.answer, none.accepted) == (NO_SPAN, ())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{", "train-v1.1.json: no JSON"),
        ("[]", "train-v1.1.json is \\[\\]; expected an object"),
        ({"data": 3}, "data is 3; expected a list"),
        ({"data": []}, "no question in it"),
        (asked(question="\ud800"), "question is '.*'; expected a text"),
        (asked(context=7), "data\\[0\\].paragraphs\\[0\\].context is 7; expected a text"),
        (asked(answers=[]), "qas\\[0\\]: no answer, and not is_impossible"),
        (asked(answers=[{"text": "blue", "answer_start": 6}]), "'blue' is not at character 6 of its context"),
        (asked(answers=[{"text": "red", "answer_start": -4}]), "'red' is not at character -4"),
        (asked(answers=[{"text": "red", "answer_start": True}]), "'red' is not at character True"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_bad_squad_is_named(data: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        squad_task(squad(tmp_path, data))


def test_tasks_of_a_folder_are_found_by_what_is_in_it(tmp_path: Path) -> None:
    glue(tmp_path, "sst2", "sentence\tlabel\na\t1\n")
    squad(tmp_path, asked())
    assert [of.name for of in tasks_given(tmp_path, [], "reduced")] == ["sst2", "squad"]
    assert [of.name for of in tasks_given(tmp_path / "SST-2", ["sst2", "sst2"], "reduced")] == ["sst2"]
    with pytest.raises(UsageError, match=r"task 'rte': .* has sst2, squad"):
        tasks_given(tmp_path, ["rte"], "reduced")
    with pytest.raises(UsageError, match="no such folder"):
        tasks_given(tmp_path / "not", [], "reduced")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"neither a folder of GLUE .* nor one with SQuAD's"):
        tasks_given(tmp_path / "empty", [], "reduced")


def test_scores_by_hand() -> None:
    assert scored("accuracy", [0, 1, 2, 2], [0, 1, 1, 2]) == 75
    assert scored("f1", [1, 1, 0, 0], [1, 0, 1, 0]) == 50
    assert scored("matthews", [1, 1, 0, 0], [1, 1, 1, 0]) == pytest.approx(100 / 3**0.5)
    assert scored("matthews", [1, 1, 0], [1, 1, 1]) == 0
    assert scored("spearman", [1, 2, 2, 4], [10, 20, 20, 90]) == pytest.approx(100)
    assert span_f1(["the Red house", "barn"], "red, house!") == 100
    assert span_f1(["red house"], "red") == pytest.approx(200 / 3)
    assert span_f1(["\u00a35"], "5") == 0  # punctuation is that of ASCII, as there
    assert (span_f1([], ""), span_f1([], "red"), span_f1(["red"], "")) == (100, 0, 0)


def test_hashed_words_say_where_they_are_in_the_second_text() -> None:
    found = hashed(100)([("What colour?", "It is red."), ("a", "")], 12)
    assert found.mask.sum(axis=1).tolist() == [10, 3]
    second = "It is red."
    spans = [second[s:e] for s, e in zip(found.starts[0], found.ends[0], strict=True) if s >= 0]
    assert spans == ["It", "is", "red", "."]
    assert np.array_equal(found.kinds[0] == 1, np.isin(np.arange(12), range(5, 10)))
    cut = hashed(100)([("one two three four five six", "seven eight nine ten eleven twelve")], 9)
    assert cut.mask.sum() == 9
    assert (cut.starts >= 0).sum() == 3
