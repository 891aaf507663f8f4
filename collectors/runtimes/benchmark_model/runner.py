"""The user's runner on the phone: with its files in place, executed, begun again when its connection was lost."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from edgewatt.collectors.android.guarding.workplace import Placed, Workplace, under_its_own_name
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.runtimes.benchmark_model.executables import elf_machine, runs_on
from edgewatt.collectors.runtimes.benchmark_model.execution import Limits, Outcome, attached, detached, end, new_token
from edgewatt.collectors.runtimes.benchmark_model.failures import explain
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed
from edgewatt.collectors.runtimes.benchmark_model.printed import Printed
from edgewatt.collectors.runtimes.benchmark_model.request import Asked
from edgewatt.collectors.runtimes.benchmark_model.runner_script import OUTPUT_LIMIT_B, Execution, Place
from edgewatt.collectors.runtimes.benchmark_model.runner_script import end as end_script
from edgewatt.collectors.runtimes.model_file import ModelFile
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.errors import DeviceError, EdgewattError

MODEL, RUNNER = "model.tflite", "runner"
# What lost its connection begins again so often.
RESTARTS: Final = 2
RESTARTED, PUT_BACK = "restarted:connection lost", "conditions_put_back"
# Without getprop: the ABIs that a kernel of this machine may have programs of.
_ABIS: Final = {
    "aarch64": ("arm64-v8a", "armeabi-v7a"),
    "armv8l": ("armeabi-v7a",),
    "armv7l": ("armeabi-v7a",),
    "x86_64": ("x86_64", "x86"),
    "i686": ("x86",),
}
_ABIS_SH: Final = "getprop ro.product.cpu.abilist; getprop ro.product.cpu.abi; uname -m"
# How the guard's undos begin that end a runner; each workplace has its own.
_GUARDED: Final = "runner"
# Where the linkers of Android and of a Hexagon DSP look for libraries.
_LIBRARIES: Final = ("LD_LIBRARY_PATH", "ADSP_LIBRARY_PATH")

T = TypeVar("T")


class Runner:
    """One runner and one model on one phone. `note` is told how far pushing is."""

    def __init__(self, phone: Phone, asked: Asked, model: ModelFile, note: Callable[[str], None]) -> None:
        files = [Placed(model.path, MODEL), Placed(asked.runner, RUNNER, 0o755)]
        for path in asked.push:
            files.append(under_its_own_name(path, [placed.name for placed in files]))
        self._phone, self._asked, self._model = phone, asked, model
        self._workplace = Workplace(phone, files, note)
        self._abis: tuple[str, ...] = ()

    def check_machine(self) -> None:
        """Raise the error for a runner that is made for another architecture; ask the phone for its own."""
        said = self._phone.sh(_ABIS_SH).stdout.decode(errors="replace").split()
        self._abis = _ABIS.get(said[0], (said[0],)) if len(said) == 1 else tuple(said[0].split(",")) if said else ()
        machine = elf_machine(self._asked.runner)
        if machine is not None and self._abis and not runs_on(machine, self._abis):
            raise self._explained(Parsed(), 126, "", None)

    def execute(
        self, flags: Sequence[str], limits: Limits, keep: Callable[[bytes], None], *, look: bool = False
    ) -> Outcome:
        """Execute it in a fresh process, detached if that was asked for and it is not for a `look`.

        `keep` gets what it printed, whatever becomes of it.

        Raises LinkLost, and UsageError or DeviceError if it gives no measurement.
        """
        place = self._place()
        outcome = Outcome(Printed(new_token(), self._phone.stamps))
        taskset = ("taskset", self._asked.taskset) if self._asked.taskset else ()
        execution = Execution((*taskset, f"./{RUNNER}", *flags), self._env(place), outcome.printed.token)
        try:
            run = detached if self._asked.detached and not look else attached
            run(self._phone, place, execution, limits, outcome)
        finally:
            if outcome.printed.raw:
                keep(bytes(outcome.printed.raw))
        if outcome.printed.over:
            raise DeviceError(
                f"{self._model.shown}: {self._shown} printed more than {OUTPUT_LIMIT_B >> 20} MiB and was ended; "
                "leave out flags of --runner-arg that make it verbose"
            )
        if outcome.printed.returncode != 0 or not outcome.parsed.complete:
            raise self._explained(outcome.parsed, outcome.printed.returncode, outcome.tail, outcome.ended_after_s)
        return outcome

    def with_restarts(self, once: Callable[[], T]) -> tuple[T, tuple[str, ...]]:
        """What `once` gives, and reason codes: begun again, on a new connection, if the old one was lost.

        Raises LinkLost if the phone stays away, or loses it time and again.
        """
        guard = self._phone.guard
        undone = len(guard.undone)
        for attempt in range(RESTARTS + 1):
            try:
                if attempt > 0:
                    guard.renew()
                self._prepare()
                done = once()
                break
            except LinkLost:
                if attempt == RESTARTS:
                    raise
                self._phone.reconnect()
        put_back = [key for key in guard.undone[undone:] if not key.startswith(_GUARDED)]
        return done, (*([RESTARTED] if attempt else []), *([PUT_BACK] if put_back else []))

    def close(self) -> None:
        """End it and remove it, its files and, after the last one, the guard, verified.

        Raises DeviceError with the first that fails.
        """
        failures: list[DeviceError] = []
        for step in (self._end, self._workplace.clear, self._relieve):
            try:
                step()
            except LinkLost as error:
                failures.append(error)
                break  # the phone is away, and its guard does the rest
            except DeviceError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _prepare(self) -> None:
        """Files in place, nothing of a run before still executing, and all of it ended if we go away."""
        if self._workplace.fill():
            place = self._place()
            self._phone.guard.add(f"{_GUARDED} {place.work}", end_script(place))
        else:
            end(self._phone, self._place())

    def _relieve(self) -> None:
        if not self._phone.workplaces.files:
            self._phone.guard.close()

    def _end(self) -> None:
        if self._workplace.filled:
            end(self._phone, self._place())

    def _place(self) -> Place:
        return Place(self._workplace.control, self._workplace.folder, self._phone.proc)

    def _env(self, place: Place) -> dict[str, str]:
        """Libraries that were pushed are found, those for a DSP too; what the user gives goes before."""
        found = dict.fromkeys(_LIBRARIES, place.work) if self._asked.push else {}
        return {**found, **self._asked.env}

    @property
    def _shown(self) -> str:
        return printable(self._asked.runner.name)

    def _explained(self, parsed: Parsed, code: int | None, tail: str, timeout_s: float | None) -> EdgewattError:
        return explain(
            parsed,
            code,
            tail,
            runner=self._asked.runner,
            model=self._model.name,
            abis=self._abis,
            timeout_s=timeout_s,
        )
