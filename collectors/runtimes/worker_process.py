"""A child process that answers one request: started, listened to, bounded in time and in what it prints, and ended."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

from edgewatt.collectors.runtimes.frames import Frame, FrameParser
from edgewatt.profiler.errors import DeviceError

READ_B: Final = 1 << 20
# A worker's pipe for frames closes when it ends; one that is still there this long after is stuck in its own exit.
EXIT_LIMIT_S: Final = 5.0


class WorkerProcess:
    """`python -m module`, in a process group of its own so that the terminal's Ctrl-C reaches only us.

    The request arrives as JSON on its standard input, the number of the pipe for its frames as its only argument.
    As a context manager it ends and reaps the child whatever happens. `output` is the beginning of what it printed;
    `returncode` is as in subprocess (negative: killed by that signal); `silent` says that we ended it because
    nothing was heard for too long, and `garbled` that what was heard were no frames.
    """

    def __init__(self, module: str, request: Mapping[str, Any], *, output_limit_b: int) -> None:
        self.output = bytearray()
        self.silent = self.garbled = False
        self._output_limit_b = output_limit_b
        self._frames, said = os.pipe()
        self._prints, printed = os.pipe()
        try:
            self._process = _start(module, {**request, "parent": os.getpid()}, said, printed)
        except OSError as error:
            os.close(self._frames)
            os.close(self._prints)
            raise DeviceError(f"cannot start {sys.executable} for the measurement: {error}") from error
        finally:
            os.close(said)
            os.close(printed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._keep_the_rest()
        os.close(self._frames)
        os.close(self._prints)

    @property
    def returncode(self) -> int | None:
        """How the child ended; None while it runs."""
        return self._process.poll()

    def frames(self, silence_limit_s: float) -> Iterator[Frame]:
        """Every frame until the child ends, or says nothing for `silence_limit_s` and is ended."""
        parser = FrameParser()
        deadline_s = time.monotonic() + silence_limit_s
        with selectors.DefaultSelector() as ready:
            ready.register(self._frames, selectors.EVENT_READ)
            ready.register(self._prints, selectors.EVENT_READ)
            while (left_s := deadline_s - time.monotonic()) > 0:
                readable = {key.fd for key, _ in ready.select(left_s)}
                if self._prints in readable and not self._keep():
                    ready.unregister(self._prints)
                if self._frames in readable:
                    data = os.read(self._frames, READ_B)
                    if not data:
                        self._wait()
                        return
                    yield from self._parse(parser, data)
                    deadline_s = time.monotonic() + silence_limit_s
        self.silent = True
        self._process.kill()

    def _parse(self, parser: FrameParser, data: bytes) -> Iterator[Frame]:
        try:
            yield from parser.feed(data)
        except ValueError:
            self.garbled = True
            self._process.kill()

    def _wait(self) -> None:
        try:
            self._process.wait(EXIT_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.silent = True
            self._process.kill()

    def _keep(self) -> bool:
        data = os.read(self._prints, READ_B)
        self.output += data[: self._output_limit_b - len(self.output)]
        return bool(data)

    def _keep_the_rest(self) -> None:
        os.set_blocking(self._prints, False)
        try:
            while self._keep():
                pass
        except BlockingIOError:
            return


def _start(module: str, request: Mapping[str, Any], said: int, printed: int) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as question:
        question.write(json.dumps(request).encode())
        question.seek(0)
        return subprocess.Popen(
            [sys.executable, *python_flags(), "-m", module, str(said)],
            stdin=question,
            stdout=printed,
            stderr=printed,
            pass_fds=(said,),
            process_group=0,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )


def python_flags() -> list[str]:
    """Flags under which the child imports what we import, and nothing that lies in the current folder by accident.

    `-P` keeps the current folder off the path, `-E` and `-s` are passed on where we run under them, and `-W default`
    keeps a PYTHONWARNINGS=error from turning a runtime's warning into a failure. (OPENBLAS_NUM_THREADS=1 keeps
    numpy from starting a thread per processor that the workload never uses.)
    """
    inherited = (("-E", sys.flags.ignore_environment), ("-s", sys.flags.no_user_site))
    return ["-P", *(flag for flag, on in inherited if on), "-W", "default"]
