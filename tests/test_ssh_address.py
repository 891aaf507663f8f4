"""USER@BOARD as OpenSSH is told it: nothing of it is an option, a word of a shell, or a question to the user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.boards.device import open_board
from edgewatt.collectors.transports.ssh_address import Address, parse_address
from edgewatt.collectors.transports.ssh_master import OPTIONS, ssh_argv
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("//nvidia@192.168.1.20", Address("192.168.1.20", "nvidia")),
        ("//orin", Address("orin")),
        ("//orin/", Address("orin")),
        ("//a.b-c_d@orin-nano.local:2222", Address("orin-nano.local", "a.b-c_d", 2222)),
        ("//pi@[fe80::1%eth0]:22", Address("fe80::1%eth0", "pi", 22)),
        ("//_svc$@board", Address("board", "_svc$")),
    ],
)
def test_what_an_address_says(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(address.text.removeprefix("ssh:")) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nvidia@board",
        "//",
        "//@board",
        "//-oProxyCommand=reboot",
        "//-l@board",
        "//user@-board",
        "//user@board;reboot",
        "//user@$(reboot)",
        "//us er@board",
        "//user@bo ard",
        "//user@board:0",
        "//user@board:65536",
        "//user@board:22x",
        "//user@board/path",
        "//user@board\n",
        "//a@b@c",
        "//user@[::1",
        "//user:password@board",
        "//" + "u" * 300 + "@board",
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_started(text: str) -> None:
    with pytest.raises(UsageError, match="expected ssh://"):
        parse_address(text)
    with pytest.raises(UsageError, match="expected ssh://"):
        open_board(parse_uri(f"ssh:{text}"))


@given(st.text())
def test_every_argument_made_of_a_text_is_a_plain_word(text: str) -> None:
    try:
        address = parse_address(f"//{text}")
    except UsageError:
        return
    *_, separator, host = address.argv()
    assert (separator, host) == ("--", address.host)
    for word in (address.host, address.user or "x"):
        assert word.isprintable()
        assert not word.startswith("-")
        assert not set(word) & set("\"'`$;&|<>()\\ *?!#~{}") - {"$"}


def test_arguments_are_those_of_the_user_and_end_the_options() -> None:
    assert Address("board").argv() == ["--", "board"]
    assert Address("::1", "pi", 2222).argv() == ["-l", "pi", "-p", "2222", "--", "::1"]
    assert Address("::1", "pi", 2222).typed == "ssh -p 2222 pi@::1"


def test_ssh_never_asks_never_forwards_and_never_executes_anything_else() -> None:
    argv = ssh_argv("ControlMaster=no")
    assert argv[:2] == ["ssh", "-T"]
    assert argv[2::2] == ["-o"] * (len(OPTIONS) + 1)
    assert argv[-1] == "ControlMaster=no"
    assert {"BatchMode=yes", "ForwardAgent=no", "ClearAllForwardings=yes", "RemoteCommand=none"} < set(argv)


@pytest.mark.parametrize(
    "query",
    ["root=relative", "sysfs=/a/../b", "period=0", "period=x", "sampler=detached", "proc=/a%0ab", "unknown=1"],
)
def test_an_option_that_is_none_is_refused_before_anything_is_started(query: str) -> None:
    with pytest.raises(UsageError, match=query.partition("=")[0]):
        open_board(parse_uri(f"ssh://user@board.invalid?{query}"))
