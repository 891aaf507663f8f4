"""SQuAD's questions from its JSON files, train-v1.1.json and dev-v1.1.json; or of v2.0, where some have no answer.

Rajpurkar et al. 2016, 2018. What is tested on is `dev`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edgewatt.models.finetuning.texts import NO_SPAN, Example, Task, is_text
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

FILE_LIMIT_B: Final = 200_000_000
_VERSIONS: Final = ("v1.1", "v2.0")


def squad_version(folder: Path) -> str | None:
    """The version whose two files lie in `folder`, or None."""
    return next(
        (v for v in _VERSIONS if all((folder / f"{part}-{v}.json").is_file() for part in ("train", "dev"))), None
    )


def squad_task(folder: Path, train_limit: int | None = None, test_limit: int | None = None) -> Task:
    """The task; at most so many questions of each part. Raises UsageError naming file, place and what was expected."""
    version = squad_version(folder)
    if version is None:
        raise UsageError(f"{folder}: no train-v1.1.json and dev-v1.1.json there (or -v2.0)")
    train, test = (
        _examples(folder / f"{part}-{version}.json", limit)
        for part, limit in (("train", train_limit), ("dev", test_limit))
    )
    return Task("squad", "span", "span_f1", (), train, test, f"SQuAD {version}, its dev")


def _examples(path: Path, limit: int | None) -> tuple[Example, ...]:
    found: list[Example] = []
    for example in _all(path):
        found.append(example)
        if limit is not None and len(found) >= limit:
            break
    if not found:
        raise UsageError(f"{path}: no question in it")
    return tuple(found)


def _all(path: Path) -> Iterator[Example]:
    for a, article in enumerate(_list(f"{path}: data", _read(path).get("data"))):
        at = f"{path}: data[{a}].paragraphs"
        for p, paragraph in enumerate(_list(at, _object(at, article).get("paragraphs"))):
            here = f"{at}[{p}]"
            context = _text(f"{here}.context", _object(here, paragraph).get("context"))
            for q, qa in enumerate(_list(f"{here}.qas", paragraph.get("qas"))):
                yield _example(f"{here}.qas[{q}]", context, _object(f"{here}.qas[{q}]", qa))


def _example(where: str, context: str, qa: dict[str, Any]) -> Example:
    question = _text(f"{where}.question", qa.get("question"))
    answers = _list(f"{where}.answers", qa.get("answers"))
    if not answers:
        if qa.get("is_impossible") is not True:
            raise UsageError(f"{where}: no answer, and not is_impossible")
        return Example(question, context, NO_SPAN)
    spans, texts = [], []
    for k, answer in enumerate(answers):
        at = f"{where}.answers[{k}]"
        text = _text(f"{at}.text", _object(at, answer).get("text"))
        start = answer.get("answer_start")
        if type(start) is not int or start < 0 or context[start : start + len(text)] != text:
            raise UsageError(f"{at}: {shown(text)} is not at character {shown(start)} of its context")
        spans.append((start, start + len(text)))
        texts.append(text)
    return Example(question, context, spans[0], tuple(texts))


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > FILE_LIMIT_B:
            raise UsageError(f"{path}: larger than {FILE_LIMIT_B:,} bytes, which no SQuAD is")
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no JSON ({shown(str(error))})") from None
    return _object(str(path), found)


def _list(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UsageError(f"{where} is {shown(value)}; expected a list")
    return value


def _object(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} is {shown(value)}; expected an object")
    return value


def _text(where: str, value: Any) -> str:
    if not is_text(value):
        raise UsageError(f"{where} is {shown(value)}; expected a text")
    return str(value)
