"""Loads on this machine: a program of its own for each, which ends with edgewatt."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.generic.sysfs import read_text
from edgewatt.collectors.host import load_program
from edgewatt.collectors.host.conditions.system import Here
from edgewatt.collectors.host.load_clusters import CANDIDATES, clusters_in, why_unpinned
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.host.wireless import SIGNALS, signal_dbm
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.checking import check, server_of
from edgewatt.profiler.collecting.exchanges import exchanged
from edgewatt.profiler.collecting.load import Load, Ran
from edgewatt.profiler.collecting.offers import Cluster, LoadStopped, Offers
from edgewatt.profiler.errors import DeviceError

# Between a stamp and the load that it stands for lies a look at the clock; assumed, as of pulses.py.
BOUND_NS: Final = 50_000
# What an interpreter may take to start and end.
_BESIDE_S: Final = 25.0
_LIMIT_B: Final = 1 << 14


class HostLoads:
    """The Loads of this machine; see Offering."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped: set[int] = set()

    def __call__(self, load: Load) -> Ran:
        """See Loads. Raises UsageError for a load that is none, LoadStopped after `stop`."""
        check(load)
        before = self._signal_dbm() if load.address else None
        told = self._executed(load)
        try:
            spans = [(int(begin), int(end)) for begin, end in told["spans"]]
            seen = _seen(load, told)
            t0_ns, t1_ns = max(begin for begin, _ in spans), min(end for _, end in spans)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise DeviceError(f"a load ({load.kind}) on this machine said what is none of it: {error}") from None
        if load.address:
            seen |= {"rssi_dbm": [before, self._signal_dbm()]}
        return Ran(t0_ns, t1_ns, BOUND_NS, seen)

    def offers(self) -> Offers:
        """See Offering."""
        if not hasattr(os, "sched_setaffinity"):
            why = Unavailable("loads of clusters", "this system binds no process to one processor", "use Linux")
            return Offers((Cluster("cpu0", tuple(range(os.cpu_count() or 1))),), {"cpu": why})
        allowed = os.sched_getaffinity(0)
        here = Here(self._places)
        found = clusters_in(here.read(CANDIDATES)) or (Cluster("cpu0", tuple(sorted(allowed))),)
        mine = (
            Cluster(one.unit, tuple(cpu for cpu in one.cpus if cpu in allowed), one.steps_hz, one.policies)
            for one in found
        )
        return Offers(tuple(one for one in mine if one.cpus), unpinned=why_unpinned(here))

    def stop(self) -> None:
        """See Offering."""
        with self._lock:
            for process in self._running:
                self._stopped.add(process.pid)
                process.kill()

    def _executed(self, load: Load) -> dict[str, Any]:
        asked: dict[str, Any] = {
            key: getattr(load, key)
            for key in ("kind", "seconds", "cpus", "duty_ratio", "memory_b", "sent_b", "received_b", "remote_s")
        }
        if load.address:
            asked["address"] = server_of(load.address)
        argv = [sys.executable, "-I", "-S", str(Path(load_program.__file__)), json.dumps(asked)]
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceError(f"a load ({load.kind}) cannot be started: {error}") from None
        with self._lock:
            self._running.add(process)
        try:
            return self._answer(process, load)
        finally:
            with self._lock:
                self._running.discard(process)
                self._stopped.discard(process.pid)
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def _answer(self, process: subprocess.Popen[bytes], load: Load) -> dict[str, Any]:
        """What the program said; its input stays open until then."""
        stdin, process.stdin = process.stdin, None
        try:
            said, complaint = process.communicate(timeout=load.seconds + _BESIDE_S)
        except subprocess.TimeoutExpired:
            raise DeviceError(
                f"a load of {load.seconds:g} s ({load.kind}) has not ended {_BESIDE_S:g} s after it should have"
            ) from None
        finally:
            if stdin is not None:
                stdin.close()
        if process.pid in self._stopped:
            raise LoadStopped(f"a load ({load.kind}) was stopped before its time")
        try:
            told: dict[str, Any] = json.loads(said)
        except ValueError:
            lines = complaint.decode(errors="replace").strip().splitlines()
            server = f"; is there a server at {load.address}?" if load.address else ""
            why = lines[-1][:200] if lines else "it said nothing"
            raise DeviceError(f"a load ({load.kind}) failed: {why}{server}") from None
        return told

    def _signal_dbm(self) -> float | None:
        return signal_dbm(read_text(self._places.proc / SIGNALS, _LIMIT_B) or "")


def _seen(load: Load, told: dict[str, Any]) -> dict[str, Any]:
    said = dict(told["seen"])
    if "exchanges" in said:
        return exchanged([tuple(int(n) for n in one) for one in said["exchanges"]], load, int(said["count"]))
    loops = told["loops"]
    seen: dict[str, Any] = {**said, **({"loops": loops} if any(loops) else {})}
    if load.kind == "memory" and any(loops):
        seen["copied_b"] = sum(loops) * min(load.memory_b, 1 << 20)
    if told["unbound"]:
        seen["reasons"] = [f"not_bound:cpu{cpu}" for cpu in told["unbound"]]
    return seen
