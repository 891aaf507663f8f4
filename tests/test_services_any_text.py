"""Whatever a service prints, there is a value or null, a reason or an offer; and whatever comes over the line."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.android.services import BATTERY, GPU_WORK, THERMAL, WIFI, Candidate, Offer, power_stats
from edgewatt.collectors.android.services.asking import ANSWER_LIMIT_B, refusal
from edgewatt.collectors.android.services.script import Answer, Answers
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.protocols import Completed
from tests import services_phone as said

POWER_STATS = power_stats(load("linux_hwmon"))
CASES = {
    "thermal": (THERMAL, said.THERMAL),
    "battery": (BATTERY, said.BATTERY),
    "gpu": (GPU_WORK, said.GPU + "uptime 100.00\n"),
    "rails": (POWER_STATS, said.RAILS),
    "rails of HAL 1.0": (POWER_STATS, said.RAILS_1),
    "wifi": (WIFI, said.WIFI),
}
COLUMN = re.compile(r"[a-z0-9_+-]{1,64}\.[a-z]+_[a-z]+")
SAMPLES = Path(__file__).parents[2] / "shared" / "samples" / "android"


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """`text` with lines lost, doubled, swapped, cut, bytes flipped, or something else in between."""
    content = text
    for _ in range(draw(st.integers(1, 3))):
        lines = content.split("\n")
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        way = draw(st.sampled_from(["lose", "double", "cut", "flip", "insert", "digits"]))
        if way == "lose":
            content = "\n".join(lines[:at] + lines[at + 1 :])
        elif way == "double":
            content = "\n".join([*lines[:at], *lines[at : at + 1], *lines[at:]])
        elif way == "cut":
            content = content[: draw(st.integers(0, len(content)))]
        elif way == "flip" and content:
            at = draw(st.integers(0, len(content) - 1))
            content = content[:at] + draw(st.characters()) + content[at + 1 :]
        elif way == "digits":
            content = re.sub(r"[0-9]+", draw(st.from_regex(r"\A-?[0-9]{0,40}[.,]?[0-9]{0,3}\Z")), content, count=at)
        else:
            content = "\n".join([*lines[:at], draw(st.text(max_size=60)), *lines[at:]])
    return content


def holds(candidate: Candidate, first: str, second: str) -> None:
    """The candidate's promise for these two answers."""
    offer = candidate.offer(candidate.commands[0], first)
    if isinstance(offer, str):
        assert offer.isprintable()
        assert len(offer) < 400
        return
    assert offer.service.channels
    columns = [channel.column for channel in offer.service.channels]
    assert len(set(columns)) == len(columns)
    assert all(COLUMN.fullmatch(column) for column in columns)
    assert all(set(term) <= set(columns) for source in offer.sources for term in source.terms)
    assert all(u.what and u.reason and u.reason.isprintable() for u in offer.unavailable)
    for answer in (first, second):
        values = offer.service.parse(answer)
        assert len(values) == len(columns)
        for channel, value in zip(offer.service.channels, values, strict=True):
            if channel.kind == "counter":
                assert value is None or (isinstance(value, int) and 0 <= value < 2**63)
            else:
                assert value is None or math.isfinite(value)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=40)
@given(data=st.data())
def test_any_damage_gives_a_value_or_a_reason(case: str, data: st.DataObject) -> None:
    candidate, text = CASES[case]
    holds(candidate, data.draw(damaged(text)), data.draw(damaged(text)))
    holds(candidate, text, data.draw(damaged(text)))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=25)
@given(first=st.binary(max_size=400), second=st.binary(max_size=400))
def test_any_bytes_give_a_value_or_a_reason(case: str, first: bytes, second: bytes) -> None:
    candidate, text = CASES[case]
    holds(candidate, first.decode(errors="replace"), second.decode(errors="replace"))
    holds(candidate, text, first.decode(errors="replace"))
    assert refusal(Completed(0, first, second)) is None or first is not None


@pytest.mark.parametrize("case", CASES)
def test_no_pattern_is_slow_on_much_of_the_same(case: str) -> None:
    """Pieces of the format, repeated: what an expression that backtracks would take for ever on."""
    candidate, text = CASES[case]
    pieces = ["\n", " ", "\t", ":", "A", "=", "[errors:", *text.split("\n")[:40], *text.split(" ")[:60]]
    for piece in pieces:
        whole = piece * (ANSWER_LIMIT_B // 8 // max(len(piece), 1))
        holds(candidate, text + whole, whole)


def test_recorded_answers_are_read() -> None:
    found = {
        path.name: candidate.offer(candidate.commands[0], path.read_text(errors="replace"))
        for pattern, candidate in (("dumpsys_thermalservice*", THERMAL), ("dumpsys_battery*", BATTERY))
        for path in SAMPLES.glob(pattern)
    }
    assert all(isinstance(offer, Offer) for offer in found.values()), found


@settings(max_examples=60)
@given(
    answers=st.lists(st.tuples(st.integers(0, 4), st.binary(max_size=40)), max_size=5),
    noise=st.binary(max_size=30),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
def test_answers_are_cut_out_however_they_arrive(
    answers: list[tuple[int, bytes]], noise: bytes, sizes: list[int]
) -> None:
    line = noise + b"\n"
    for at, content in answers:
        line += b"tok B %d 1700000000.000001 10.00\n%s\ntok E %d - 10.05 0\r\n" % (at, content, at)
    cutter, found = Answers("tok"), []
    for number in range(len(line)):
        size = sizes[number % len(sizes)]
        found += cutter.feed(line[:size])
        line = line[size:]
    assert found == [
        Answer(at, content.decode(errors="replace"), (b"1700000000.000001", b"10.00"), (b"-", b"10.05"), 0)
        for at, content in answers
    ]


@settings(max_examples=100)
@given(chunks=st.lists(st.binary(max_size=60) | st.sampled_from([b"tok B 0 - 1.00\n", b"tok E 0 - 1.00 0\n"])))
def test_any_bytes_on_the_line_are_survived(chunks: list[bytes]) -> None:
    cutter = Answers("tok")
    for chunk in chunks:
        for answer in cutter.feed(chunk):
            assert answer.at == 0


def test_an_answer_without_end_is_not_kept() -> None:
    cutter = Answers("tok")
    cutter.feed(b"tok B 0 - 1.00\n")
    for _ in range(20):
        assert cutter.feed(b"x" * (ANSWER_LIMIT_B // 4)) == []
        assert len(cutter._rest) <= ANSWER_LIMIT_B
    (answer,) = cutter.feed(b"\ntok E 0 - 1.00 0\n")
    assert answer.text is None
    (answer,) = cutter.feed(b"tok B 1 - 2.00\nok\ntok E 1 - 2.00 0\n")
    assert answer.text == "ok"
