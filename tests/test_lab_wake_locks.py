"""Wake locks of the virtual phone: held and let go as often as somebody writes so."""

import os
from pathlib import Path

from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.governor import Governor
from edgewatt.virtual_lab.phone.pen import Pen
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.tree import WAKE_LOCK, WAKE_UNLOCK
from edgewatt.virtual_lab.phone.writable import Writable


def test_a_lock_is_let_go_as_often_as_it_is_taken(tmp_path: Path) -> None:
    writable = Writable(tmp_path, Governor(Body(personality("old"), 0)), Pen(tmp_path))
    lock, unlock = tmp_path / WAKE_LOCK, tmp_path / WAKE_UNLOCK
    lock.parent.mkdir(parents=True)
    lock.touch()
    unlock.touch()
    writable.look(0)
    for turn in range(1, 4):
        write(lock, turn)
        writable.look(2 * turn)
        assert writable.locks == {"edgewatt"}
        write(unlock, turn)
        writable.look(2 * turn + 1)
        assert (writable.locks, lock.read_text()) == (set(), "\n")


def write(file: Path, turn: int) -> None:
    """As a shell does, at a time that no other writing has."""
    file.write_text("edgewatt\n")
    os.utime(file, ns=(turn * 10**9, turn * 10**9))
