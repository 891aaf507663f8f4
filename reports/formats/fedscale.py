"""FedScale's traces of devices.

Capacity, `{client_id: {"computation": ms per sample of inference, "communication": kbps}}`, and availability,
`{client_id: {"duration", "inactive", "active", "finish_time", "model"}}` in whole seconds: SymbioticLab/FedScale,
benchmark/dataset/data/device_info/README.md. What they mean: fedscale/cloud/internal/client_metadata.py. Clients are
numbered from 0, since fedscale/cloud/aggregation/aggregator.py looks them up by a number modulo their count, and gives
one that is not there 1.0 and 1.0 in silence.
"""

from typing import Any, Final

from edgewatt.reports.formats.fleet import Client, clients_of
from edgewatt.reports.formats.made import Given, Made, refuse_nothing

CAPACITY_NEEDS: Final = (
    "a calibration with times of inferences (or of training steps) and with the rates of a radio, of the same device"
)
AVAILABILITY_NEEDS: Final = "a calibration with the table charge (step interactive), with beginnings and ends"


def capacity(given: Given) -> Made:
    """Who computes and sends how fast; beside the two that are read each entry says what it is of."""
    clients, left_out = clients_of(given)
    refuse_nothing(clients, "fedscale", left_out, CAPACITY_NEEDS)
    entries = {number: _entry(client) for number, client in enumerate(clients)}
    return Made(
        {str(number): entry for number, entry in entries.items()},
        [*left_out, *(f"client {n} is {client.name} ({client.device_id})" for n, client in enumerate(clients))],
        entries,
        any(client.simulated for client in clients),
    )


def _entry(client: Client) -> dict[str, Any]:
    said = {"device": client.device_id, "of": client.how, "workload": client.model, "simulated": client.simulated}
    return {"computation": client.ms_per_sample, "communication": client.kbps, **said}


def availability(given: Given) -> Made:
    """When a client is on a charger, from the first time that any was put on one, until it was last taken off.

    What was before and after is not known, and FedScale begins again at `finish_time`.
    """
    stays: dict[str, list[tuple[float, float]]] = {}
    left_out, simulated, names = [], False, {}
    for calibration in given.calibrations:
        for row in calibration.table("charge").to_pylist():
            device_id = str(row["device_id"])
            device = calibration.head.devices.get(device_id)
            names[device_id] = device.name if device else device_id
            if row["t0_s"] is None or row["t1_s"] is None or row["t1_s"] <= row["t0_s"]:
                left_out.append(f"a charge of {names[device_id]} is left out: its beginning or end is unknown")
                continue
            simulated |= row["basis"] == "simulated" or (device is not None and device.simulated)
            stays.setdefault(device_id, []).append((row["t0_s"], row["t1_s"]))
    refuse_nothing(stays, "fedscale-availability", left_out, AVAILABILITY_NEEDS)
    origin = min(t0 for of in stays.values() for t0, _ in of)
    entries = {n: _trace(sorted(of), origin, names[key]) for n, (key, of) in enumerate(stays.items())}
    named = [f"client {n} is {names[key]} ({key})" for n, key in enumerate(stays)]
    return Made({str(n): entry for n, entry in entries.items()}, [*left_out, *named], entries, simulated)


def _trace(stays: list[tuple[float, float]], origin: float, name: str) -> dict[str, Any]:
    active = [round(t0 - origin) for t0, _ in stays]
    inactive = [round(t1 - origin) for _, t1 in stays]
    finish = max(1, *inactive)
    return {"duration": finish, "inactive": inactive, "finish_time": finish, "active": active, "model": name}
