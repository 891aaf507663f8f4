"""What a method keeps between rounds, adds to the local gradient, asks devices to send, and makes of the updates.

FedAvg, FedProx, FedNova and q-FedAvg keep nothing. SCAFFOLD keeps a control variate of all and one of each device;
FEDL the mean of the gradients that the last participants sent. What is kept changes in `aggregate` alone, never in
training, so a refused update leaves no trace, and a device can train anywhere that `kept` has been brought to.

FEDL (arXiv 1910.13067; steps as in the authors' CharlieDinh/FEDL_pytorch) is simplified: the mean gradient is of the
participants of the round before, each over all its samples at the weights that it received; the authors' code takes
that of the last batch. The first round corrects nothing.

Of few participants among many devices SCAFFOLD's control variates are old: on digits, 20 of 200 devices, all non-IID,
rate 0.1, it reaches 90 % and then falls to chance; with all of 20 devices it is ahead of FedAvg, as the paper says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning import aggregation
from edgewatt.models.federated.learning.local import Pull
from edgewatt.models.federated.round import Update, Weights
from edgewatt.models.scheduling.constants import constants_of, no_such
from edgewatt.profiler.errors import UsageError

FEDAVG, FEDPROX, FEDNOVA, Q_FEDAVG, SCAFFOLD, FEDL = "fedavg", "fedprox", "fednova", "q_fedavg", "scaffold", "fedl"
METHODS: Final = (FEDAVG, FEDPROX, FEDNOVA, Q_FEDAVG, SCAFFOLD, FEDL)
# These send as many numbers again as the weights have.
DOUBLE: Final = (SCAFFOLD, FEDL)
ALL, OWN = "all", "own"


@dataclass(slots=True, eq=False)
class Method:
    """A method by name on `devices_n` devices, at a learning rate. Raises UsageError for an unknown name."""

    name: str
    devices_n: int
    rate: float
    mu: float = field(default_factory=lambda: float(constants_of("../federated/learning")["method.fedprox_mu"]))
    q: float = field(default_factory=lambda: float(constants_of("../federated/learning")["method.q_fedavg_q"]))
    eta: float = field(default_factory=lambda: float(constants_of("../federated/learning")["method.fedl_eta"]))
    server_rate: float = field(
        default_factory=lambda: float(constants_of("../federated/learning")["method.scaffold_server_rate"])
    )
    of_all: Weights | None = None
    own: dict[int, Weights] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in METHODS:
            raise no_such("method", self.name, list(METHODS))

    def pull(self, device: int, gradient: Weights | None) -> Pull:
        """What device's gradient is changed by; `gradient`: its own at the received weights, for FEDL."""
        if self.name == FEDPROX:
            return Pull(mu=self.mu)
        if self.name == SCAFFOLD and self.of_all is not None:
            own = self.own.get(device)
            return Pull(plus={name: of if own is None else of - own[name] for name, of in self.of_all.items()})
        if self.name == FEDL and self.of_all is not None and gradient is not None:
            eta = np.float32(self.eta)
            return Pull(plus={name: eta * of - gradient[name] for name, of in self.of_all.items()})
        return Pull()

    def more(self, device: int, weights: Weights, update: Update, gradient: Weights | None) -> Mapping[str, Any]:
        """What the device sends beside its weights: `device`, and arrays as `own/NAME`."""
        if self.name == FEDL and gradient is not None:
            return {"device": device} | {f"{OWN}/{name}": of for name, of in gradient.items()}
        if self.name != SCAFFOLD or not update.steps_n:
            return {}
        # Option II of the paper: c_i - c + (x - y_i) / (steps * rate); of what has not been set yet, 0.
        over = np.float32(1 / (update.steps_n * self.rate))
        found: dict[str, Any] = {"device": device}
        for name, before in weights.items():
            moved = (before - update.weights[name]) * over
            own = self.own[device][name] if device in self.own else 0.0
            found[f"{OWN}/{name}"] = (moved + own - (self.of_all[name] if self.of_all is not None else 0.0)).astype(
                before.dtype
            )
        return found

    def refusal(self, update: Update, like: Weights) -> str | None:
        """Why an update may not be taken; None: it may."""
        why = aggregation.acceptable(update, like)
        if why is not None or self.name not in DOUBLE:
            return why
        device = update.more.get("device")
        if not isinstance(device, int) or device < 0:
            return f"it does not say which device it is of, as {self.name} needs"
        return aggregation.fits(_own(update), like)

    def aggregate(self, weights: Weights, updates: Sequence[Update]) -> Weights:
        """The next global weights. Updates that are refused are left out; with none left, the weights as they were."""
        good = [update for update in updates if self.refusal(update, weights) is None]
        if not good:
            return weights
        if self.name == FEDNOVA:
            return aggregation.fednova(weights, good)
        if self.name == Q_FEDAVG:
            return aggregation.q_fedavg(weights, good, self.q, self.rate)
        if self.name == SCAFFOLD:
            self._take_controls(weights, good)
            return aggregation.scaffold(weights, good, self.server_rate)
        if self.name == FEDL:
            self.of_all = aggregation.mean([_own(update) for update in good], aggregation.shares_of(good))
        return aggregation.fedavg(good)

    def _take_controls(self, weights: Weights, updates: Sequence[Update]) -> None:
        """C moves by the sum of the devices' changes over all devices; each device's own is kept."""
        moved = {name: np.zeros(of.shape) for name, of in weights.items()}
        kept = dict(self.own)
        for update in updates:
            device, own = update.more["device"], _own(update)
            before = self.own.get(device)
            for name, of in own.items():
                moved[name] += of if before is None else of.astype(np.float64) - before[name]
            kept[device] = own
        self.own = kept
        self.of_all = {
            name: ((0.0 if self.of_all is None else self.of_all[name]) + of / self.devices_n).astype(
                weights[name].dtype
            )
            for name, of in moved.items()
        }

    def kept(self, device: int | None = None) -> dict[str, NDArray[Any]]:
        """What is kept, as arrays by name: all of it, or what `device` has to be given to train elsewhere."""
        found = {f"{ALL}/{name}": of for name, of in (self.of_all or {}).items()}
        for number, own in self.own.items():
            if device is None or number == device:
                found |= {f"{OWN}/{number}/{name}": of for name, of in own.items()}
        return found

    def keep(self, arrays: Mapping[str, NDArray[Any]], like: Weights) -> None:
        """Take over what `kept` gave, instead of what was kept. Raises UsageError for what it cannot have given."""
        of_all: dict[str, NDArray[Any]] = {}
        own: dict[int, dict[str, NDArray[Any]]] = {}
        for key, of in arrays.items():
            kind, _, name = key.partition("/")
            if kind == ALL:
                of_all[name] = of
                continue
            number, _, name = name.partition("/")
            if kind != OWN or re.fullmatch("[0-9]{1,9}", number) is None:
                raise UsageError(f"what {self.name} keeps has no part {key[:80]!r}")
            own.setdefault(int(number), {})[name] = of
        for part in [*([of_all] if of_all else []), *own.values()]:
            why = aggregation.fits(part, like)
            if why is not None:
                raise UsageError(f"what {self.name} keeps does not fit the network: {why}")
        self.of_all, self.own = of_all or None, dict(own)


def _own(update: Update) -> Weights:
    start = f"{OWN}/"
    return {key[len(start) :]: of for key, of in update.more.items() if key.startswith(start)}
