"""The world in which a network is executed: what each choice takes in seconds and joules, and how accurate it is.

Equations (docs/autoscale.md gives their sources). On the phone, with c and m the co-runner's share of CPU and memory:
    latency = rest x (1 + k_c c + k_m m) / max(1 - s max(0, T - trip), least)
    energy = (idle + busy (1 + l (T - T_0))) x latency
Elsewhere, with S the signal:
    latency = (sent / rate_TX(S) + received / rate_RX(S)) x (1 + k_c c + k_m m) + round trip + service + remote
    energy  = P_TX(S) t_TX + P_RX(S) t_RX + tail + idle x latency
    of everything: + remote watts x remote + idle of the other
Temperature, where a calibration has its course: T' = T + (around + R P - T) (1 - exp(-period / constant)).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.signal import P2P, RECEIVE_B_PER_S, RECEIVE_W, SEND_B_PER_S, SEND_W, WLAN
from edgewatt.models.scheduling.workloads import Workload

Reals = NDArray[np.float64]
Indices = NDArray[np.intp]
PHONE, EDGE, CLOUD = "phone", "edge", "cloud"


@dataclass(frozen=True, slots=True)
class Action:
    """Where a network is executed, on what, in which precision; at which step of frequency (rising from 0)."""

    place: str
    unit: str
    precision: str
    step: int = 0
    frequency_hz: float | None = None

    @property
    def target(self) -> str:
        """What is chosen, whatever its frequency: `cpu fp32`, `edge gpu fp16`."""
        return " ".join(part for part in (self.place.replace(PHONE, ""), self.unit, self.precision) if part)

    def __str__(self) -> str:
        """The target with its frequency."""
        return self.target if self.frequency_hz is None else f"{self.target} {self.frequency_hz / 1e6:.0f} MHz"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is around an inference, arrays of one shape: shares of a co-runner, dBm of both radios, degrees C."""

    co_cpu: Reals
    co_memory: Reals
    wlan_dbm: Reals
    p2p_dbm: Reals
    temperature_c: Reals

    def __getitem__(self, chosen: Any) -> "Conditions":
        """Some of them."""
        return Conditions(
            self.co_cpu[chosen],
            self.co_memory[chosen],
            self.wlan_dbm[chosen],
            self.p2p_dbm[chosen],
            self.temperature_c[chosen],
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an inference took: seconds, joules of the phone, joules of everything, accuracy in percent."""

    latency_s: Reals
    energy_j: Reals
    all_energy_j: Reals
    accuracy: Reals


@dataclass(frozen=True, slots=True)
class World:
    """One or several environments (E) of the same choices (A) and networks (M).

    [E, M, A]: `rest_s` of the computation alone, `busy_w` of the phone above idle, `spread` of ln(seconds); of what
    travels `sent_b`, `received_b` (as many as take as long at the radio's rates), `radio_ratio` of its joules;
    `service_s` of the round trip and the other machine. [E, A]: `of_cpu`, `of_memory`, and of the other machine
    `remote_w`, `remote_idle_w`; `tail_j` of the radio after an exchange. [E]: `idle_w`. [E, radio, quantity, dB]:
    `signal`. [E, 5]: `heat` (law of heat.py), [E, 3]: `course`. The same for all: `valid`, `accuracy` [M, A],
    `required`, `qos_s` [M], `is_remote`, `radio` [A]; `basis` [M, A] is the weakest word of what a cell was made from.
    """

    device_id: str
    actions: tuple[Action, ...]
    workloads: tuple[Workload, ...]
    rest_s: Reals
    busy_w: Reals
    remote_w: Reals
    remote_idle_w: Reals
    service_s: Reals
    of_cpu: Reals
    of_memory: Reals
    idle_w: Reals
    sent_b: Reals
    received_b: Reals
    radio_ratio: Reals
    tail_j: Reals
    signal: Reals
    lowest_dbm: float
    heat: Reals
    course: Reals
    valid: NDArray[np.bool_]
    accuracy: Reals
    required: Reals
    qos_s: Reals
    is_remote: NDArray[np.bool_]
    radio: Indices
    spread: Reals
    basis: NDArray[np.str_]
    notes: tuple[str, ...] = ()

    @property
    def environments_n(self) -> int:
        """How many environments there are."""
        return len(self.idle_w)

    def one(self, e: int) -> "World":
        """One of the environments."""
        return replace(self, **{name: getattr(self, name)[e : e + 1] for name in _BY_ENVIRONMENT})

    def outcome(self, e: Any, m: Any, a: Any, around: Conditions, noise: Any = 0.0) -> Outcome:
        """What it takes to execute network `m` by choice `a` in environment `e`; indices and conditions broadcast.

        `noise` is standard normal, 0 for what is expected (the median: times are log-normal). Signals are within what
        the world has: from `lowest_dbm` on, as many dB as `signal` has.
        """
        slower = 1 + self.of_cpu[e, a] * around.co_cpu + self.of_memory[e, a] * around.co_memory
        jitter = np.exp(self.spread[e, m, a] * noise)
        remote, radio = self.is_remote[a], self.radio[a]
        rest_s, busy_w, idle_w = self.rest_s[e, m, a], self.busy_w[e, m, a], self.idle_w[e]
        hot = self.heat[e, 1] * np.maximum(around.temperature_c - self.heat[e, 0], 0.0)
        local_s = rest_s * slower * jitter / np.maximum(1 - hot, self.heat[e, 4])
        leaks = 1 + self.heat[e, 3] * (around.temperature_c - self.heat[e, 2])
        dbm = np.where(radio == P2P, around.p2p_dbm, around.wlan_dbm)
        place = np.rint(dbm - self.lowest_dbm).astype(np.intp)
        at = self.signal[e, radio, :, place]
        send_s = self.sent_b[e, m, a] / at[..., SEND_B_PER_S] * slower * jitter
        receive_s = self.received_b[e, m, a] / at[..., RECEIVE_B_PER_S] * slower * jitter
        far_s = send_s + receive_s + self.service_s[e, m, a] + rest_s
        latency_s = np.where(remote, far_s, local_s)
        radio_j = (at[..., SEND_W] * send_s + at[..., RECEIVE_W] * receive_s) * self.radio_ratio[e, m, a]
        phone_j = np.where(remote, radio_j + self.tail_j[e, a], busy_w * leaks * local_s) + idle_w * latency_s
        others_j = np.where(remote, self.remote_w[e, a] * rest_s + self.remote_idle_w[e, a] * far_s, 0.0)
        return Outcome(latency_s, phone_j, phone_j + others_j, self.accuracy[m, a])

    def expected(self, e: Any, m: Any, a: Any, around: Conditions) -> Outcome:
        """The mean of what it takes: linear in the noise's factor, whose mean is exp(s^2 / 2)."""
        return self.outcome(e, m, a, around, self.spread[e, m, a] / 2)

    @property
    def warms(self) -> bool:
        """Whether temperature follows what is executed, instead of what a scenario draws."""
        return bool((self.course[:, 0] > 0).any())

    def temperature_c(self, e: Any, power_w: Any) -> Reals:
        """The temperature that a power of the phone ends at."""
        return np.asarray(self.course[e, 2] + self.course[e, 0] * power_w)

    def warmer(self, e: Any, m: Any, temperature_c: Reals, of: Outcome) -> tuple[Reals, Reals]:
        """The temperature after an inference, and the mean watts until the next, which begins as the deadline ends."""
        period_s = np.maximum(of.latency_s, self.qos_s[m])
        power_w = (of.energy_j + self.idle_w[e] * (period_s - of.latency_s)) / period_s
        left = np.exp(-period_s / self.course[e, 1])
        end = self.temperature_c(e, power_w)
        return end + (temperature_c - end) * left, np.asarray(power_w)


_BY_ENVIRONMENT: Final = (
    "rest_s", "busy_w", "remote_w", "remote_idle_w", "service_s", "of_cpu", "of_memory", "idle_w", "sent_b",
    "received_b", "radio_ratio", "tail_j", "signal", "heat", "course", "spread",
)  # fmt: skip


def stacked(worlds: Sequence[World]) -> World:
    """Environments beside each other. They must be of one device and calibration."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(world, name) for world in worlds]) for name in _BY_ENVIRONMENT
    }
    return replace(worlds[0], **columns)


RADIO_OF: Final = {PHONE: WLAN, EDGE: P2P, CLOUD: WLAN}
