"""The process that is a phone: namespaces, mounts, adbd, a kernel and the relay. Started by `running`, not by hand.

    python -m tests.adbd.stage LISTENER CONTROL OPTIONS

LISTENER and CONTROL are inherited sockets; OPTIONS is JSON (`Options`). One JSON object per line comes and goes over
CONTROL: {"do": NAME, ...} and {"ok": ...}, {"error": ...} or {"unavailable": ...}. The phone ends when CONTROL ends.
"""

import errno
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.adbd import kernel, namespace, tree
from tests.adbd.packages import Unavailable
from tests.adbd.personality import Denied, Failing, Hanging
from tests.adbd.phones import PERSONALITIES
from tests.adbd.relay import Relay

ADBD: Final = "/usr/lib/android-sdk/platform-tools/adbd"
PORT: Final = 5555  # in the phone's own network
UP_S: Final = 15.0
ENVIRONMENT: Final = {
    "ADBD_PORT": str(PORT),
    "PATH": "/product/bin:/system_ext/bin:/system/bin:/system/xbin:/vendor/bin",
    "HOME": "/",
    "TMPDIR": "/data/local/tmp",
    "ANDROID_ROOT": "/system",
    "ANDROID_DATA": "/data",
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a phone is started with. `mountpoint` is an empty folder outside, `packages` the unpacked ones."""

    personality: str
    packages: str
    mountpoint: str
    tmp_size_b: int = 0
    alive: bool = True
    rooted: bool = False
    settable: bool = False
    states: dict[str, str] = field(default_factory=dict)


@dataclass
class Stage:
    """The first process in the phone: what is asked over the control, and who lives here."""

    options: Options
    relay: Relay
    control: socket.socket
    adbd: int = 0
    kernel: int = 0
    held: bool = False  # whether its files stand still
    inbox: bytes = b""
    touched: set[str] = field(default_factory=set)
    passed: list[int] = field(default_factory=list)  # descriptors that came with the last of it

    @property
    def root(self) -> Path:
        return Path(self.options.mountpoint)

    def serve(self) -> None:
        """Until the control ends."""
        self.relay.epoll.register(self.control, select.EPOLLIN)
        while True:
            if self.control.fileno() in self.relay.turn(0.5):
                data, self.passed, _, _ = socket.recv_fds(self.control, 1 << 20, 1)
                if not data:
                    return
                self.inbox += data
                while b"\n" in self.inbox:
                    line, _, self.inbox = self.inbox.partition(b"\n")
                    self.answer(json.loads(line))
            self.reap()

    def answer(self, asked: dict[str, Any]) -> None:
        """Do one thing that was asked for."""
        name = asked.pop("do")
        try:
            said = {"ok": getattr(self, f"do_{name}")(**asked)}
        except OSError as error:
            said = {"error": str(error)}
        self.control.sendall(json.dumps(said).encode() + b"\n")

    def reap(self) -> None:
        """Take note of who ended, as a first process has to."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                if ended == self.adbd:
                    self.adbd = 0

    def strangers(self) -> list[int]:
        """Processes that adbd started, or that came from those."""
        return [pid for pid in self.do_processes() if pid not in (1, self.kernel, self.adbd)]

    def do_start(self) -> int:
        """Start adbd and wait until it listens."""
        if self.adbd == 0:
            self.adbd = os.fork()
            if self.adbd == 0:
                _silence(self.root / "data" / "adbd.log")
                clock = _clock(self.root) if self.options.settable else {}
                namespace.become_shell(self.root, [ADBD], ENVIRONMENT | clock, rooted=self.options.rooted)
        end_s = time.monotonic() + UP_S
        while True:
            try:
                dial().close()
            except OSError:
                self.reap()
                if self.adbd == 0 or time.monotonic() > end_s:
                    log = (self.root / "data" / "adbd.log").read_text(errors="replace")[-500:]
                    raise OSError(errno.ENOENT, f"adbd does not come up: {log}") from None
                time.sleep(0.005)
            else:
                return self.adbd

    def do_kill(self, *, shells: bool) -> None:
        """End adbd; with its shells, as Android's init does."""
        while doomed := [pid for pid in (self.adbd, *(self.strangers() if shells else ())) if pid]:
            for pid in doomed:  # until none is left: a shell that is about to die may still start something
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.001)
            self.reap()

    def do_signal(self, *, stop: bool) -> None:
        """Stop adbd where it is, or let it go on."""
        os.kill(self.adbd, signal.SIGSTOP if stop else signal.SIGCONT)

    def do_kernel(self, *, stop: bool) -> None:
        """Stop the files from changing, or let them go on; then they are those of now."""
        if self.kernel and stop != self.held:
            self.held = stop
            os.kill(self.kernel, signal.SIGSTOP if stop else signal.SIGCONT)
            time.sleep(0 if stop else 3 * kernel.PERIOD_S)

    def do_reset(self) -> None:
        """End what was started, remove what was left, and have adbd running."""
        if self.adbd:
            self.do_signal(stop=False)
        for pid in self.strangers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        tree.clean(self.root, self.options.states)
        if self.touched:
            tree.repair(self.root, PERSONALITIES[self.options.personality], self.touched, rooted=self.options.rooted)
            self.touched.clear()
            if self.kernel:
                os.kill(self.kernel, signal.SIGUSR1)
                time.sleep(3 * kernel.PERIOD_S)
        self.do_start()

    def do_processes(self) -> dict[int, str]:
        """Command lines of all processes in the phone."""
        found = {}
        for folder in (self.root / "proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                if words != [b""]:
                    found[int(folder.name)] = b" ".join(words).decode(errors="backslashreplace")
        return found

    def do_relay(self, *, act: str, **values: Any) -> None:
        """One of the relay's own acts."""
        if act == "plug":
            self.relay.plug(socket.socket(fileno=self.passed.pop()))
        else:
            getattr(self.relay, act)(**values)

    def do_counts(self) -> dict[str, int]:
        """What the relay has seen."""
        return {"up_b": self.relay.up_b, "down_b": self.relay.down_b, "accepted": self.relay.accepted}

    def do_write(self, *, path: str, text: str | None) -> None:
        """Change a file; None removes it."""
        tree.replace(self.root, path, text)
        target = self.root / path.lstrip("/")  # its folder may be a link
        self.touched.add(f"/{(target.parent.resolve() / target.name).relative_to(self.root.resolve())}")

    def do_spoil(self, *, path: str, how: str) -> None:
        """Make a node one that cannot be read."""
        kind = {"denied": Denied, "failing": Failing, "hanging": Hanging}[how]
        self.do_write(path=path, text=None)
        tree.place(self.root, path, kind(), rooted=False)

    def do_read(self, *, path: str) -> str:
        """A file's text."""
        return (self.root / path.lstrip("/")).read_bytes().decode(errors="backslashreplace")

    def do_files(self, *, path: str) -> list[str]:
        """All that lies below a folder, by the path from there."""
        folder = self.root / path.lstrip("/")
        return sorted(str(found.relative_to(folder)) for found in folder.rglob("*"))


def dial() -> socket.socket:
    """A connection to adbd, from the inside."""
    return socket.create_connection(("127.0.0.1", PORT), timeout=5)


def _clock(root: Path) -> dict[str, str]:
    """What makes CLOCK_REALTIME differ, for adbd and all that it starts, by what a file says."""
    library = next((root / "usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {
        "LD_PRELOAD": f"/{library.relative_to(root)}",
        "FAKETIME_TIMESTAMP_FILE": f"{tree.STATE}/clock",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _silence(log: Path) -> None:
    null, out = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, number in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, number)
    os.closerange(3, 256)
    os.setsid()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _first(options: Options, listener: socket.socket, control: socket.socket) -> None:
    personality = PERSONALITIES[options.personality]
    namespace.private_mounts()
    namespace.loopback_up()
    root = tree.build(
        personality,
        Path(options.packages),
        Path(options.mountpoint),
        tmp_size_b=options.tmp_size_b,
        rooted=options.rooted,
    )
    tree.clean(root, options.states)
    stage = Stage(options, Relay(None, dial, select.epoll()), control)
    kernel.Kernel(root, personality).tick()
    if options.alive:
        stage.kernel = os.fork()
        if stage.kernel == 0:
            listener.close()
            control.close()
            kernel.Kernel(root, personality).run()
    stage.do_start()
    stage.relay.plug(listener)
    control.sendall(json.dumps({"ok": asdict(options)}).encode() + b"\n")
    stage.serve()


def main() -> None:
    """Enter the namespaces, and be the phone in them."""
    listener, control = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    options = Options(**json.loads(sys.argv[3]))
    os.umask(0o022)
    try:
        namespace.enter(rooted=options.rooted)
        first = os.fork()
        if first == 0:
            namespace.die_with_parent()
            _first(options, listener, control)
            os._exit(0)
    except (Unavailable, PermissionError) as error:
        control.sendall(json.dumps({"unavailable": str(error)}).encode() + b"\n")
        os._exit(1)
    listener.close()
    control.close()
    os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)


if __name__ == "__main__":
    main()
