"""What Oort is told of clients (SymbioticLab/Oort, oort/oort.py).

`client_info` of its testing selector: `{client_id: [ms per sample of inference, kbps]}`. `duration` of its training
selector: the seconds of one round, as FedScale hands it over (client_manager.py, registerDuration).
"""

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.formats.fedscale import CAPACITY_NEEDS
from edgewatt.reports.formats.fleet import Client, clients_of
from edgewatt.reports.formats.made import Given, Made, refuse_nothing


def client_info(given: Given) -> Made:
    """Speeds by client, numbered from 0 as its list of clients is."""
    clients, left_out = clients_of(given)
    refuse_nothing(clients, "oort", left_out, CAPACITY_NEEDS)
    pairs = {n: [client.ms_per_sample, client.kbps] for n, client in enumerate(clients)}
    return Made({str(n): pair for n, pair in pairs.items()}, [*left_out, *_named(clients)], pairs, _simulated(clients))


def durations(given: Given) -> Made:
    """`{client_id: {"duration": seconds}}` of a round, from measured training steps; `reward` is the selector's own.

    duration = local_steps x step_s + update_b / up + update_b / down.
    """
    steps = given.chosen.local_steps
    if steps is None:
        raise UsageError("--to oort-durations: how many steps does a client train in a round? --local-steps N")
    clients, left_out = clients_of(given)
    known: list[Client] = []
    for client in clients:
        lacks = [what for what, value in (("step_s", client.step_s), ("update_b", client.update_b)) if value is None]
        if lacks:
            left_out.append(f"{client.name} ({client.device_id}) is left out: no {' and no '.join(lacks)} of training")
        else:
            known.append(client)
    refuse_nothing(known, "oort-durations", left_out, f"{CAPACITY_NEEDS}; training_step with step_s and update_b")
    feedbacks = {n: {"duration": _round_s(client, steps)} for n, client in enumerate(known)}
    content = {str(n): feedback for n, feedback in feedbacks.items()}
    return Made(content, [*left_out, *_named(known)], feedbacks, _simulated(known))


def _round_s(client: Client, steps: int) -> float:
    update_b = client.update_b or 0
    return steps * (client.step_s or 0.0) + update_b / client.up_b_per_s + update_b / client.down_b_per_s


def _named(clients: list[Client]) -> list[str]:
    return [f"client {n} is {client.name} ({client.device_id})" for n, client in enumerate(clients)]


def _simulated(clients: list[Client]) -> bool:
    return any(client.simulated for client in clients)
