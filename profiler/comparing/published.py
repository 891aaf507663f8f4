"""Published figures beside ours: the ratio, and everything that was not the same. No verdict: nobody can tell it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from edgewatt.profiler.comparing.published_figures import CONDITIONS, UNITS, Figure, Figures
from edgewatt.profiler.comparing.published_ours import Ours
from edgewatt.profiler.errors import NotComparableError, UsageError
from edgewatt.profiler.storage.manifest import plain
from edgewatt.profiler.tables import SCHEMA_VERSION

_UNFIT: Final = re.compile(r"[^a-z0-9]+")
_ENDINGS: Final = (".tflite", ".onnx", ".pt")


@dataclass(frozen=True, slots=True)
class Beside:
    """A published figure and one of ours of the same network; values in `unit`, `ratio` is ours / published.

    `differing`: conditions that both name and that are not the same, `{condition: [published, ours]}`. `unsaid`: what
    the publication does not say; `unknown`: what it says and we do not know. The interval is ours alone, at 95 %: what
    the published figure may be wrong by is not known.
    """

    model: str
    quantity: str
    unit: str
    published: float
    source: str
    basis: str
    ours: float
    low: float | None
    high: float | None
    ratio: float
    ratio_low: float | None
    ratio_high: float | None
    energy_source: str | None
    simulated: bool
    differing: Mapping[str, tuple[str, str]]
    unsaid: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BesidePublished:
    """All pairs in the order of the published figures, and the figures that have none with why."""

    published: str
    ours: str
    rows: tuple[Beside, ...]
    unmatched: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def simulated(self) -> bool:
        """Whether anything of ours is."""
        return any(row.simulated for row in self.rows)

    @property
    def exit_code(self) -> int:
        """3 if nothing matched, else 0."""
        return 0 if self.rows else NotComparableError.exit_code

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        whole = {"schema": SCHEMA_VERSION, **asdict(self), "simulated": self.simulated, "exit_code": self.exit_code}
        return {name: plain(value, name) for name, value in whole.items()}


def beside_published(
    figures: Figures, ours: Sequence[Ours], name: str, match: Collection[str] = ("model",)
) -> BesidePublished:
    """Each figure beside those of ours of the same network and quantity that differ in the fewest conditions.

    `match`: conditions that have to be the same too. Names are compared without case, signs and endings of files.
    Raises UsageError for a condition that there is not.
    """
    if unknown := [key for key in match if key != "model" and key not in CONDITIONS]:
        raise UsageError(f"--match {unknown[0]}: expected conditions out of model, {', '.join(CONDITIONS)}")
    rows: list[Beside] = []
    unmatched: dict[str, None] = {}
    for figure in figures.figures:
        of_model = [one for one in ours if same(one.model, figure.model)]
        alike = [one for one in of_model if one.quantity == figure.quantity and _agree(figure, one, match)]
        if not alike:
            unmatched[_why(figure, of_model, match, name)] = None
        rows += _nearest(figure, alike)
    return BesidePublished(figures.name, name, tuple(rows), tuple(unmatched), figures.notices)


def same(one: str, other: str) -> bool:
    """Whether two names are the same but for case, signs and the ending of a file.

    >>> same("MobileNet V2", "mobilenet_v2.tflite")
    True
    """
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    lower = name.lower()
    return _UNFIT.sub("", next((lower.removesuffix(end) for end in _ENDINGS if lower.endswith(end)), lower))


def _agree(figure: Figure, ours: Ours, match: Collection[str]) -> bool:
    return all(key == "model" or _alike(key, figure.said.get(key), ours.facts.get(key)) for key in match)


def _alike(key: str, said: str | None, fact: Any) -> bool:
    """Whether both name a condition, and name the same; `cpu+xnnpack` is `cpu`."""
    if said is None or fact is None:
        return False
    if isinstance(fact, int | float):
        try:
            return abs(float(said) - fact) <= 1e-3 * abs(fact)
        except ValueError:
            return False
    return same(said, str(fact)) or (key == "target" and same(said, str(fact).partition("+")[0]))


def _nearest(figure: Figure, alike: Sequence[Ours]) -> Iterator[Beside]:
    pairs = [_beside(figure, one) for one in alike]
    fewest = min((len(pair.differing) for pair in pairs), default=0)
    return (pair for pair in pairs if len(pair.differing) == fewest)


def _beside(figure: Figure, ours: Ours) -> Beside:
    both = {key: (figure.said[key], ours.facts.get(key)) for key in CONDITIONS if key in figure.said}
    low, high = (None if bound is None else bound / figure.value for bound in (ours.low, ours.high))
    return Beside(
        model=figure.model,
        quantity=figure.quantity,
        unit=UNITS[figure.quantity][0],
        published=figure.value,
        source=figure.source,
        basis=figure.basis,
        ours=ours.value,
        low=ours.low,
        high=ours.high,
        ratio=ours.value / figure.value,
        ratio_low=low,
        ratio_high=high,
        energy_source=ours.energy_source,
        simulated=ours.simulated,
        differing={key: (a, _text(b)) for key, (a, b) in both.items() if b is not None and not _alike(key, a, b)},
        unsaid=tuple(key for key in CONDITIONS if key not in figure.said and _matters(key, figure.quantity)),
        unknown=tuple(key for key, (_, b) in both.items() if b is None),
    )


def _matters(key: str, quantity: str) -> bool:
    return key != "energy_boundary" or quantity in ("energy", "power")


def _why(figure: Figure, of_model: Sequence[Ours], match: Collection[str], name: str) -> str:
    what = f"{figure.quantity} of {figure.model}"
    if not of_model:
        return f"{what}: {name} has no {figure.model}"
    if not any(one.quantity == figure.quantity for one in of_model):
        return f"{what}: {name} has no {figure.quantity} of it"
    return f"{what}: {name} has none with the same {', '.join(key for key in match if key != 'model')}"


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
