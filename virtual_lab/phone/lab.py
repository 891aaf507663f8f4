"""A virtual phone on this machine: its tree, its kernel, its adbd; all of it gone when it is closed."""

import contextlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.virtual_lab.adb.banner import IMPLEMENTED, Banner
from edgewatt.virtual_lab.adb.faults import Faults
from edgewatt.virtual_lab.adb.keys import Approve, KeyFormatError
from edgewatt.virtual_lab.adb.server import AdbDevice, serve
from edgewatt.virtual_lab.phone.events import PIPE
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.shell import PhoneShell
from edgewatt.virtual_lab.phone.spinning import PINS
from edgewatt.virtual_lab.phone.standing import Standing
from edgewatt.virtual_lab.phone.tree import Tree, fell, grow
from edgewatt.virtual_lab.phone.truth import TRUTH

PREFIX: Final = "edgewatt-phone-"
_KERNEL: Final = "edgewatt.virtual_lab.phone.kernel"
_SPINNING: Final = "edgewatt.virtual_lab.phone.spinning"
_CLOCKWORK: Final = "edgewatt.virtual_lab.phone.clockwork"
_SHM: Final = "/dev/shm"  # noqa: S108
# For what a client may push (a model, a delegate).
_ROOM_B: Final = 1 << 30
# MAX_PAYLOAD before Android 9 (remembered: 256 KiB), since then 1 MiB.
_OLD_SDK, _OLD_MAXDATA_B, _MAXDATA_B = 28, 256 << 10, 1 << 20


@dataclass(frozen=True, slots=True)
class PhoneLab:
    """A phone that answers: its adbd, its tree, its faults, and its truth so far."""

    phone: Personality
    seed: int
    tree: Tree
    adb: AdbDevice

    @property
    def truth(self) -> Path:
        """The log of what really happens; truth.py reads it."""
        return self.tree.lab / TRUTH

    def to_json(self) -> dict[str, Any]:
        """How to reach it."""
        return {
            "adb": self.adb.serial,
            "simulated": True,
            "personality": self.phone.name,
            "title": self.phone.title,
            "seed": self.seed,
            **self.tree.where(),
            "benchmark_model": str(self.tree.launcher),
            "truth": str(self.truth),
        }


@contextmanager
def phone_lab(
    name: str, quirks: Sequence[str] = (), *, seed: int = 0, approve: Approve = "auto", port: int = 0
) -> Iterator[PhoneLab]:
    """A phone of that personality until the end of the block.

    Raises UsageError for a personality, quirk or file of keys that is none, DeviceError if this machine cannot have it.
    """
    phone = personality(name, quirks)
    origin_ns = time.monotonic_ns()
    faults = Faults()
    with contextlib.ExitStack() as stack:
        try:
            root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_memory())).resolve()
            stack.callback(fell, Tree(root))
            root.chmod(0o755)
            tree = grow(root, phone, seed)
            _show_sync_the_whole(tree)
            for pipe in (PIPE, PINS):
                os.mkfifo(tree.lab / pipe)
                # Held open: who writes into it never waits for a reader.
                stack.callback(os.close, os.open(tree.lab / pipe, os.O_RDWR | os.O_NONBLOCK))
            was = {"personality": name, "quirks": list(quirks), "seed": seed, "origin_ns": origin_ns}
            (tree.lab / TRUTH).write_text(json.dumps(was) + "\n")
            for module, more in ((_CLOCKWORK, _clock(phone, tree)), (_KERNEL, {}), (_SPINNING, {})):
                stack.callback(Standing(module, {**was, **more, "root": str(root)}).end)
            adb = stack.enter_context(serve(_banner(phone), PhoneShell(tree), root, approve, faults, port))
        except KeyFormatError as error:
            raise UsageError(str(error)) from None
        except OSError as error:
            raise DeviceError(f"no virtual phone here: {error}") from error
        stop = threading.Event()
        stack.callback(stop.set)
        for after_s, what in _planned(phone, faults, origin_ns):
            threading.Thread(target=_later, args=(stop, after_s, what), daemon=True).start()
        yield PhoneLab(phone, seed, tree, adb)


def _memory() -> str | None:
    """A folder that is no disk, whose files are written in microseconds; None: the usual one for temporary files."""
    try:
        found = os.statvfs(_SHM)
    except OSError:
        return None
    has_room = found.f_bavail * found.f_frsize > _ROOM_B and os.access(_SHM, os.W_OK)
    return _SHM if has_room and not found.f_flag & os.ST_NOEXEC else None


def _show_sync_the_whole(tree: Tree) -> None:
    """Sync shows the tree as the whole of a phone; a path that begins with the tree's own name is to mean the same."""
    own = tree.root / tree.root.relative_to("/")
    own.parent.mkdir(parents=True, exist_ok=True)
    own.symlink_to(tree.root)


def _clock(phone: Personality, tree: Tree) -> dict[str, Any]:
    """What the clockwork has to know."""
    return {
        "offset_ns": round(phone.clock_offset_s * NS_PER_S),
        "drift_ppm": phone.clock_drift_ppm,
        "cpus": phone.cpus,
        "log": str(tree.lab / TRUTH),
    }


def _banner(phone: Personality) -> Banner:
    features = IMPLEMENTED if phone.shell_v2 else ()
    maxdata_b = _MAXDATA_B if phone.sdk >= _OLD_SDK else _OLD_MAXDATA_B
    return Banner(phone.device, phone.model, phone.device, features=features, maxdata_b=maxdata_b)


def _planned(phone: Personality, faults: Faults, origin_ns: int) -> Iterator[tuple[float, Any]]:
    """What goes wrong by itself, and when, in seconds from now."""
    gone_s = (time.monotonic_ns() - origin_ns) / NS_PER_S
    if phone.disk_b > 0:
        faults.full_disk(phone.disk_b)
    if phone.late_s > 0:
        faults.late(phone.late_s)
    if phone.bytes_per_s > 0:
        faults.slow(phone.bytes_per_s)
    if phone.denied:
        faults.deny(*(f"/{pattern.rstrip('*')}" for pattern in phone.denied))
    if phone.cut_after_s > 0:
        yield phone.cut_after_s - gone_s, faults.cut
    if phone.stall_after_s > 0:
        yield phone.stall_after_s - gone_s, lambda: faults.stall(phone.stall_s)
    if phone.suspend_after_s > 0:
        yield phone.suspend_after_s - gone_s, lambda: faults.stall(phone.suspend_s)


def _later(stop: threading.Event, after_s: float, what: Any) -> None:
    if not stop.wait(max(after_s, 0.0)):
        what()
