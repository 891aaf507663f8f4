"""Text from outside stays on one line and plays no tricks."""

from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.text import one_line, printable


@given(st.text(st.characters(codec=None)), st.integers(10, 50))
def test_any_name_becomes_printable_and_bounded(name: str, limit: int) -> None:
    shown = printable(name, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    if name.isprintable() and len(name) <= limit:
        assert shown == name


@given(st.text())
def test_any_message_becomes_one_line(message: str) -> None:
    assert one_line(message).isprintable()


def test_what_is_escaped() -> None:
    assert printable("a\nb\x1b[31m\u202e\udcff é") == r"a\nb\x1b[31m\u202e\udcff é"
    assert one_line("first\n\n  second\t.") == "first second ."
    assert one_line("x" * 1000) == "x" * 297 + "..."
