"""Which tasks a study is on: of the standard library, or of GLUE or SQuAD in the user's folder."""

from collections.abc import Sequence
from pathlib import Path

from edgewatt.models.finetuning.glue import glue_task, glue_tasks
from edgewatt.models.finetuning.squad import squad_task, squad_version
from edgewatt.models.finetuning.study import constants_here
from edgewatt.models.finetuning.texts import Task
from edgewatt.models.finetuning.texts_tasks import HELD_BACK, RECIPES, Library
from edgewatt.profiler.errors import UsageError


def tasks_given(folder: Path | None, asked: Sequence[str], scenario: str) -> tuple[Task, ...]:
    """The tasks that were asked for, else those that are held back of the library, or all that the folder has.

    Raises UsageError naming what there is, or the file that is not what it should be.
    """
    _, constants = constants_here()
    most = round(constants[f"{scenario}.most_of_class"])
    asked = tuple(dict.fromkeys(asked))
    if folder is None:
        _refuse_unknown(asked, [of.name for of in RECIPES], "the standard library")
        library = Library()
        return tuple(library.task(name, most) for name in asked or HELD_BACK)
    if not folder.is_dir():
        raise UsageError(f"--data {folder}: no such folder")
    there = glue_tasks(folder) + (["squad"] if squad_version(folder) else [])
    if not there:
        raise UsageError(
            f"--data {folder}: neither a folder of GLUE (CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI, each "
            "with train and dev as .tsv or .jsonl) nor one with SQuAD's train-v1.1.json and dev-v1.1.json (or -v2.0)"
        )
    _refuse_unknown(asked, there, str(folder))
    train_n, test_n = most * 8, most * 2  # about as many as the library's tasks have
    return tuple(
        squad_task(folder, train_n, test_n) if name == "squad" else glue_task(folder, name, train_n, test_n)
        for name in asked or there
    )


def _refuse_unknown(asked: Sequence[str], there: Sequence[str], where: str) -> None:
    if unknown := [name for name in asked if name not in there]:
        raise UsageError(f"task {unknown[0]!r}: {where} has {', '.join(there)}")
