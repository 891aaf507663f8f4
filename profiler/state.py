"""Where edgewatt keeps what outlives a run: `$XDG_STATE_HOME/edgewatt`."""

import os
import tempfile
from pathlib import Path


def state_folder(room: str) -> Path:
    """The folder for `room` ("undo", "faults", ...), made if missing; a temporary one where home cannot be written."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(base) / "edgewatt" / room
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="edgewatt-"))
    return folder
