"""GLUE's tasks from the folder that its official zips were unpacked in: TSV, or JSON lines of the same columns.

Wang et al. 2018, gluebenchmark.com; files and columns are remembered. Its test sets have no answers, so that what is
tested on is `dev`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt.models.finetuning.glue_lines import rows_of
from edgewatt.models.finetuning.texts import Answer, Example, Metric, Task, is_text
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

TEXT_LIMIT: Final = 20_000
_ENDINGS: Final = (".tsv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a task: its folder, its columns of texts and of the answer, each by all names that it goes by, and classes.

    No classes: a score from 0 to 5. `bare`: the columns of a TSV without a header.
    """

    folder: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    answer: tuple[str, ...]
    classes: tuple[str, ...]
    metric: Metric = "accuracy"
    dev: str = "dev"
    bare: tuple[str, ...] | None = None


_ONE: Final = ("sentence",)
_TWO: Final = (("sentence1", "premise"), ("sentence2", "hypothesis"))
LAYOUTS: Final[Mapping[str, Layout]] = {
    "cola": Layout("CoLA", _ONE, (), ("label",), ("0", "1"), "matthews", bare=("source", "label", "star", "sentence")),
    "sst2": Layout("SST-2", _ONE, (), ("label",), ("0", "1")),
    "mrpc": Layout(
        "MRPC", ("#1 String", "sentence1"), ("#2 String", "sentence2"), ("Quality", "label"), ("0", "1"), "f1"
    ),
    "stsb": Layout("STS-B", *_TWO, ("score", "label"), (), "spearman"),
    "qqp": Layout("QQP", ("question1",), ("question2",), ("is_duplicate", "label"), ("0", "1"), "f1"),
    "mnli": Layout(
        "MNLI", *_TWO, ("gold_label", "label"), ("entailment", "neutral", "contradiction"), dev="dev_matched"
    ),
    "qnli": Layout("QNLI", ("question",), ("sentence",), ("label",), ("entailment", "not_entailment")),
    "rte": Layout("RTE", *_TWO, ("label",), ("entailment", "not_entailment")),
    "wnli": Layout("WNLI", *_TWO, ("label",), ("0", "1")),
}  # fmt: skip


def glue_tasks(folder: Path) -> list[str]:
    """The tasks of GLUE that have a folder below `folder`, or whose folder it is."""
    return [name for name, of in LAYOUTS.items() if (folder / of.folder).is_dir() or folder.name == of.folder]


def glue_task(folder: Path, name: str, train_limit: int | None = None, test_limit: int | None = None) -> Task:
    """A task; at most so many examples of each part, the first ones. Raises UsageError naming file and line."""
    layout = LAYOUTS[name]
    inside = folder / layout.folder
    inside = inside if inside.is_dir() else folder
    train, test = (
        _examples(_file(inside, part), layout, limit)
        for part, limit in (("train", train_limit), (layout.dev, test_limit))
    )
    source = f"GLUE {layout.folder}, its {layout.dev}"
    return Task(name, "class" if layout.classes else "score", layout.metric, layout.classes, train, test, source)


def _file(folder: Path, part: str) -> Path:
    found = next((path for ending in _ENDINGS if (path := folder / f"{part}{ending}").is_file()), None)
    if found is None:
        raise UsageError(f"{folder}: no {part}.tsv or {part}.jsonl there; expected what GLUE's zip has in it")
    return found


def _examples(path: Path, layout: Layout, limit: int | None) -> tuple[Example, ...]:
    found: list[Example] = []
    bare = layout.bare if path.suffix == ".tsv" else None
    for number, row in rows_of(path, bare):
        if limit is not None and len(found) >= limit:
            break
        where = f"{path}, line {number}"
        answer = _answer(where, _value(where, row, layout.answer), layout)
        first = _words(where, row, layout.first)
        found.append(Example(first, _words(where, row, layout.second) if layout.second else "", answer))
    if not found:
        raise UsageError(f"{path}: no example in it")
    return tuple(found)


def _value(where: str, row: Mapping[str, Any], names: Sequence[str]) -> Any:
    found = next((row[name] for name in names if name in row), None)
    if found is None:
        raise UsageError(f"{where}: columns {shown(list(row))}; expected {' or '.join(names)}")
    return found


def _words(where: str, row: Mapping[str, Any], names: Sequence[str]) -> str:
    text = _value(where, row, names)
    if not is_text(text) or len(text) > TEXT_LIMIT:
        raise UsageError(f"{where}: {names[0]} is {shown(text)}; expected a text of 1 to {TEXT_LIMIT} characters")
    return str(text)


def _answer(where: str, value: Any, layout: Layout) -> Answer:
    """The index of the class, which JSON may give as a number, or the score."""
    if not layout.classes:
        try:
            score = float(value)
        except (TypeError, ValueError, OverflowError):
            score = math.nan
        if not 0 <= score <= 5:
            raise UsageError(f"{where}: the score is {shown(value)}; expected a number from 0 to 5")
        return score
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(layout.classes):
        return value
    if value in layout.classes:
        return layout.classes.index(value)
    raise UsageError(f"{where}: the answer is {shown(value)}; expected {' or '.join(layout.classes)}")
