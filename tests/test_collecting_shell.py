"""What a device's shell says of a load, whatever it says; and the script in the shells that are here."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.load_script import ASK, script
from edgewatt.collectors.android.loads import lacking_of, parse_load
from edgewatt.collectors.android.stamps import PhoneStamps
from edgewatt.collectors.host.load_clusters import parse_list
from edgewatt.collectors.host.wireless import signal_dbm
from edgewatt.profiler.collecting.checking import check, server_of
from edgewatt.profiler.collecting.load import Load, Ran
from edgewatt.profiler.errors import UsageError

T = "0123abcd"
ADDRESS = "10.0.0.1:7800"
CPU = Load("cpu", 1.0, (4, 6))
SEND = Load("send", 1.0, address=ADDRESS)
EXCHANGE = Load("exchange", 1.0, address=ADDRESS, sent_b=10, received_b=20)
STAMPS = b"1700000000.500000 100.50 1700000001.500000 101.50"


def parsed(said: bytes, load: Load) -> Ran | str:
    return parse_load(said, T, load, PhoneStamps())


def body(*lines: bytes) -> bytes:
    return b"\n".join([b"H %s read" % T.encode(), *lines, b"E %s" % T.encode(), b""])


def test_a_load_is_from_when_its_last_loop_began_to_when_its_first_ended() -> None:
    late = b"1700000000.700000 100.70 1700000001.400000 101.40"
    ran = parsed(body(b"L 6 11 " + STAMPS, b"U 4", b"L 4 22 " + late), CPU)
    assert isinstance(ran, Ran)
    assert ran.t1_ns - ran.t0_ns == 700_000_000
    assert ran.seen == {"loops": [22, 11], "reasons": ["not_bound:cpu4"]}


def test_a_shell_without_a_fine_clock_stamps_by_uptime_and_says_how_coarse() -> None:
    ran = parsed(body(b"L 4 1  100.50  101.50", b"L 6 1  100.50  101.52"), CPU)
    assert isinstance(ran, Ran)
    assert (ran.t1_ns - ran.t0_ns, ran.bound_ns) == (1_000_000_000, 10_000_000)


def test_transfers_are_what_the_server_says_of_them() -> None:
    sent = parsed(body(b"T S 5000000 1000200", b"L - 0 " + STAMPS), SEND)
    assert isinstance(sent, Ran)
    assert sent.seen == {"sent_b": 5_000_000, "send_s": [1.0002]}
    received = parsed(body(b"T   1234", b"L - 0 " + STAMPS), Load("receive", 1.0, address=ADDRESS))
    assert isinstance(received, Ran)
    assert received.seen == {"received_b": 1234, "receive_s": [1.0]}


def test_an_exchange_is_split_into_there_work_and_back() -> None:
    good, set_back = b"X 1000 6000 7500 X 10 900 2000", b"X 9000 6000 7500 X 10 900 0"
    ran = parsed(body(b"", good, set_back, b"L - 2 " + STAMPS), EXCHANGE)
    assert isinstance(ran, Ran)
    assert ran.seen["send_s"] == [0.003]
    assert ran.seen["remote_s"] == [0.002]
    assert ran.seen["receive_s"] == [0.0015]
    assert (ran.seen["exchanges_n"], ran.seen["sent_b"], ran.seen["received_b"]) == (2, 20, 40)
    assert "rtt_s" not in ran.seen


@pytest.mark.parametrize(
    ("said", "load", "why"),
    [
        (b"", CPU, r"it printed b''"),
        (b"sh: syntax error\n", CPU, "syntax error"),
        (b"N it has no dd\n", CPU, "it has no dd"),
        (b"N \x1b[31mred\n", CPU, r"^\[31mred$"),
        (body(b"L 4 1 " + STAMPS), CPU, "2 loops were asked for"),
        (body(b"L 4 1 " + STAMPS, b"L 6 1 a b c d"), CPU, "a stamp has no uptime"),
        (
            body(b"L 4 1 " + STAMPS, b"L 6 1 1700000009.000000 109.00 1700000010.000000 110.00"),
            CPU,
            "did not run at the same time",
        ),
        (body(b"T ", b"L - 0 " + STAMPS), SEND, "the server at 10.0.0.1:7800 did not answer"),
        (body(b"L - 0 " + STAMPS), EXCHANGE, "the server at 10.0.0.1:7800 did not answer"),
        (body(b""), EXCHANGE, "is there a server at 10.0.0.1:7800"),
    ],
)
def test_what_is_wrong_is_said(said: bytes, load: Load, why: str) -> None:
    found = parsed(said, load)
    assert isinstance(found, str)
    assert re.search(why, found)


@given(st.binary(max_size=300), st.sampled_from([CPU, SEND, EXCHANGE]))
def test_any_bytes_give_a_load_or_a_reason(said: bytes, load: Load) -> None:
    for text in (said, body(said), body(b"L 4 1 " + said, b"X " + said, b"T " + said)):
        assert isinstance(parsed(text, load), Ran | str)


@given(st.text(max_size=60))
def test_any_text_of_the_kernel_gives_processors_and_a_signal_or_none(text: str) -> None:
    assert all(cpu >= 0 for cpu in parse_list(text))
    assert signal_dbm(text) is None or -127 < float(signal_dbm(text) or 0) < 0


def test_lists_and_signals_as_kernels_print_them() -> None:
    assert parse_list("0-2,5\n") == [0, 1, 2, 5]
    assert parse_list("0-") == []
    head = "Inter-| sta-|   Quality        |\n face | tus | link level noise |\n"
    assert signal_dbm(head + " wlan0: 0000   54.  -56.  -256        0      0\n") == -56.0
    assert signal_dbm(head) is None


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (Load("cpu", 0.0), "expected seconds above 0"),
        (Load("cpu", 1e9), "at most 900"),
        (Load("cpu", float("nan")), "expected seconds"),
        (Load("cpu", 1.0, (1, 1)), "different numbers"),
        (Load("cpu", 1.0, (0,), 1.5), "expected 0 to 1"),
        (Load("memory", 1.0, (0,)), "bytes of memory"),
        (Load("send", 1.0), "needs a server's address"),
        (Load("exchange", 1.0, address=ADDRESS, sent_b=-1), "expected 0 to"),
        (Load("exchange", 1.0, address=ADDRESS, remote_s=float("inf")), "s of work there"),
    ],
)
def test_what_no_load_is_is_refused(load: Load, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        check(load)


@pytest.mark.parametrize("address", ["", "host", ":1", "a;b:1", "-x:1", "a b:80", "a:0", "a:70000", "a:1;ls", "$(x):1"])
def test_an_address_never_reaches_a_shell_unchecked(address: str) -> None:
    with pytest.raises(UsageError):
        server_of(address)
    with pytest.raises(UsageError):
        script(Load("send", 1.0, address=address), T)


def test_what_a_shell_lacks_is_what_it_cannot_execute() -> None:
    assert lacking_of({"taskset", "dd", "nc", "coprocess", "asked"}) == {}
    assert set(lacking_of({"asked"})) == {"memory", "cpu", "send", "receive", "exchange"}
    assert set(lacking_of({"taskset", "dd", "nc"})) == {"exchange"}
    assert server_of("[fe80::1]:80") == ("fe80::1", 80)


@pytest.mark.peer
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_script_in_a_shell_of_this_machine(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    argv = [shell, *(["--posix"] if shell == "bash" else []), "-c"]
    assert b"asked" in subprocess.run([*argv, ASK], capture_output=True, check=True).stdout
    load = Load("cpu", 0.3, (0,), 0.5)
    with subprocess.Popen([*argv, script(load, T)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ran = parsed(process.stdout.read(), load)
    assert isinstance(ran, Ran), ran
    assert 0 < ran.t1_ns - ran.t0_ns < 20e9
    assert ran.seen["loops"][0] > 0


@pytest.mark.peer
def test_everything_ends_when_nobody_asks_for_it_any_more() -> None:
    """The end of its input: of a connection, also after kill -9 of edgewatt."""
    text = script(Load("cpu", 300.0, (0, 1)), T)
    with subprocess.Popen(["bash", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"H ")
        process.stdin.close()
        # Its loops had the pipe too: it ends with the last of them. One that had ended by then could not be pinned.
        assert process.stdout.read().replace(b"U 0\n", b"").replace(b"U 1\n", b"") == b""
