"""The methods by name, with their constants."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from edgewatt.models.finetuning.adapters import add_adapters
from edgewatt.models.finetuning.baselines import AdaLora, AtRandom, FixedPrefix, train_all, train_head
from edgewatt.models.finetuning.layers import Tuned, layers_of
from edgewatt.models.finetuning.low_rank import add_adalora, add_lora
from edgewatt.models.finetuning.method import Method
from edgewatt.models.finetuning.ours import Ours, Prices
from edgewatt.models.finetuning.plain import Plain
from edgewatt.models.finetuning.safe import Safe
from edgewatt.models.finetuning.threshold import Threshold
from edgewatt.models.scheduling.constants import no_such

METHODS: Final = (
    "full",
    "head",
    "adapters",
    "lora",
    "adalora",
    "adapterdrop",
    "prefix",
    "random",
    "safe",
    "safe-lora",
    "ours",
    "ours-lora",
)

_Of = Callable[[str], float]


def method_of(name: str, of: _Of, seed: int) -> Method:
    """A method by its name, for one training; `of` gives a constant of safe.toml by its dotted name.

    Raises UsageError for another name.
    """
    adapters, lora = partial(_adapters, of), partial(_lora, of)
    made: dict[str, Callable[[], Method]] = {
        "full": lambda: Plain(name, train_all),
        "head": lambda: Plain(name, train_head),
        "adapters": lambda: Plain(name, adapters),
        "lora": lambda: Plain(name, lora),
        "adalora": lambda: AdaLora(name, partial(_adalora, of), of("adalora.warm_up"), of("adalora.last")),
        "adapterdrop": lambda: Plain(name, partial(_upper_adapters, of)),
        "prefix": lambda: FixedPrefix(name, adapters, of("prefix.frozen")),
        "random": lambda: AtRandom(name, adapters, _threshold(of), seed),
        "safe": lambda: Safe(name, adapters, _threshold(of)),
        "safe-lora": lambda: Safe(name, lora, _threshold(of)),
        "ours": lambda: _ours(name, adapters, of),
        "ours-lora": lambda: _ours(name, lora, of),
    }
    if name not in made:
        raise no_such("method", name, list(METHODS))
    return made[name]()


def _threshold(of: _Of) -> Threshold:
    return Threshold(of("safe.warm_up"), of("safe.end"), of("safe.tau"), of("safe.every"))


def _ours(name: str, add: Callable[[Any], Tuned], of: _Of) -> Ours:
    looks = Threshold(of("ours.warm_up"), of("ours.end"), 0.0, of("ours.every"))
    return Ours(name, add, looks, Prices(of("ours.price"), of("ours.memory_weight"), of("ours.cache_ratio")))


def _adapters(of: _Of, model: Any) -> Tuned:
    return add_adapters(model, reduction=of("adapter.reduction"), start_sd=of("adapter.start_sd"))


def _upper_adapters(of: _Of, model: Any) -> Tuned:
    """AdapterDrop (Rueckle et al. 2021), its specialised form: no adapters in the lower layers, for good."""
    dropped_n = round(of("adapterdrop.dropped") * len(layers_of(model)))
    return add_adapters(model, reduction=of("adapter.reduction"), start_sd=of("adapter.start_sd"), skipped_n=dropped_n)


def _lora(of: _Of, model: Any) -> Tuned:
    return add_lora(model, rank=round(of("lora.rank")), alpha=of("lora.alpha"), dropout=of("lora.dropout"))


def _adalora(of: _Of, model: Any) -> Tuned:
    start, end = round(of("adalora.start_rank")), round(of("adalora.end_rank"))
    return add_adalora(model, start_rank=start, end_rank=end, alpha=of("lora.alpha"))
