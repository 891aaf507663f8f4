"""A USB port in another process: the meter outlives its clients, as a real one does.

Over a Unix socket, one JSON line each way: `[method, arguments...]`, `["ok", result]` or `["error", errno, text]`;
bytes are hexadecimal. A client that ends, however it does, loses what it claimed, and the meter stays as it was.
"""

import errno
import json
import select
import socket
import threading
import weakref
from pathlib import Path
from typing import Any, Final

from edgewatt.virtual_lab.monsoon.usb_port import UsbPort

_METHODS: Final = ("there", "open", "close", "claim", "release", "reset", "get", "put", "read")


class PortServer:
    """Serves a port at `path`, in a process of its own."""

    def __init__(self, port: UsbPort, path: Path) -> None:
        self._port, self.path = port, path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def run(self, stop: int) -> None:
        """Serve every client in a thread of its own, until the descriptor `stop` can be read."""
        threading.Thread(target=self._accept, daemon=True).start()
        select.select([stop], [], [])
        self.path.unlink(missing_ok=True)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        handles: set[int] = set()
        with client, client.makefile("rb") as asked, client.makefile("wb") as answers:
            try:
                for line in asked:
                    answers.write(json.dumps(self._answer(json.loads(line), handles)).encode() + b"\n")
                    answers.flush()
            except (OSError, ValueError):
                pass
            finally:
                for handle in handles:
                    self._port.close(handle)

    def _answer(self, words: list[Any], handles: set[int]) -> list[Any]:
        method, *args = words
        if method not in _METHODS:
            return ["error", 0, f"a port has no {method!r}"]
        args = [bytes.fromhex(arg) if isinstance(arg, str) else arg for arg in args]
        try:
            found = getattr(self._port, method)(*args)
        except OSError as error:
            return ["error", error.errno, error.strerror]
        if method == "open":
            handles.add(found)
        return ["ok", found.hex() if isinstance(found, bytes) else found]


class RemotePort:
    """The port that is served at `path`. Safe between threads; who reads does not keep others from asking.

    Raises OSError.
    """

    def __init__(self, path: str) -> None:
        self._asking, self._reading = _Line(path), _Line(path)

    def there(self) -> bool:
        """Whether a meter is there."""
        return bool(self._asking.ask("there"))

    def open(self) -> int:
        """A new handle."""
        return int(self._asking.ask("open"))

    def close(self, handle: int) -> None:
        """Give it up."""
        self._asking.ask("close", handle)

    def claim(self, handle: int) -> None:
        """Have the interface for it."""
        self._asking.ask("claim", handle)

    def release(self, handle: int) -> None:
        """Others may have it."""
        self._asking.ask("release", handle)

    def reset(self) -> None:
        """Reset the port."""
        self._asking.ask("reset")

    def get(self, kind: int, request: int, value: int, index: int, length: int) -> bytes:
        """A control transfer to the host."""
        return bytes.fromhex(self._asking.ask("get", kind, request, value, index, length))

    def put(self, kind: int, request: int, value: int, index: int, data: bytes) -> None:
        """A control transfer to the meter."""
        self._asking.ask("put", kind, request, value, index, data.hex())

    def read(self, size: int, timeout_ms: int) -> bytes:
        """The next bulk packet."""
        return bytes.fromhex(self._reading.ask("read", size, timeout_ms))


class _Line:
    """One connection, one question at a time."""

    def __init__(self, path: str) -> None:
        self._lock, talking = threading.Lock(), socket.socket(socket.AF_UNIX)
        try:
            talking.connect(path)
        except OSError:
            talking.close()
            raise
        self._socket, self._answers = talking, talking.makefile("rb")
        self._closed = weakref.finalize(self, _close, self._socket, self._answers)

    def ask(self, *words: Any) -> Any:
        """The answer."""
        with self._lock:
            try:
                self._socket.sendall(json.dumps(words).encode() + b"\n")
                line = self._answers.readline()
            except ConnectionError:
                line = b""
        if not line:
            raise OSError(errno.ENODEV, "the lab has ended")
        kind, *rest = json.loads(line)
        if kind == "error":
            raise OSError(*rest)
        return rest[0]


def _close(*ends: Any) -> None:
    for end in ends:
        end.close()
