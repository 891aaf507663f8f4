"""Calibrations and worlds for the tests of scheduling, written by us: no value in them is of a real phone."""

from typing import Any

from edgewatt.device_profiles.published import published
from edgewatt.models.scheduling.building import Asked
from edgewatt.models.scheduling.constants import constants_of
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, Head

CONSTANTS = constants_of("autoscale")
PUBLISHED = published("autoscale")
ORIGIN = {"device_id": "p", "basis": "measured", "source": "a run"}
LAYERS = {
    "conv_n": 35,
    "fc_n": 1,
    "rc_n": 0,
    "macs_n": 300_000_000,
    "input_b": 150_528,
    "output_b": 4000,
    "qos_s": 0.05,
}


def as_published(device_id: str = "mi8pro", *, streaming: bool = False) -> Asked:
    """A phone of the paper's testbed as published."""
    return Asked(PUBLISHED, PUBLISHED, device_id, CONSTANTS, streaming)


def measured(calibration: Calibration) -> Asked:
    """The phone `p` of a calibration."""
    return Asked(calibration, PUBLISHED, "p", CONSTANTS)


def calibration(**tables: list[dict[str, Any]]) -> Calibration:
    """Rows of the phone `p`, as if they were measured."""
    head = Head(created="2026", devices={"p": CalibratedDevice("a phone")})
    return calibration_of_rows(head, {name: [{**ORIGIN, **row} for row in rows] for name, rows in tables.items()})


def inference(frequency_hz: float | None, latency_s: float, **more: Any) -> dict[str, Any]:
    """One inference of `net` on the CPU in FP32."""
    row = {"model": "net", "target": "cpu", "precision": "fp32", "frequency_hz": frequency_hz, "latency_s": latency_s}
    return {**row, **more}


def core(frequency_hz: float, busy_w: float) -> dict[str, Any]:
    """One step of a cluster of two cores."""
    return {"unit": "cpu4", "cores_n": 2, "frequency_hz": frequency_hz, "busy_w": busy_w, "on_w": 0.1}


def own_phone(*, scale: float = 1.0, **more: list[dict[str, Any]]) -> Calibration:
    """A phone with two steps of its CPU, one network, and nothing else; `scale` of its watts and joules."""
    tables = {
        "power": [core(1e9, 0.4 * scale), core(2e9, 1.2 * scale)],
        "idle": [{"state": "awake", "idle_w": 0.5}],
        "inference": [inference(2e9, 0.030, energy_j=0.09 * scale), inference(1e9, 0.058, energy_j=0.075 * scale)],
        "models": [{"model": "net", **LAYERS}],
    }
    return calibration(**{**tables, **more})
