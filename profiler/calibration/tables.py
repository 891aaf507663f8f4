"""The tables of a calibration: their columns, in SI. A value with an interval has `_low` and `_high` at 95 %.

Every row says its `basis` (measured, published, assumed, simulated) and its `source`: the digests of the runs that it
was fitted from, or where it was published. A value that nobody knows is null.
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
BASES: Final = ("measured", "published", "assumed", "simulated")

_TEXT, _REAL, _COUNT, _BYTES = pa.string(), pa.float64(), pa.int32(), pa.int64()


def _interval(name: str, unit: str) -> dict[str, pa.DataType]:
    """The columns of one value with its 95 % interval."""
    return {f"{name}_{unit}": _REAL, f"{name}_low_{unit}": _REAL, f"{name}_high_{unit}": _REAL}


# What was asked for when a network was executed, as in the tables of a run; what ran beside it, and how warm it was.
_WORK: Final = {
    "model": _TEXT,
    "model_sha256": _TEXT,
    "runtime": _TEXT,
    "target": _TEXT,
    "precision": _TEXT,
    "threads": _COUNT,
    "batch": _COUNT,
    "frequency_hz": _REAL,
    "co_cpu_ratio": _REAL,
    "co_memory_ratio": _REAL,
    "temperature_c": _REAL,
}
_ENERGY: Final = {"energy_source": _TEXT, "energy_boundary": _TEXT}
_ORIGIN: Final = {"basis": _TEXT, "source": _TEXT}

_COLUMNS: Final[Mapping[str, Mapping[str, pa.DataType]]] = {
    # One processing unit at one frequency. Units are called as their channels are: `cpu0`, `cpu4` (a cluster by its
    # first processor), `gpu`, `npu`, `memory`, `base` (all that is there while nothing is executed, awake).
    # on_w: what the first busy core adds for the cluster; busy_w: what each busy core adds; idle_w: of the unit idle at
    # that step, above base, where it can be told apart. A paper's processor as one unit is `cpu`, its cores_n null:
    # busy_w is then of all of it. `device` is all of a device. steps_n: how many steps of frequency the unit has.
    "power": {
        "unit": _TEXT,
        "cores_n": _COUNT,
        "steps_n": _COUNT,
        "frequency_hz": _REAL,
        **_interval("busy", "w"),
        **_interval("on", "w"),
        **_interval("idle", "w"),
        "temperature_c": _REAL,
        "observations_n": _COUNT,
        "residual_w": _REAL,
        **_ENERGY,
    },
    # The whole device while nothing is executed; state: awake, suspended, screen_on.
    "idle": {"state": _TEXT, **_interval("idle", "w"), "temperature_c": _REAL, "observations_n": _COUNT, **_ENERGY},
    # One bin of measured signal strength. Powers are above the idle of the device with the radio on. tail_s and tail_w:
    # how long the radio stays awake after a transfer and what that takes, where it ends in one step; else null.
    "radio": {
        "interface": _TEXT,
        "rssi_low_dbm": _REAL,
        "rssi_high_dbm": _REAL,
        **_interval("send", "w"),
        **_interval("receive", "w"),
        **_interval("radio_idle", "w"),
        "send_b_per_s": _REAL,
        "send_low_b_per_s": _REAL,
        "send_high_b_per_s": _REAL,
        "receive_b_per_s": _REAL,
        "receive_low_b_per_s": _REAL,
        "receive_high_b_per_s": _REAL,
        "rtt_p50_s": _REAL,
        "rtt_p95_s": _REAL,
        **_interval("tail", "s"),
        **_interval("tail", "w"),
        "observations_n": _COUNT,
        **_ENERGY,
    },
    # One size of one exchange with another machine that executes a network.
    "offload": {
        "to": _TEXT,
        "interface": _TEXT,
        "rssi_dbm": _REAL,
        "model": _TEXT,
        "sent_b": _BYTES,
        "received_b": _BYTES,
        **_interval("send", "s"),
        **_interval("remote", "s"),
        **_interval("receive", "s"),
        **_interval("energy", "j"),
        "observations_n": _COUNT,
        **_ENERGY,
    },
    "inference": {
        **_WORK,
        **_interval("latency", "s"),
        "latency_p95_s": _REAL,
        **_interval("energy", "j"),
        "busy_ratio": _REAL,
        "memory_peak_b": _BYTES,
        "accuracy_ratio": _REAL,
        "observations_n": _COUNT,
        **_ENERGY,
    },
    "training_step": {
        **_WORK,
        **_interval("step", "s"),
        "step_p95_s": _REAL,
        **_interval("energy", "j"),
        "memory_peak_b": _BYTES,
        "update_b": _BYTES,
        # Of adapters, where the training loop tells: how many layers from the input on are frozen without a gap, how
        # many at all, the parameters that still train, and what is saved for the backward pass.
        "frozen_prefix_n": _COUNT,
        "frozen_n": _COUNT,
        "trainable_n": _BYTES,
        "activation_b": _BYTES,
        "observations_n": _COUNT,
        **_ENERGY,
    },
    # Latency and power of a network beside a co-runner, over those without one. power_w: the mean power of the whole
    # device while network and co-runner run, less its mean power while the network runs alone.
    "co_runner": {
        "model": _TEXT,
        "target": _TEXT,
        "co_cpu_ratio": _REAL,
        "co_memory_ratio": _REAL,
        **_interval("slowdown", "ratio"),
        **_interval("power", "w"),
        "observations_n": _COUNT,
    },
    # How speed falls while a load goes on, and what heat does: one row per load and room.
    "thermal": {
        "unit": _TEXT,
        "cores_n": _COUNT,
        "ambient_c": _REAL,
        "channel": _TEXT,
        **_interval("resistance", "k_per_w"),
        **_interval("time_constant", "s"),
        "trip_c": _REAL,
        "onset_s": _REAL,
        **_interval("sustained", "ratio"),
        "leakage_w_per_k": _REAL,
        "observations_n": _COUNT,
    },
    # frequency relative to the start, over the time since the load began
    "throttling": {"unit": _TEXT, "cores_n": _COUNT, "t_s": _REAL, "speed_ratio": _REAL, "temperature_c": _REAL},
    "charge": {
        "t0_s": _REAL,
        "t1_s": _REAL,
        "energy_in_j": _REAL,
        "level_from_ratio": _REAL,
        "level_to_ratio": _REAL,
        "plug": _TEXT,
    },
    "frames": {
        "application": _TEXT,
        "rate_hz": _REAL,
        "refresh_hz": _REAL,
        "janks_ratio": _REAL,
        "power_w": _REAL,
        "frames_n": _COUNT,
    },
    "models": {
        "model": _TEXT,
        "model_sha256": _TEXT,
        "precision": _TEXT,
        "conv_n": _COUNT,
        "fc_n": _COUNT,
        "rc_n": _COUNT,
        "macs_n": _BYTES,
        "parameters_n": _BYTES,
        "input_b": _BYTES,
        "output_b": _BYTES,
        "update_b": _BYTES,
        "accuracy_ratio": _REAL,
        "qos_s": _REAL,
    },
    "isp": {
        "device": _TEXT,
        "reference": _TEXT,
        **_interval("gain_r", "ratio"),
        **_interval("gain_g", "ratio"),
        **_interval("gain_b", "ratio"),
        **_interval("gamma", "ratio"),
        "residual_ratio": _REAL,
        "valid_low_ratio": _REAL,
        "valid_high_ratio": _REAL,
        "scenes_n": _COUNT,
    },
    # What a device is in a fleet. tier: high, mid, low; devices_n: how many of it a testbed has; power_ratio: over that
    # of the testbed's fastest device; share_ratio: of a market; free_memory_b: for training.
    "devices": {
        "tier": _TEXT,
        "devices_n": _COUNT,
        "memory_b": _BYTES,
        "free_memory_b": _BYTES,
        "battery_j": _REAL,
        "flop_per_s": _REAL,
        "power_ratio": _REAL,
        "share_ratio": _REAL,
    },
    # What carries or serves the work of devices, and what was emitted to make them (kg of CO2e). component: mobile,
    # access_point, edge_net, edge_dc, core_net, hyper_dc, ...; state: idle, active, send, receive.
    "components": {
        "component": _TEXT,
        "application": _TEXT,
        "state": _TEXT,
        "power_w": _REAL,
        "utilisation_ratio": _REAL,
        "pue_ratio": _REAL,
        "energy_j_per_bit": _REAL,
        "embodied_kg": _REAL,
        "lifetime_s": _REAL,
        "use_ratio": _REAL,
    },
    # Every coefficient of every fit: `fit` names it (power, radio_send, radio_rate, thermal, energy_estimate, ...),
    # `term` the coefficient and `unit` what it is in. valid_*: the range of `over` in which the fit may be used.
    # `of`: what it is a fit of, an interface (wlan0) or a unit (cpu4); its energy by `energy_source`.
    # Over RSSI, radio_send, radio_receive (W) and radio_send_rate, radio_receive_rate (B/s) are
    #     ln(value) = ln_level + ln_slope x (rssi_dbm - pivot)
    # with the terms `ln_level`, `ln_slope`, `pivot`, whose pivot is where the first two do not depend on each other.
    "fits": {
        "fit": _TEXT,
        "of": _TEXT,
        "energy_source": _TEXT,
        "term": _TEXT,
        "unit": _TEXT,
        "value": _REAL,
        "low": _REAL,
        "high": _REAL,
        "over": _TEXT,
        "valid_low": _REAL,
        "valid_high": _REAL,
        "residual": _REAL,
        "residual_unit": _TEXT,
        "df_n": _REAL,
        "observations_n": _COUNT,
        "condition_number": _REAL,
    },
}

# Rows of several devices stand in one calibration (a testbed, a fleet), so each begins with its device. A published or
# assumed row may be of every device: its device_id is null.
TABLES: Final[Mapping[str, pa.Schema]] = {
    name: pa.schema([("device_id", _TEXT), *columns.items(), *_ORIGIN.items()]) for name, columns in _COLUMNS.items()
}
