"""The phone's files at any instants, by the names that they have below its roots; no tree of them is made."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import Instants
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.clockwork import UPTIME, uptime_text
from edgewatt.virtual_lab.phone.nodes import Instruments, Texts, nodes
from edgewatt.virtual_lab.phone.pen import TORN_NS, halved
from edgewatt.virtual_lab.phone.tree import LAB, failing, is_denied, static_proc, static_sysfs
from edgewatt.virtual_lab.phone.virtual_time.plan import NS

DENIED, FAILS, EMPTY = "denied", "fails", "empty"


class Files:
    """All that a shell of this phone may open. A file has a text at an instant, or a word why not."""

    def __init__(self, body: Body, instruments: Instruments, seed: int) -> None:
        phone = self._phone = body.phone
        self._body = body
        self._static = {**static_sysfs(phone), **static_proc(phone, seed)}
        self._groups = [
            node for node in nodes(body, instruments) if not any(name.startswith(LAB) for name in node.files)
        ]
        self._nodes = {name: node for node in self._groups for name in node.files}
        self._failing = frozenset(failing(phone))
        self.names: Final = tuple(sorted({*self._static, *self._nodes, *self._failing, UPTIME}))
        self._denied = frozenset(name for name in self.names if is_denied(name, phone))

    def texts(self, name: str, t_ns: Instants) -> Texts:
        """What it says at each instant; None where it cannot be read."""
        if name in self._failing or name in self._denied:
            return [None] * len(t_ns)
        if name in self._nodes:
            return self._nodes[name].text(name, t_ns)
        if name == UPTIME:
            return [uptime_text(ns, self._phone.cpus) for ns in self._body.clocks.boottime_ns(t_ns).tolist()]
        return [self._static.get(name)] * len(t_ns)

    def read(self, name: str, t_ns: Instants, rng: np.random.Generator) -> Texts:
        """As `texts`; on a phone whose files are torn, as often half of one as a reader in real time meets it."""
        texts = self.texts(name, t_ns)
        if not self._phone.torn or name not in self._nodes:
            return texts
        chance = self._phone.torn * TORN_NS / (self._nodes[name].period_s * NS)
        torn = rng.random(len(texts)) < chance
        return [text and halved(text) if is_torn else text for text, is_torn in zip(texts, torn, strict=True)]

    def look(self, t_ns: int) -> Iterator[tuple[str, str | None, str]]:
        """Every file that is there at an instant: its name, its text, or why there is none."""
        at = np.array([t_ns])
        moving = {name: text for node in self._groups for name, (text,) in node.texts(at).items()}
        moving[UPTIME] = self.texts(UPTIME, at)[0]
        for name in self.names:
            if name in self._denied:
                yield name, None, DENIED
            elif name in self._failing:
                yield name, None, FAILS
            elif (text := moving.get(name, self._static.get(name))) is not None:
                yield name, text, EMPTY if not text.strip("\n") else ""
