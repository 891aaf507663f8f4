"""What a task takes and emits wherever and whenever it is done.

    CF = sum over phone, access, edge, core, cloud of  E x supply x CI(t)  +  T x embodied per second of use
On the phone, with c the co-runner's share: t = phone_s (1 + k c). Elsewhere, with S the signal and u the server's load:
    latency = sent / rate(S) + received / rate(S) + round trip + server_s (1 + q u / (1 - u))
    a server's user draws (peak - idle) / slots + idle / (slots u)
docs/greenscale.md says where each is from.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.greenscale.constants import ACCESS, CLOUD, CORE, EDGE, PHONE
from edgewatt.models.greenscale.intensities import Hours
from edgewatt.models.greenscale.machines import Machines, Server
from edgewatt.models.greenscale.scenarios import Moments, Scenario
from edgewatt.models.greenscale.tasks import App
from edgewatt.models.scheduling.signal import RECEIVE_B_PER_S, RECEIVE_W, SEND_B_PER_S, SEND_W

Reals = NDArray[np.float64]
PLACES: Final = ("phone", "edge", "cloud")
ON_PHONE, AT_EDGE, IN_CLOUD = range(3)


@dataclass(frozen=True, slots=True)
class Costs:
    """[n, 3, slots] of each task at each place, begun so many hours later; parts [n, 3, slots, 5] by component.

    `energy_j` is drawn from the grid for all components, `phone_j` from the phone's battery. kg of CO2e. `lateness` is
    latency over its deadline, or what is busiest over a stream's period if that is more: below 1 it is in time.
    """

    latency_s: Reals
    phone_j: Reals
    energy_j: Reals
    operational_kg: Reals
    embodied_kg: Reals
    lateness: Reals

    @property
    def in_time(self) -> NDArray[np.bool_]:
        """Whether it is."""
        return np.asarray(self.lateness < 1)

    @property
    def kg(self) -> Reals:
        """All that is emitted."""
        return np.asarray((self.operational_kg + self.embodied_kg).sum(axis=-1))


def costs(app: App, scenario: Scenario, machines: Machines, hours: Hours, of: Moments) -> Costs:
    """What each task of `of` takes. A stream keeps the phone on for its period, and has to keep up with it."""
    n, slots_n = of.signal_dbm.shape
    shape = (n, 3, slots_n)
    latency_s, busy_s = np.zeros(shape), np.zeros(shape)
    joules, seconds = np.zeros((*shape, 5)), np.zeros((*shape, 5))
    local_s = app.phone_s * (1 + machines.of_cpu * of.co_cpu) * np.exp(machines.local_noise * of.noise[..., 0])
    on_s = np.maximum(local_s, app.period_s)
    latency_s[:, ON_PHONE] = busy_s[:, ON_PHONE] = local_s
    joules[:, ON_PHONE, :, PHONE] = machines.idle_w * on_s + app.phone_w * local_s
    seconds[:, ON_PHONE, :, PHONE] = on_s
    at = machines.radio.values[:, np.rint(of.signal_dbm - machines.radio.lowest_dbm).astype(np.intp)]
    jitter = np.exp(machines.network_noise * of.noise[..., 1])
    send_s, receive_s = app.sent_b / at[SEND_B_PER_S] * jitter, app.received_b / at[RECEIVE_B_PER_S] * jitter
    travel_s, travel_b = send_s + receive_s, app.sent_b + app.received_b
    for place, component, server, server_s in (
        (AT_EDGE, EDGE, machines.edge, app.edge_s),
        (IN_CLOUD, CLOUD, machines.cloud, app.cloud_s),
    ):
        latency = travel_s + machines.radio.rtt_s + server.rtt_s + server_s * _queued(server, of.load)
        latency_s[:, place], busy_s[:, place] = latency, np.maximum(travel_s, server_s)
        waits_s = np.full_like(latency, app.period_s) if app.period_s else latency
        radio_j = at[SEND_W] * send_s + at[RECEIVE_W] * receive_s + machines.radio.tail_s * machines.radio.tail_w
        joules[:, place, :, PHONE] = machines.idle_w * waits_s + radio_j + app.decode_j
        seconds[:, place, :, PHONE] = waits_s
        joules[:, place, :, component] = _user_w(server, of.load) * server_s
        seconds[:, place, :, component] = server_s / server.slots_n
        web = scenario.network == "web"
        joules[:, place, :, ACCESS] = machines.web_j_per_b[0] * travel_b if web else machines.access_w * travel_s
        seconds[:, place, :, ACCESS] = travel_s
        if place == IN_CLOUD:
            joules[:, place, :, CORE] = travel_b * (machines.web_j_per_b[1] if web else machines.core_j_per_b)
            seconds[:, place, :, CORE] = travel_s
    drawn_j = joules * machines.supply
    lateness = latency_s / app.deadline_s
    if app.period_s:
        lateness = np.maximum(lateness, busy_s / app.period_s)
    return Costs(
        latency_s, joules[..., PHONE], drawn_j.sum(axis=-1), drawn_j * _intensity(hours, of)[:, None],
        seconds * _embodied(scenario, machines), lateness,
    )  # fmt: skip


def _queued(server: Server, load: Reals) -> Reals:
    return np.asarray(1 + server.queue_ratio * load / (1 - load))


def _user_w(server: Server, load: Reals) -> Reals:
    """Watts of one user: of what works, and a share of what is on anyhow."""
    return np.asarray(((server.peak_w - server.idle_w) + server.idle_w / load) / server.slots_n)


def _intensity(hours: Hours, of: Moments) -> Reals:
    """kg/J of each component [n, slots, 5]."""
    when = of.hour[:, None] + np.arange(of.signal_dbm.shape[1])
    home = hours.home[when]
    return np.stack([hours.phone[when], home, home, home, hours.cloud[when]], axis=-1)


def _embodied(scenario: Scenario, machines: Machines) -> Reals:
    """Kg per second of use [5], as the scenario counts it."""
    found = machines.embodied_kg_per_s.copy()
    if scenario.embodied == "phone-lca":
        found[PHONE] = machines.lca_kg_per_s
    return found if scenario.embodied != "none" else np.zeros(5)
