"""round.Learner: a network, the data of N devices, how they train, and how their updates become one model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.learning.hooks import Hooks
from edgewatt.models.federated.learning.local import AT_ONCE, Task, as_inputs, gradient, one_thread, train_one
from edgewatt.models.federated.learning.methods import DOUBLE, FEDL, Method
from edgewatt.models.federated.learning.networks import Network
from edgewatt.models.federated.learning.partition import Parts
from edgewatt.models.federated.learning.scoring import mean_average_precision
from edgewatt.models.federated.learning.together import train_together
from edgewatt.models.federated.round import Floats, Ints, Job, Update, Weights
from edgewatt.profiler.errors import UsageError

# Before the names of what hooks keep, beside those of a method.
HOOKS: Final = "hooks/"


@dataclass(slots=True, eq=False)
class TorchLearner:
    """A round.Learner in PyTorch. `hooks`: what is done around the training of each device; None: nothing.

    `train` depends on `seed`, the weights, the device and the round, and on what is `kept` of SCAFFOLD, FEDL and hooks,
    which `aggregate` alone changes: an engine whose devices train in other processes brings them `kept(device)`.
    """

    network: Network
    data: Data
    parts: Parts
    method: Method
    seed: int
    rate: float
    hooks: Hooks | None = None

    @property
    def samples_n(self) -> Ints:
        """Samples on each device, (N,)."""
        return self.parts.samples_n

    @property
    def classes_ratio(self) -> Floats:
        """Share of all classes on each device, (N,)."""
        return self.parts.classes_ratio

    def job(self, batch: int, epochs: int, participants: int) -> Job:
        """What is trained, for policies and fleets; SCAFFOLD and FEDL send twice the bytes of the weights."""
        sent = sum(of.nbytes for of in self.first().values()) * (2 if self.method.name in DOUBLE else 1)
        of = self.network
        return Job(of.name, of.conv_n, of.fc_n, of.rc_n, sent, batch, epochs, participants)

    def first(self) -> Weights:
        """The weights before the first round; of the seed."""
        return self.network.first(self.seed)

    def train(self, weights: Weights, device: int, batch: int, epochs: int, number: int) -> Update:
        """One device's part of round `number`.

        What diverged comes back as it is, NaN and all, and what had no samples with none: `refusal` names them.
        """
        task, own = self._task(weights, device, batch, epochs, number)
        hook = None if self.hooks is None else self.hooks.of(device, number)
        return self._finished(train_one(self.network, weights, task, hook), device, weights, own)

    def train_many(self, weights: Weights, devices: Ints, batches: Ints, epochs: Ints, number: int) -> list[Update]:
        """What `train` gives for each of K devices, to float tolerance, with settings (K,) each; faster."""
        each = list(zip(devices.tolist(), batches.tolist(), epochs.tolist(), strict=True))
        if not self.network.together:
            return [self.train(weights, *of, number) for of in each]
        prepared = [self._task(weights, *of, number) for of in each]
        hooks = [] if self.hooks is None else [self.hooks.of(device, number) for device in devices.tolist()]
        trained = train_together(self.network, weights, [task for task, _ in prepared], hooks)
        return [
            self._finished(update, device, weights, own)
            for update, (device, _, _), (_, own) in zip(trained, each, prepared, strict=True)
        ]

    def refusal(self, update: Update, like: Weights) -> str | None:
        """Why an update may not be averaged; None: it may."""
        return self.method.refusal(update, like)

    def aggregate(self, weights: Weights, updates: Sequence[Update]) -> Weights:
        """The next global weights by the method, and what is kept. Refused updates are left out of both.

        With none left, the same weights.
        """
        if self.hooks is not None:
            self.hooks.learn([update for update in updates if self.refusal(update, weights) is None])
        return self.method.aggregate(weights, updates)

    def kept(self, device: int | None = None) -> dict[str, NDArray[Any]]:
        """What method and hooks keep between rounds: all of it, or what `device` has to be given to train elsewhere."""
        of_hooks = {} if self.hooks is None else self.hooks.kept()
        return self.method.kept(device) | {f"{HOOKS}{name}": of for name, of in of_hooks.items()}

    def keep(self, arrays: Mapping[str, NDArray[Any]], like: Weights) -> None:
        """Take over what `kept` gave, instead of what was kept. Raises UsageError for what it cannot have given."""
        of_hooks = {name.removeprefix(HOOKS): of for name, of in arrays.items() if name.startswith(HOOKS)}
        self.method.keep({name: of for name, of in arrays.items() if not name.startswith(HOOKS)}, like)
        if self.hooks is not None:
            self.hooks.keep(of_hooks)
        elif of_hooks:
            raise UsageError(
                f"{', '.join(sorted(of_hooks))[:80]} was kept of a learner with hooks, and this one has none"
            )

    def accuracy_percent(self, weights: Weights) -> float:
        """Of the model on what is held back; where many classes hold, the mean over them of the average precision."""
        return self.accuracy_of(weights, self.data.held_inputs, self.data.held_targets)

    def accuracy_of(self, weights: Weights, inputs: NDArray[Any], targets: NDArray[Any]) -> float:
        """The same on other samples; NaN without any."""
        if not len(inputs):
            return float("nan")
        logits = self.logits(weights, inputs)
        if targets.ndim == 2:
            return 100 * mean_average_precision(logits, targets)
        return float(100 * (logits.argmax(axis=1) == targets).mean())

    def logits(self, weights: Weights, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """What the model says, [n, classes]."""
        import torch  # noqa: PLC0415  (an extra)

        with one_thread(), torch.no_grad():
            given = {name: torch.tensor(of) for name, of in weights.items()}
            starts = range(0, len(inputs), AT_ONCE)
            said = [self.network.forward(given, as_inputs(inputs[at : at + AT_ONCE])) for at in starts]
            return np.asarray(torch.cat(said).numpy())

    def _task(self, weights: Weights, device: int, batch: int, epochs: int, number: int) -> tuple[Task, Weights | None]:
        rows = self.parts.rows[device]
        seed = (self.seed, number, device)
        task = Task(self.data.inputs[rows], self.data.targets[rows], batch, epochs, self.rate, seed)
        own = gradient(self.network, weights, task) if self.method.name == FEDL and len(rows) else None
        return replace(task, pull=self.method.pull(device, own)), own

    def _finished(self, update: Update, device: int, weights: Weights, own: Weights | None) -> Update:
        more: Mapping[str, Any] = self.method.more(device, weights, update, own)
        return replace(update, more={**update.more, **more}) if more else update
