"""The command of a user, split into words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.runtimes.commands.asked import NAME_LIMIT, Asked, asked
from edgewatt.profiler.errors import UsageError


def test_words_as_a_shell_has_them() -> None:
    found = asked("python train.py --name 'two words' \"x;y\"", env={"A": "b=c"})
    assert found.words == ("python", "train.py", "--name", "two words", "x;y")
    assert (found.name, found.program) == ("python train.py --name 'two words' 'x;y'", "python")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("", "names no program"),
        ("   ", "names no program"),
        ("''", "names no program"),
        ("echo 'x", "no closing quotation"),
        ("a\0b", "NUL"),
        ("a | b", "none is used; write --command 'sh -c"),
        ("a && b", "'&&' means something to a shell"),
        ("a > file", "means something to a shell"),
        ("A=1 python x.py", "give it as --env A=1"),
    ],
)
def test_what_cannot_be_executed_is_refused(command: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        asked(command)


@pytest.mark.parametrize("timeout_s", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_time(timeout_s: float) -> None:
    with pytest.raises(UsageError, match="timeout"):
        asked("true", timeout_s=timeout_s)


@pytest.mark.parametrize("env", [{"": "x"}, {"1A": "x"}, {"A B": "x"}, {"A": "\0"}])
def test_variables_are_variables(env: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--env"):
        asked("true", env=env)


def test_long_commands_have_names_of_their_own() -> None:
    one, other = (asked("python " + "x" * 1000 + tail).name for tail in "ab")
    assert len(one) <= NAME_LIMIT
    assert one != other


@given(st.text(max_size=60))
def test_any_text_is_words_or_refused(command: str) -> None:
    try:
        found = asked(command)
    except UsageError:
        return
    assert isinstance(found, Asked)
    assert found.name.isprintable()
