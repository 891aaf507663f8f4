"""Flower and Ray kept to themselves: nothing leaves the machine, listens beyond loopback, stays, or is printed."""

import gc
import logging
import os
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO, cast

import psutil

from edgewatt.models.federated.engines.flower_waiting import THREAD
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.storage.checked import shown

VERSION: Final = "1.41.0"
LOOPBACK: Final = "127.0.0.1"
TRIES: Final = 5
# For messages on their way; Ray spills more to disk.
STORE_B: Final = 200 << 20
# Ray makes sockets in its folder, whose paths may have 107 bytes; it adds 64.
ROOM_FOR_RAY: Final = 40
# Both are read as the packages are imported.
QUIET: Final = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray resolves 127.0.0.1 to an address that others reach, but not where it believes itself without clusters.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # What a FutureWarning of Ray asks for, about accelerators that nothing here uses.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Workers start when they are needed: Ray itself has to start within 30 s.
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}


@dataclass(frozen=True, slots=True)
class _WithoutRay:
    """Standard output, but for what Ray tells of processes that were lost, in threads of its own and as it ends.

    The study says it, and what is printed may be one JSON object.
    """

    to: TextIO

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name.startswith(("ray_", THREAD)) else self.to.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.to, name)


@contextmanager
def by_itself() -> Iterator[Path]:
    """A folder for the state of both, while they are used; the environment of this process is put back afterwards.

    Raises UsageError without a loopback interface.
    """
    refuse_without_loopback()
    before = dict(os.environ)
    logger = logging.getLogger("flwr")
    level = logger.level
    with tempfile.TemporaryDirectory(prefix="edgewatt-", dir=_short(), ignore_cleanup_errors=True) as folder:
        # The processes of devices find what this one can import.
        os.environ.update(QUIET, FLWR_HOME=str(Path(folder) / "flwr"), PYTHONPATH=os.pathsep.join(sys.path))
        try:
            with redirect_stdout(cast("TextIO", _WithoutRay(sys.stdout))), warnings.catch_warnings():
                warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(click|flwr|ray|typer)\b")
                # Ray leaves its children's output and its children unclosed.
                warnings.simplefilter("ignore", ResourceWarning)
                yield Path(folder)
                gc.collect()
        finally:
            logger.setLevel(level)
            os.environ.clear()
            os.environ.update(before)


def refuse_without_loopback(address: str = LOOPBACK) -> None:
    """Raise UsageError where Ray would wait for ever for its own processes."""
    try:
        with socket.create_server((address, 0)) as listening:
            socket.create_connection(listening.getsockname(), timeout=5).close()
    except OSError as error:
        raise UsageError(
            f"--engine flower: Ray's processes talk over {address}, which does not work here "
            f"({error.strerror or error}); bring the interface up (ip link set lo up), or take --engine loop"
        ) from None


def ready() -> None:
    """Import both, also switched off where they had been imported before.

    Raises UsageError where one is not there, or Flower is of a version whose interface may be another.
    """
    try:
        import flwr  # noqa: PLC0415  (an extra)
        from flwr.supercore import telemetry  # noqa: PLC0415
        from ray._private import ray_constants  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            f"--engine flower: {error.name} is not installed; pip install 'edgewatt[federated]', or --engine loop"
        ) from None
    if (found := flwr.__version__) != VERSION:
        raise UsageError(
            f"--engine flower works with flwr {VERSION}, and {found} is installed; pip install 'edgewatt[federated]'"
        )
    telemetry.FLWR_TELEMETRY_ENABLED = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False


def start_ray(folder: Path, processes: int) -> None:
    """Ray with so many processes, its files in `folder`. Raises EdgewattError where it does not start.

    Ray gives its own processes 30 s, which are too few on a machine that is very busy: it is started again.
    """
    import ray  # noqa: PLC0415  (an extra)

    for number in range(TRIES):
        try:
            ray.init(
                num_cpus=processes,
                num_gpus=0,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                object_store_memory=STORE_B,
                _node_ip_address=LOOPBACK,
                _temp_dir=str(folder / f"ray{number}"),
            )
        except Exception as error:  # noqa: BLE001  (Ray raises plain ones)
            stop_ray(folder)
            why = f"{type(error).__name__}: {shown(str(error))}"
        else:
            return
    raise EdgewattError(
        f"--engine flower: Ray did not start in {TRIES} tries ({why}); is the machine very busy, or out of memory or "
        "of room for temporary files? --engine loop plays without it"
    )


def stop_ray(folder: Path, also: Iterable[psutil.Process] = ()) -> None:
    """End Ray, and at once those of its processes that would end by themselves: they would write into `folder`.

    `also`: what `processes_of` gave while Ray ran, for Flower may have ended its head since.
    """
    import ray  # noqa: PLC0415  (an extra)

    before = {*also, *processes_of(folder)}
    ray.shutdown()
    left = before | processes_of(folder)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def processes_of(folder: Path) -> set[psutil.Process]:
    """Processes whose command names `folder`, and their children: no others have a reason to."""
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        if process.pid != os.getpid() and str(folder) in " ".join(process.info["cmdline"] or ()):
            found.add(process)
            with suppress(psutil.Error):
                found.update(process.children(recursive=True))
    return found


def _short() -> str | None:
    """A place for temporary folders whose path leaves room for Ray's sockets."""
    return None if len(tempfile.gettempdir()) <= ROOM_FOR_RAY else "/tmp"  # noqa: S108
