"""What one run of benchmark_model told."""

from dataclasses import dataclass, field

from edgewatt.collectors.runtimes.benchmark_model.counts import Count
from edgewatt.collectors.runtimes.benchmark_model.op_tables import OpTable


@dataclass(frozen=True, slots=True)
class Phase:
    """Warm-up or measurement. `t0_ns`: it was announced; `t1_ns`: its summary came; None where no stamp tells."""

    count: Count | None = None
    t0_ns: int | None = None
    t1_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """One run of the tool. None: it did not say. Texts are on one printable line each, bounded in number and length.

    `inference_avg_s` is what the closing line says, there even where the `count=` lines are missing.
    `memory_init_b`, `memory_overall_b`: by how much the peak of the resident set grew from the start of the tool until
    the model was ready, and until the end (getrusage's ru_maxrss). `memory_peak_b`: by --report_peak_memory_footprint.
    `from_start`: the output is there from its beginning. `outputs`: complete outputs in the text.
    """

    generation: str | None = None
    from_start: bool = False
    init_s: float | None = None
    first_s: float | None = None
    warmup: Phase = field(default_factory=Phase)
    measured: Phase = field(default_factory=Phase)
    inference_avg_s: float | None = None
    memory_init_b: int | None = None
    memory_overall_b: int | None = None
    memory_peak_b: int | None = None
    vm_rss_b: int | None = None
    threads: int | None = None
    model_size_b: int | None = None
    fully_accelerated: bool | None = None
    delegate_texts: tuple[str, ...] = ()
    unknown_flags: tuple[str, ...] = ()
    duplicate_flags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    op_tables: tuple[OpTable, ...] = ()
    outputs: int = 0
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """The measured phase ended and was summed up."""
        return self.measured.count is not None and self.measured.count.n > 0
