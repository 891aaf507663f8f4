"""A method that adds something to train and trains it to the end; the others watch or freeze on top of it."""

from collections.abc import Callable, Sequence
from typing import Any

from edgewatt.models.finetuning.checks import check_loss, check_run
from edgewatt.models.finetuning.freezing import frozen_in
from edgewatt.models.finetuning.layers import Tuned
from edgewatt.models.finetuning.method import Run, Spent
from edgewatt.profiler.errors import UsageError


class Plain:
    """`add` makes the model ready: which of it trains is then settled, unless a subclass freezes some."""

    def __init__(self, name: str, add: Callable[[Any], Tuned]) -> None:
        self.name = name
        self._add = add
        self._ready: Tuned | None = None
        self._begun: Run | None = None

    @property
    def tuned(self) -> Tuned:
        """What `prepare` made. Raises UsageError before it."""
        if self._ready is None:
            raise UsageError(f"{self.name} has no model yet: prepare(model) comes first")
        return self._ready

    @property
    def run(self) -> Run:
        """The training. Raises UsageError before `begin`."""
        if self._begun is None:
            raise UsageError(f"{self.name} has not begun: begin(run) comes before the first step")
        return self._begun

    @property
    def layers(self) -> Sequence[Any]:
        """From input to output."""
        return self.tuned.layers

    @property
    def frozen(self) -> tuple[int, ...]:
        """The layers in which nothing trains now."""
        return frozen_in(self.layers)

    @property
    def spent(self) -> Spent:
        """Nothing, where nothing is watched."""
        return Spent()

    def prepare(self, model: Any) -> Any:
        """Make a model ready; a method is for one model."""
        if self._ready is not None:
            raise UsageError(f"{self.name} has prepared a model already; make a new one for each training")
        self._ready = self._add(model)
        return self._ready.model

    def begin(self, run: Run) -> None:
        """Check that this training can go."""
        if run.model is not self.tuned.model:
            raise UsageError(f"{self.name} prepared another model than the one that is to be trained: use what it gave")
        check_run(run)
        self._begun = run

    def before_step(self, step: int, rows: Sequence[int]) -> None:
        """Nothing."""

    def after_step(self, step: int, loss: float) -> None:
        """Stop a training that has diverged."""
        check_loss(step, loss)

    def end(self) -> None:
        """Nothing is held."""
