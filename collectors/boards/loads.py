"""Loads on a board over SSH: the script of a phone, by bash or sh; the signal of its Wi-Fi from /proc/net/wireless."""

import shlex
from functools import partial
from typing import Final

from edgewatt.collectors.android.loads import ShellLoads
from edgewatt.collectors.boards.conditions import Board
from edgewatt.collectors.host.load_clusters import why_unpinned
from edgewatt.collectors.host.wireless import SIGNALS, signal_dbm
from edgewatt.collectors.transports.link import Link
from edgewatt.collectors.transports.reached import COMMAND_TIMEOUT_S, Reached

_LIMIT_B: Final = 1 << 14


def loads(board: Reached) -> ShellLoads:
    """What executes loads there."""
    return ShellLoads(board, partial(_signal_dbm, board.proc), lambda: why_unpinned(Board(board)))


def _signal_dbm(proc: str, link: Link) -> float | None:
    path = shlex.quote(f"{proc}/{SIGNALS}")
    done = link.run(f"cat {path} 2>/dev/null", timeout_s=COMMAND_TIMEOUT_S, limit_b=_LIMIT_B)
    return signal_dbm(done.stdout.decode(errors="replace"))
