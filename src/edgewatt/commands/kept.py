"""What a verb that writes a run says of it when it ends early: that it is kept, if there is one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.storage.writer import refuse_taken


def refuse_taken_early(run: Path) -> None:
    """As the writer of a run does, before a device is touched for it."""
    with suppress(OSError):  # which the writer tells better
        refuse_taken(run)


@contextmanager
def kept(run: Path) -> Iterator[None]:
    """Adds where the run is to an interruption or a DeviceError that comes after its folder was begun."""
    taken = run.exists()
    try:
        yield
    except KeyboardInterrupt:
        began = not taken and run.exists()
        raise KeyboardInterrupt(_where(run) if began else "nothing was recorded yet") from None
    except DeviceError as error:
        if not taken and run.exists():
            error.add_note(_where(run))
        raise


def _where(run: Path) -> str:
    return f"the run up to now is kept: edgewatt process {run}"
