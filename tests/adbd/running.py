"""A phone as tests and benchmarks hold it: where it is, what goes wrong with it, and what it left behind."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.adbd.packages import CACHE, Unavailable, unpacked
from tests.adbd.personality import Personality, Truth
from tests.adbd.phones import PERSONALITIES
from tests.adbd.tree import STATE

ROOT = Path(__file__).parents[2]
ANSWER_S = 30.0


@dataclass(eq=False)
class PeerPhone:
    """One running phone. All acts return when they have happened."""

    personality: Personality
    port: int
    _control: socket.socket
    _listener: socket.socket | None
    _process: subprocess.Popen[bytes]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        """Where it listens."""
        return "127.0.0.1"

    @property
    def uri(self) -> str:
        """As edgewatt names it."""
        return f"adb+tcp://{self.host}:{self.port}"

    @property
    def serial(self) -> str:
        """As an adb server names it once it is connected."""
        return f"{self.host}:{self.port}"

    @property
    def truth(self) -> Truth:
        """What is true of it."""
        return self.personality.truth

    # What goes wrong on the way.

    def delay(self, seconds: float) -> None:
        """Every byte takes so much longer, each way; 0 ends it."""
        self._ask("relay", act="slow", delay_s=seconds)

    def buffers(self, size_b: int) -> None:
        """SO_SNDBUF and SO_RCVBUF towards the client, for connections to come; 0 ends it."""
        self._ask("relay", act="narrow", buffer_b=size_b)

    def hide(self, *features: str) -> None:
        """Connections to come do not see these features of adbd: hide("shell_v2") is a phone before Android 7."""
        self._ask("relay", act="hide", features=list(features))

    def freeze(self) -> None:
        """Nothing passes any more; connections stay open."""
        self._ask("relay", act="freeze", frozen=True)

    def thaw(self) -> None:
        """It passes again."""
        self._ask("relay", act="freeze", frozen=False)

    def cut(self) -> None:
        """Reset all connections; new ones are taken."""
        self._ask("relay", act="cut")

    def unplug(self) -> None:
        """Reset all connections, and refuse new ones."""
        self._ask("relay", act="unplug")
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def plug(self) -> None:
        """Listen again, on the same port."""
        if self._listener is None:
            self._listener = _listen(self.port)
            self._ask("relay", passing=[self._listener.fileno()], act="plug")

    def counts(self) -> dict[str, int]:
        """What passed since the start: `up_b` and `down_b` bytes, and the connections `accepted`."""
        return dict(self._ask("counts"))

    # What goes wrong in the phone.

    def kill_adbd(self, *, shells: bool = False) -> None:
        """SIGKILL for adbd, and with `shells` for all that it started, as Android's init does."""
        self._ask("kill", shells=shells)

    def start_adbd(self) -> None:
        """Start it again; returns when it listens."""
        self._ask("start")

    def stop_adbd(self) -> None:
        """SIGSTOP: adbd answers no more, and its connections stay."""
        self._ask("signal", stop=True)

    def continue_adbd(self) -> None:
        """SIGCONT."""
        self._ask("signal", stop=False)

    def freeze_adbd(self, seconds: float) -> threading.Timer:
        """SIGSTOP, and SIGCONT by itself so much later; join the timer to wait for that."""
        self.stop_adbd()
        timer = threading.Timer(seconds, self.continue_adbd)
        timer.daemon = True
        timer.start()
        return timer

    def hold(self) -> None:
        """Stop its files from changing."""
        self._ask("kernel", stop=True)

    def go_on(self) -> None:
        """Let its files change again."""
        self._ask("kernel", stop=False)

    def set_clock(self, ahead_s: float) -> None:
        """Its wall clock, and EPOCHREALTIME, is ahead by so much from now on; for a phone started as `settable`."""
        self.set_state("clock", f"{ahead_s:+g}")

    def spoil(self, path: str, how: Literal["denied", "failing", "hanging"]) -> None:
        """Make a node denied (EACCES), readable by nobody (EIO), or one whose opening never returns; until `reset`."""
        self._ask("spoil", path=path, how=how)

    # What is in it.

    def write(self, path: str, text: str | None) -> None:
        """Change a file at once, or make it, also where the shell may not; None removes it."""
        self._ask("write", path=path, text=text)

    def read(self, path: str) -> str:
        """A file's text, also where the shell may not read. Raises OSError."""
        return str(self._ask("read", path=path))

    def files(self, path: str = "/data/local/tmp") -> list[str]:
        """All that lies below a folder."""
        return list(self._ask("files", path=path))

    def processes(self) -> dict[int, str]:
        """Command lines of what runs in it."""
        return {int(pid): words for pid, words in self._ask("processes").items()}

    def state(self, name: str) -> str:
        """What the phone's own programs keep, such as `wakefulness` or `settings/global/airplane_mode_on`."""
        return self.read(f"{STATE}/{name}").removesuffix("\n")

    def set_state(self, name: str, text: str | None) -> None:
        """Change that: `load` (0 to 1), `plugged` (0 or 1), and the others."""
        self.write(f"{STATE}/{name}", text)

    def reset(self) -> None:
        """As it was started: no faults, adbd running, its shells ended, /data/local/tmp empty, states as before."""
        self.plug()
        self.delay(0.0)
        self.buffers(0)
        self.hide()
        self.thaw()
        self.go_on()
        self._ask("reset")

    def close(self) -> None:
        """End it and all that runs in it. Idempotent."""
        self._control.close()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._process.wait(10)

    def _ask(self, name: str, *, passing: Sequence[int] = (), **values: Any) -> Any:
        with self._lock:
            line = json.dumps({"do": name, **values}).encode() + b"\n"
            socket.send_fds(self._control, [line], list(passing))
            answer = _answer(self._control)
        if "error" in answer:
            raise OSError(answer["error"])
        return answer["ok"]


StartPhone = Callable[..., PeerPhone]  # as `start`


def start(
    name: str,
    *,
    tmp_size_b: int = 0,
    alive: bool = True,
    rooted: bool = False,
    settable: bool = False,
    states: dict[str, str] | None = None,
) -> PeerPhone:
    """Start a phone of that personality; `close` ends it. Raises Unavailable where the machine cannot.

    `tmp_size_b` is the size of its /data/local/tmp (0: as large as memory), `alive` whether its files change, `rooted`
    whether adbd runs as root there, `settable` whether its wall clock can be set, `states` what its programs find at
    the start.
    """
    if sys.platform != "linux":
        raise Unavailable("namespaces are Linux's, and Debian's adbd runs in one")
    mountpoint = CACHE / "mountpoint"
    packages = unpacked()
    mountpoint.mkdir(exist_ok=True)
    options = {
        "personality": name,
        "packages": str(packages),
        "mountpoint": str(mountpoint),
        "tmp_size_b": tmp_size_b,
        "alive": alive,
        "rooted": rooted,
        "settable": settable,
        "states": states or {},
    }
    listener = _listen(0)
    ours, theirs = socket.socketpair()
    with theirs:
        numbers = (listener.fileno(), theirs.fileno())
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.adbd.stage", *map(str, numbers), json.dumps(options)],
            cwd=ROOT,
            pass_fds=numbers,
            start_new_session=True,  # Ctrl-C is for the test, whose end is the phone's
        )
    ours.settimeout(ANSWER_S)
    phone = PeerPhone(PERSONALITIES[name], listener.getsockname()[1], ours, listener, process)
    try:
        _answer(ours)
    except BaseException:
        phone.close()
        raise
    return phone


@contextmanager
def running(name: str, **options: Any) -> Iterator[PeerPhone]:
    """A phone for as long as the block takes; options as of `start`."""
    phone = start(name, **options)
    try:
        yield phone
    finally:
        phone.close()


def _listen(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=64)


def _answer(control: socket.socket) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        more = control.recv(1 << 20)
        if not more:
            raise OSError("the phone ended; what it printed says why")
        data += more
    answer: dict[str, Any] = json.loads(data)
    if "unavailable" in answer:
        raise Unavailable(answer["unavailable"])
    return answer
