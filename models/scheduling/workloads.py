"""The networks of a simulation: those that a calibration measured, or those of the paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError

_NEEDED: Final = ("conv_n", "fc_n", "rc_n", "macs_n", "input_b", "output_b")


@dataclass(frozen=True, slots=True)
class Workload:
    """A network: its layers as the paper counts them, what it sends and receives, and what is asked of it.

    `accuracy` by precision and `required` are in percent, None where nobody said. `rows`: its inferences on the phone,
    empty where none was measured. `basis`: of its MACs, sizes and accuracies. `assumed`: what was, in words.
    """

    name: str
    conv_n: int
    fc_n: int
    rc_n: int
    macs_n: float
    sent_b: float
    received_b: float
    qos_s: float
    accuracy: dict[str, float]
    required: float
    rows: tuple[Row, ...]
    basis: str
    assumed: str = ""

    def accuracy_in(self, precision: str) -> float | None:
        """Accuracy in percent; FP16 as FP32 where it was not given, None where nothing was."""
        like = "fp32" if precision == "fp16" and precision not in self.accuracy else precision
        return self.accuracy.get(like)


def workloads_of(
    rows: Rows, layers: Calibration, constants: Constants, draw: Draw, *, streaming: bool
) -> list[Workload]:
    """What `rows` measured; without any inference there, the paper's, whose layers are in `layers`.

    Raises UsageError naming what of a measured network is not known, and how to give it.
    """
    ran: dict[str, list[Row]] = {}
    for row in rows.of("inference"):
        if row["latency_s"] and (row["batch"] or 1) == 1 and row["model"]:
            ran.setdefault(row["model"], []).append(row)
    stated: dict[str, Row] = {}
    for row in [*layers.rows("models"), *rows.of("models")]:
        known = {column: value for column, value in row.items() if value is not None}
        stated[row["model"]] = {**stated.get(row["model"], {}), **known}
    names = list(ran) or [name for name in _papers(constants) if name in stated]
    usual = {bool(row["rc_n"]): row["qos_s"] for row in layers.rows("models") if row["qos_s"] is not None}
    return [_workload(name, ran.get(name, ()), stated, constants, draw, usual, streaming=streaming) for name in names]


def _papers(constants: Constants) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in constants.under("workloads")))


def _workload(
    name: str,
    ran: Sequence[Row],
    stated: dict[str, Row],
    constants: Constants,
    draw: Draw,
    usual: Mapping[bool, float],
    *,
    streaming: bool,
) -> Workload:
    """`usual`: the deadlines of the paper, of recurrent networks and of others, where nobody gave one."""
    stem = name.removesuffix(".tflite")
    row = {**stated.get(stem, {}), **stated.get(name, {})}
    paper = constants.under(f"workloads.{stem}")
    if not row and not paper:
        raise UsageError(_unknown(name, _NEEDED))
    bases = [row["basis"]] if row else []

    def said(column: str, other: float | None = None) -> float | None:
        if row.get(column) is not None:
            return float(row[column])
        if column in paper:
            bases.append("assumed")
            return draw.constant(constants, f"workloads.{stem}.{column}")
        return other

    macs_n = said("macs_n")
    sent_b, received_b = said("sent_b", row.get("input_b")), said("received_b", row.get("output_b"))
    told = {**row, "macs_n": macs_n, "input_b": sent_b, "output_b": received_b}
    if missing := [column for column in _NEEDED if told.get(column) is None]:
        raise UsageError(_unknown(name, missing))
    accuracy = {key.removeprefix("accuracy_"): float(of.value) for key, of in paper.items() if "accuracy" in key}
    accuracy |= {r["precision"]: 100 * r["accuracy_ratio"] for r in ran if r["accuracy_ratio"] is not None}
    qos_s, assumed = _deadline(name, row, usual)
    qos_s = constants["qos.streaming_s"] if streaming and not row["rc_n"] else qos_s
    required = float(paper["required"].value) if paper and accuracy else 0.0
    layers_n = {column: int(row[column]) for column in _NEEDED[:3]}
    return Workload(
        name=name, **layers_n, macs_n=macs_n or 0.0, sent_b=sent_b or 0.0, received_b=received_b or 0.0, qos_s=qos_s,
        accuracy=accuracy, required=required, rows=tuple(ran), basis=weakest(*bases), assumed=assumed,
    )  # fmt: skip


def _deadline(name: str, row: Row, usual: Mapping[bool, float]) -> tuple[float, str]:
    """The deadline that was given, else the paper's of the kind, which is said."""
    if row.get("qos_s") is not None:
        return float(row["qos_s"]), ""
    kind = bool(row["rc_n"])
    if kind not in usual:
        raise UsageError(_unknown(name, ["qos_s"]))
    what = "translation" if kind else "vision"
    said = f"{name}: nobody gave its deadline: {usual[kind] * 1e3:.0f} ms, the paper's of {what}, is assumed (--qos)"
    return usual[kind], said


def _unknown(name: str, columns: Sequence[str]) -> str:
    given = " ".join(f"--given models.{column}@{name}=N" for column in columns)
    return (
        f"the calibration does not say {', '.join(columns)} of {name!r}, which a decision about it needs: say them as "
        f"it is fitted, `edgewatt calibrate RUN... -o FILE {given}`, or name its file: --model FILE.tflite"
    )
