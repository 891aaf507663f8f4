"""Short profile runs in virtual time, and the sampler's lines of one."""

from functools import cache

from edgewatt.collectors.android.sampler.lines import Header, parse_line
from edgewatt.collectors.android.sampler.survey import parse_survey
from edgewatt.virtual_lab.phone.virtual_time import Plan, VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.telling import SELF_STAT

S = 1_000_000_000
MS = 1_000_000
TOKEN = "0123456789abcdef"
SHORT = Plan(repeats=2, seconds=1.0, warmup_s=0.2, idle_s=1.0, settle_s=0.2)


def new_run(name: str = "pixel", seed: int = 1, *quirks: str, plan: Plan = SHORT) -> VirtualRun:
    return VirtualRun(name, seed, plan, quirks)


def streams(run: VirtualRun) -> list[tuple[float, list[str]]]:
    """Every file in a stream of its kind."""
    paths = list(parse_survey(run.survey(run.begin_ns)))
    counters = [path for path in paths if path.endswith("energy_value")]
    gauge = [path for path in paths if "/power_supply/" in path]
    others = [path for path in paths if path not in {*counters, *gauge}]
    return [*((0.032, [path]) for path in counters), (0.1, others), (1.0, [*gauge, SELF_STAT])]


def sampled(run: VirtualRun) -> bytes:
    return run.sampler(streams(run), TOKEN, *run.sampled_ns)


def rows(run: VirtualRun, said: bytes) -> list[list[bytes]]:
    """The fields of every row; all of them are the sampler's."""
    widths = [len(paths) for _, paths in streams(run)]
    head, *lines = [parse_line(line, TOKEN, widths) for line in said.splitlines()]
    assert isinstance(head, Header)
    assert all(isinstance(line, list) for line in lines), [line for line in lines if isinstance(line, str)][:1]
    return lines  # type: ignore[return-value]


known = cache(new_run)
