"""What `doctor` says of the benches in bench.toml: whether each part answers. Nothing is switched, nothing is run."""

import shutil
from dataclasses import asdict, dataclass
from typing import Any, Final

from edgewatt.profiler.bench import Bench, Switch, bench_named, benches
from edgewatt.profiler.bench_devices import left_switched
from edgewatt.profiler.device import open_device
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.holding import hold
from edgewatt.reports.escape import printable

ANSWERING: Final = ("device", "meter", "room")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bench: what it is for, what it is called, and what is wrong with it (None: nothing)."""

    what: str
    name: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A bench and its parts; of a file that holds none (`bench` is None), its problem alone."""

    bench: Bench | None
    parts: tuple[Part, ...]

    @property
    def answering(self) -> list[str]:
        """The URIs of its parts that answer."""
        return [part.name for part in self.parts if part.what in ANSWERING and part.problem is None]

    @property
    def problem(self) -> str | None:
        """The first thing that is wrong with it."""
        name = "" if self.bench is None else f"bench {self.bench.name}: "
        return next((f"{name}{part.what}: {part.problem}" for part in self.parts if part.problem), None)

    def as_json(self) -> dict[str, Any]:
        """It as plain JSON."""
        name, file = (None, None) if self.bench is None else (self.bench.name, str(self.bench.file))
        return {"bench": name, "file": file, "parts": [asdict(part) for part in self.parts]}

    def as_text(self) -> str:
        """It as lines for people."""
        bench = self.bench
        lines = [] if bench is None else [f"bench {bench.name}   -d {bench.name}   ({printable(str(bench.file))})"]
        for part in self.parts:
            named = f"{printable(part.name)}  " if part.name else ""
            lines.append(f"  {part.what:13}{named}{'ok' if part.problem is None else printable(part.problem)}")
        return "\n".join(lines)


def check(name: str | None = None) -> list[Checked]:
    """The bench of this name, or every bench; without one that is named, what is wrong with a file is a part of it."""
    if name is not None:
        bench = bench_named(name)
        return [] if bench is None else [Checked(bench, _parts(bench))]
    try:
        found = benches()
    except UsageError as error:
        return [Checked(None, (Part("bench.toml", "", str(error)),))]
    return [Checked(bench, _parts(bench)) for bench in found.values()]


def _parts(bench: Bench) -> tuple[Part, ...]:
    uris = [("device", bench.device), *(("meter", uri) for uri in bench.meters)]
    if bench.room is not None:
        uris.append(("room", bench.room))
    busy = _busy(bench)
    if busy is not None:
        return tuple(Part(what, uri, busy) for what, uri in uris)
    opened = [Part(what, uri, _why_not(uri)) for what, uri in uris]
    return (*opened, *(_switch(bench, switch) for switch in bench.switches))


def _busy(bench: Bench) -> str | None:
    """Who is measuring on it, so that nobody disturbs that by looking."""
    try:
        held = [hold(what) for what in bench.holds]
    except EdgewattError as error:
        return str(error)
    for one in held:
        one.release()
    return None


def _why_not(uri: str) -> str | None:
    try:
        open_device(uri).close()
    except EdgewattError as error:
        return str(error)
    return None


def _switch(bench: Bench, switch: Switch) -> Part:
    programs = [argv[0] for argv in (switch.before, switch.after) if argv]
    missing = [program for program in programs if shutil.which(program) is None]
    left = left_switched(bench, switch)
    problem = None
    if missing:
        problem = f"{missing[0]} is no program that can be started here"
    elif left is not None:
        problem = f"the last run did not come to its end and left it switched; put it back: {left}"
    return Part(switch.what, " ".join(dict.fromkeys(programs)), problem)
