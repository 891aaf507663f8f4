"""How a device can train: which programs it could execute, or why none; and a device that executes one of them."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.commands.asked import Asked
from edgewatt.collectors.runtimes.commands.places import place_of
from edgewatt.collectors.runtimes.commands.workload import CommandWorkload
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.runtimes.training import litert_steps, torch_steps
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, Workload, WorkloadFacts, WorkloadRequest

TORCH, LITERT = "torch", "litert"
CNN_MNIST: Final = "cnn_mnist"
# Of a small board importing torch (assumed), and of a whole program of steps.
_IMPORT_S: Final = 60.0
_TIMEOUT_S: Final = 600.0
_BATCH: Final = re.compile(rb"^batch ([0-9]{1,6})$", re.MULTILINE)
_MAKE: Final = "edgewatt model make cnn_mnist --training --batch 1,4,16 (extra zoo), then --training-model FILE"


@dataclass(frozen=True, slots=True)
class Way:
    """`commands` has the program and its arguments by the batch; the seconds follow. `model` is what is trained.

    `digests` are the SHA-256 of what is trained, by the batch: of a file, or of the program that has the network in it.
    """

    name: str
    model: str
    commands: Mapping[int, tuple[str, ...]]
    digests: Mapping[int, str]

    def asked(self, batch: int, seconds: float) -> Asked:
        """The command of one batch size."""
        return Asked((*self.commands[batch], f"{seconds:g}"), timeout_s=_TIMEOUT_S + seconds, batch=batch)


def ways_of(
    device: Device, batches: Sequence[int], models: Sequence[Path]
) -> tuple[dict[str, Way], Unavailable | None]:
    """How it can train, by name; or what is missing. `models` have a signature `train`, each of one batch size.

    Raises UsageError for a file that is no such model, DeviceError if the device does not answer.
    """
    what = "training steps"
    if isinstance(device.target, LocalTarget):
        found = {}
        if find_spec("torch") is not None:
            found[TORCH] = _torch((sys.executable, torch_steps.__file__), batches)
        if models:
            files = _by_batch(models)
            commands = {batch: (sys.executable, litert_steps.__file__, str(file)) for batch, file in files.items()}
            digests = {batch: sha256_of_file(file) for batch, file in files.items()}
            found[LITERT] = Way(LITERT, models[0].name, commands, digests)
        if found:
            return found, None
        return {}, Unavailable(
            what, "no torch is installed here, and no file with a signature `train` was given", _MAKE
        )
    if device.target is None or device.workload is not None:
        why = "benchmark_model, which executes networks on a phone, executes no training signature"
        return {}, Unavailable(what, why, 'edgewatt profile --command "RUNNER ..." with a program of your own there')
    done = device.target.run(["python3", "-c", "import torch"], timeout_s=_IMPORT_S)
    if done.returncode:
        fix = "install torch for python3 on the board (NVIDIA has wheels for each JetPack)"
        return {}, Unavailable(what, "python3 there imports no torch", fix)
    program = Path(torch_steps.__file__).read_text(encoding="utf-8")
    return {TORCH: _torch(("python3", "-c", program), batches)}, None


def _torch(words: tuple[str, ...], batches: Sequence[int]) -> Way:
    digest = sha256_of_file(Path(torch_steps.__file__))
    return Way(TORCH, CNN_MNIST, {batch: (*words, str(batch)) for batch in batches}, dict.fromkeys(batches, digest))


def _by_batch(models: Sequence[Path]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for model in models:
        batch = _batch_of(model)
        if batch in found:
            raise UsageError(
                f"--training-model {printable(str(model))}: {printable(str(found[batch]))} has batches of {batch} as "
                "well; expected one file for each batch size"
            )
        found[batch] = model
    return found


def _batch_of(model: Path) -> int:
    """The batch of a file, asked in a process of its own: a damaged one may end LiteRT. Raises UsageError."""
    if not model.is_file():
        raise UsageError(f"--training-model {printable(str(model))}: there is no such file. Made by {_MAKE}")
    argv = [sys.executable, litert_steps.__file__, str(model), "0"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_IMPORT_S, check=False)
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        raise UsageError(f"--training-model {printable(str(model))}: {error}") from None
    found = _BATCH.search(done.stdout)
    if found is None:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = printable(lines[-1][:200]) if lines else "LiteRT ended without a word"
        raise UsageError(f"--training-model {printable(str(model))}: {said}. Made by {_MAKE}")
    return int(found[1])


def training(device: Device, way: Way, seconds: float) -> Device:
    """The device with the training steps of a way as its workload, by the batch that is requested."""

    def workload(request: WorkloadRequest) -> Workload:
        asked = way.asked(request.batch, seconds)
        command = CommandWorkload(place_of(device, asked), asked, request.note)
        return _Training(command, way, way.digests[request.batch])

    quiet = device.quiet
    found = replace(device, workload=workload)
    return found if quiet is None else replace(found, quiet=lambda: replace(quiet(), workload=workload))


@dataclass(frozen=True, slots=True)
class _Training:
    """The command's workload, called by the network that it trains."""

    command: CommandWorkload
    way: Way
    sha256: str

    def open(self, clock: Clock) -> WorkloadFacts:
        """See Workload."""
        facts = self.command.open(clock)
        return replace(facts, model=self.way.model, model_sha256=self.sha256, runtime=f"{self.way.name} training")

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """See Workload."""
        return self.command.repeat(request, sink)

    def close(self) -> None:
        """See Workload."""
        self.command.close()
