"""Rounds under Flower's simulation: every device trains in a process of Ray, and the server plays the policy.

A run is the loop's, without its training: the same choices, costs, ledger and joules from the same virtual clock, and
the same weights to float tolerance. What the simulation itself takes is never counted.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from edgewatt.models.federated.engines import loop
from edgewatt.models.federated.engines.flower_offline import by_itself, processes_of, ready, start_ray, stop_ray
from edgewatt.models.federated.engines.flower_waiting import Heeding, in_a_thread
from edgewatt.models.federated.engines.loop import Keeping, Played, Playing, Run
from edgewatt.models.federated.engines.opening import Setup
from edgewatt.models.federated.round import Learner, Policy
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.storage.checked import shown

# Of this machine's clock: how long a device may train before its process is ended and it counts as silent.
PATIENCE_S: Final = 600.0
# A process that is lost is started again, and its message sent once more: the next device would find nobody otherwise.
_PROCESSES: Final = {"num_cpus": 1, "num_gpus": 0.0, "max_restarts": -1, "max_task_retries": 1}


def play(
    policy: Policy,
    of: Setup,
    rounds_n: int,
    keeping: Keeping | None = None,
    watch: Callable[[Played], None] = lambda _played: None,
    *,
    processes: int | None = None,
    patience_s: float = PATIENCE_S,
) -> Run:
    """As the loop's `play`, whose checkpoints it goes on from. `processes` of devices; None: one for each core.

    A device that fails, dies, hangs for `patience_s` or sends what is no update costs its reply alone, and so does one
    whose process lacks memory. Where nothing is trained, nothing is sent: the loop plays. Raises as the loop's, and
    UsageError without Flower or without a loopback interface.
    """
    if of.learner is None:
        return loop.play(policy, of, rounds_n, keeping, watch)
    with by_itself() as folder:
        ready()
        playing = Playing(policy, of, rounds_n, keeping, watch)
        if not playing.is_over:
            _simulated(playing, of.learner, folder, processes or len(os.sched_getaffinity(0)), patience_s)
    return playing.run()


def _simulated(playing: Playing, learner: Learner, folder: Path, processes: int, patience_s: float) -> None:
    """Play what is left."""
    from flwr.serverapp import ServerApp  # noqa: PLC0415  (an extra)
    from flwr.simulation import run_simulation  # noqa: PLC0415

    from edgewatt.models.federated.engines.flower_client import client_app, write_learner  # noqa: PLC0415
    from edgewatt.models.federated.engines.flower_records import record_of  # noqa: PLC0415
    from edgewatt.models.federated.engines.flower_strategy import PolicyStrategy  # noqa: PLC0415

    devices_n = len(playing.of.fleet.kind_of)
    strategy, stop = PolicyStrategy(playing, learner, patience_s), threading.Event()
    write_learner(folder / "learner", learner)
    of_server: list[BaseException] = []
    of_flower: list[BaseException] = []
    of_ray: set[psutil.Process] = set()
    server = ServerApp()

    @server.main()  # type: ignore[untyped-decorator, unused-ignore]
    def main(grid: Any, context: Any) -> None:  # noqa: ARG001
        try:
            strategy.start(
                Heeding(grid, stop),
                record_of(playing.weights),
                num_rounds=playing.rounds_n - len(playing.rounds),
                # Each is ended by its process long before: this is for an engine that is broken.
                timeout=3 * patience_s * (1 + devices_n),
                evaluate_fn=strategy.evaluated,
            )
        except BaseException as error:  # noqa: BLE001  (raised below, where the caller is)
            of_server.append(error)
        finally:
            of_ray.update(processes_of(folder))

    def simulate() -> None:
        try:
            start_ray(folder, processes)
            app = client_app(folder / "learner", patience_s)
            run_simulation(server, app, devices_n, backend_config={"client_resources": dict(_PROCESSES)})
        except BaseException as error:  # noqa: BLE001
            of_flower.append(error)
        finally:
            stop.set()
            stop_ray(folder, of_ray)

    logging.getLogger("flwr").setLevel(logging.CRITICAL)
    in_a_thread(simulate, stop)
    if of_flower:
        raise _named(of_flower[0])
    if of_server:
        raise of_server[0]


def _named(error: BaseException) -> BaseException:
    """An error of Flower's in one line, by what it came from; ours, and an interrupt, as it is."""
    if isinstance(error, EdgewattError) or not isinstance(error, Exception):
        return error
    first: BaseException = error
    while first.__cause__ is not None:
        first = first.__cause__
    why = f"{type(first).__name__}: {shown(str(first))}"
    return EdgewattError(f"Flower's simulation failed ({why}); --engine loop plays without it")
