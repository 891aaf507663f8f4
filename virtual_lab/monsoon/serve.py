"""Meters in real time, for clients of any kind."""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Unpack

from edgewatt.profiler.errors import DeviceError
from edgewatt.virtual_lab.monsoon.feeds import Feed
from edgewatt.virtual_lab.monsoon.lvpm import Lvpm
from edgewatt.virtual_lab.monsoon.pty_line import PtyLine
from edgewatt.virtual_lab.monsoon.setup import How, Log, Setup, Told, assembled, on_usb
from edgewatt.virtual_lab.phone.standing import Standing

PREFIX: Final = "edgewatt-monsoon-"
LOG: Final = "meter.jsonl"
# Measurements that wait for a client over a socket, which is slower than USB: as if its host asked 32 packets ahead.
ASKED_AHEAD: Final = 16 + 32 * 3
_PROCESS: Final = "edgewatt.virtual_lab.monsoon.process"


@dataclass(frozen=True, slots=True)
class MonsoonLab:
    """A meter that answers; `meter` is what its log tells.

    Serial: `path` is its terminal and `link` a name that is still good after it was unplugged. USB: `path` is the
    socket of its port, for `usb.backend_at`.
    """

    path: str
    meter: Told
    link: str = ""

    def to_json(self) -> dict[str, Any]:
        """How to reach it, and what it is."""
        return {**self.meter.about, "log": str(self.meter.path)}


@contextmanager
def lvpm_on_pty(feed: Feed, **how: Unpack[How]) -> Iterator[MonsoonLab]:
    """A serial LVPM on a pseudo-terminal until the end of the block; `how` is in setup.py.

    It is a process of its own, which ends with this one however this one ends; a feed that cannot be sent to another
    process is served by a thread of this one. Raises UsageError, DeviceError.
    """
    words = feed.to_json()
    if words is not None:
        with beside(Setup("lvpm", words, how)) as lab:
            yield lab
        return
    meter = assembled("lvpm", feed, **how)
    with _folder() as folder, _thread(Lvpm(meter), folder):
        yield _lab(folder)


@contextmanager
def usb_on_socket(
    feed: Feed, *, model: str = "hvpm", queue: int = ASKED_AHEAD, **how: Unpack[How]
) -> Iterator[MonsoonLab]:
    """A meter of the model `hvpm` or `lvpm` on USB, as `lvpm_on_pty`, for clients in any process (`backend_at`).

    Raises ValueError for a feed that cannot be sent to another process.
    """
    words = feed.to_json()
    if words is None:
        raise ValueError("this feed lives in this process alone: use usb.backend")
    with beside(Setup(on_usb(model), words, how, queue)) as lab:
        yield lab


@contextmanager
def beside(setup: Setup) -> Iterator[MonsoonLab]:
    """The meter as a process of its own until the end of the block. Raises UsageError, DeviceError."""
    setup.meter()  # what is wrong with it is said here
    with _folder() as folder:
        standing = Standing(_PROCESS, {"setup": asdict(setup), "folder": str(folder), "log": LOG})
        try:
            yield _lab(folder)
        finally:
            standing.end()


@contextmanager
def _folder() -> Iterator[Path]:
    try:
        made_here = tempfile.TemporaryDirectory(prefix=PREFIX)
    except OSError as error:
        raise DeviceError(f"no virtual meter here: {error}") from error
    with made_here as folder:
        yield Path(folder)


def _lab(folder: Path) -> MonsoonLab:
    told = Told(folder / LOG)
    about = told.about
    return MonsoonLab(str(about["monsoon"]).removeprefix("usb:"), told, about.get("link", ""))


@contextmanager
def _thread(lvpm: Lvpm, folder: Path) -> Iterator[None]:
    line = PtyLine(lvpm, folder)
    log = Log(folder / LOG)
    log.begin({"monsoon": line.path, "link": str(line.link)}, lvpm.meter)
    stop, stopping = os.pipe()
    thread = threading.Thread(target=line.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(stopping)
        thread.join()
        os.close(stop)
        log.close()
