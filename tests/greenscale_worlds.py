"""Calibrations and worlds for the tests of GreenScale, written by us: no value in them is of a real phone."""

from typing import Any

from edgewatt.models.greenscale.constants import greenscale_constants
from edgewatt.models.greenscale.facing import Asked, Built
from edgewatt.models.greenscale.intensities import Period, synthetic_period
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.rows import Rows
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, Head

CONSTANTS = greenscale_constants()
YEAR = synthetic_period(0)


def calibration(**tables: list[dict[str, Any]]) -> Calibration:
    """Rows of the phone `p`, as if they were measured."""
    origin = {"device_id": "p", "basis": "measured", "source": "a run"}
    head = Head(created="2026", devices={"p": CalibratedDevice("a phone")})
    return calibration_of_rows(head, {name: [{**origin, **row} for row in rows] for name, rows in tables.items()})


def own_phone(*, scale: float = 1.0, **more: list[dict[str, Any]]) -> Calibration:
    """A phone with an idle power, and one network at two frequencies; `scale` of its joules."""
    network = {"model": "net", "target": "cpu", "precision": "fp32"}
    tables = {
        "idle": [{"state": "awake", "idle_w": 0.5}],
        "inference": [
            {**network, "frequency_hz": 2e9, "latency_s": 0.030, "energy_j": 0.09 * scale},
            {**network, "frequency_hz": 1e9, "latency_s": 0.058, "energy_j": 0.075 * scale},
        ],
        "models": [{"model": "net", "input_b": 40_000, "output_b": 500, "qos_s": 0.05}],
    }
    return calibration(**{**tables, **more})


def asked(of: Calibration | None = None, **named: str) -> Asked:
    """The phone `p` of a calibration; of one without rows, if None."""
    return Asked(Rows(of or calibration(), "p"), CONSTANTS, named)


def built(of: Asked | None = None, draw: Draw | None = None, period: Period = YEAR) -> Built:
    """A world as stated."""
    return Built(of or asked(), draw or Draw(), period)
