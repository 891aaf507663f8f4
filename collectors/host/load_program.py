"""Executes one load on this machine and says when: `load_program.py '{"kind": "cpu", "seconds": 5, "cpus": [0], ...}'`.

A program of its own, of the standard library alone. Its loops are children, each bound to one processor; they begin at
one instant. All of it ends when the time is over, and within a period when standard input ends. The last line is JSON:
`spans` (begin and end of each on CLOCK_MONOTONIC in ns), `loops`, and `seen` (see Ran).
"""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

LEAD_S = 0.3
PERIOD_S = 0.1
LISTED = 1000
CHUNK = bytes(1 << 16)

Told = dict[str, Any]


def main() -> None:
    """Execute what the first argument says."""
    load = json.loads(sys.argv[1])
    start_ns = time.monotonic_ns() + int(LEAD_S * 1e9)
    end_ns = start_ns + int(load["seconds"] * 1e9)
    if load["kind"] in ("send", "receive", "exchange"):
        told = [transferred(load, start_ns)]
    elif load["cpus"] and load["duty_ratio"] and load["kind"] != "idle":
        told = in_children(load, start_ns, end_ns)
    else:
        wait_until(start_ns, attached)
        begun_ns = time.monotonic_ns()
        wait_until(end_ns, attached)
        told = [{"span": [begun_ns, time.monotonic_ns()]}]
    print(
        json.dumps({"spans": [one["span"] for one in told], "loops": [one.get("loops") for one in told], **seen(told)})
    )


def seen(told: list[Told]) -> Told:
    """What was seen beside the loops, of the one process that saw it."""
    return {"seen": told[0].get("seen", {}), "unbound": [cpu for one in told for cpu in one.get("unbound", [])]}


def attached() -> bool:
    """False once standard input has ended: whoever asked for the load is gone."""
    ready, _, _ = select.select([0], [], [], 0)
    return not ready or bool(os.read(0, 1))


def wait_until(at_ns: int, is_wanted: Callable[[], bool]) -> None:
    """Sleep until then; leave once nobody wants it."""
    while (left_ns := at_ns - time.monotonic_ns()) > 0:
        if not is_wanted():
            sys.exit(1)
        time.sleep(min(left_ns / 1e9, PERIOD_S))


def in_children(load: Told, start_ns: int, end_ns: int) -> list[Told]:
    """A child for each processor, and what each said."""
    children: dict[int, int] = {}
    parent = os.getpid()
    for cpu in load["cpus"]:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            done = looped(load, cpu, start_ns, end_ns, lambda: os.getppid() == parent)
            os.write(write, json.dumps(done).encode())
            os._exit(0)
        os.close(write)
        children[child] = read
    try:
        wait_until(end_ns, attached)
        return [json.loads(os.read(read, 1 << 16)) for read in children.values()]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def looped(load: Told, cpu: int, start_ns: int, end_ns: int, is_wanted: Callable[[], bool]) -> Told:
    """The loop of one processor."""
    told: Told = {"loops": 0}
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, AttributeError):
        told["unbound"] = [cpu]
    work = copying(load["memory_b"]) if load["kind"] == "memory" else None
    wait_until(start_ns, is_wanted)
    begun_ns = now_ns = time.monotonic_ns()
    period_ns, duty = int(PERIOD_S * 1e9), load["duty_ratio"]
    turn_ns = start_ns
    while now_ns < end_ns:
        if not is_wanted():
            os._exit(1)
        busy_until_ns = min(turn_ns + int(duty * period_ns), end_ns)
        turn_ns += period_ns
        while now_ns < busy_until_ns:
            if work is not None:
                work()
            told["loops"] += 1
            now_ns = time.monotonic_ns()
        if now_ns > turn_ns:
            turn_ns = now_ns - now_ns % period_ns + start_ns % period_ns
        rest_ns = min(turn_ns, end_ns) - now_ns
        if rest_ns > 0 and duty < 1:
            time.sleep(rest_ns / 1e9)
        now_ns = time.monotonic_ns()
    return {**told, "span": [begun_ns, now_ns]}


def copying(memory_b: int) -> Callable[[], None]:
    """A copy of 1 MiB, or all if that is less: the next one of a buffer of so many bytes each time, there and back."""
    source, target = memoryview(bytearray(memory_b)), memoryview(bytearray(memory_b))
    step = min(memory_b, 1 << 20)
    at = 0

    def copy() -> None:
        nonlocal at
        target[at : at + step] = source[at : at + step]
        at = 0 if at + 2 * step > memory_b else at + step

    return copy


def transferred(load: Told, start_ns: int) -> Told:
    """Bytes to and from a server; what it understands is in profiler/collecting/server.py."""
    host, port = load["address"]
    with socket.create_connection((host, port), timeout=10) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return {"send": sent, "receive": received, "exchange": exchanged}[load["kind"]](load, server, start_ns)


def sent(load: Told, server: socket.socket, start_ns: int) -> Told:
    """As fast as it goes, until the server says how much came."""
    wait_until(start_ns, attached)
    begun_ns = time.monotonic_ns()
    server.sendall(b"S %d\n" % int(load["seconds"] * 1000))
    server.settimeout(None)
    end_ns = begun_ns + int((load["seconds"] + 10) * 1e9)
    while time.monotonic_ns() < end_ns and attached():
        ready, writable, _ = select.select([server], [server], [], PERIOD_S)
        if ready:
            words = server.recv(100).split()
            count, took_us = int(words[1]), int(words[2])
            span = [begun_ns, time.monotonic_ns()]
            return {"span": span, "seen": {"sent_b": count, "send_s": [took_us / 1e6]}}
        if writable:
            server.send(CHUNK)
    sys.exit("the server did not answer")


def received(load: Told, server: socket.socket, start_ns: int) -> Told:
    """As fast as it comes, until the server ends it."""
    wait_until(start_ns, attached)
    begun_ns = time.monotonic_ns()
    server.sendall(b"R %d\n" % int(load["seconds"] * 1000))
    count = 0
    while (chunk := server.recv(1 << 16)) and attached():
        count += len(chunk)
    span = [begun_ns, time.monotonic_ns()]
    return {"span": span, "seen": {"received_b": count, "receive_s": [(span[1] - span[0]) / 1e9]}}


def exchanged(load: Told, server: socket.socket, start_ns: int) -> Told:
    """Again and again, on one connection."""
    up_b, down_b, remote_us = load["sent_b"], load["received_b"], int(load["remote_s"] * 1e6)
    asked = b"X %d %d %d\n" % (up_b, down_b, remote_us) + bytes(up_b)
    answered(server, b"X 0 0 0\n", 0)
    wait_until(start_ns, attached)
    begun_ns = time.monotonic_ns()
    end_ns = begun_ns + int(load["seconds"] * 1e9)
    count = 0
    exchanges: list[list[int]] = []
    while time.monotonic_ns() < end_ns and attached():
        one = answered(server, asked, down_b)
        count += 1
        if len(exchanges) < LISTED:
            exchanges.append(one)
    return {"span": [begun_ns, time.monotonic_ns()], "seen": {"exchanges": exchanges, "count": count}}


def answered(server: socket.socket, asked: bytes, down_b: int) -> list[int]:
    """One exchange: when it began, was answered and had all its bytes, in us, and the three numbers of the server."""
    begun_ns = time.monotonic_ns()
    server.sendall(asked)
    line = b""
    while not line.endswith(b"\n") and len(line) < 100:
        if not (one := server.recv(1)):
            sys.exit("the server ended in the middle")
        line += one
    answered_ns = time.monotonic_ns()
    while down_b:
        down_b -= len(server.recv(min(down_b, 1 << 16))) or sys.exit("the server ended in the middle")
    return [t // 1000 for t in (begun_ns, answered_ns, time.monotonic_ns())] + [int(word) for word in line.split()[1:4]]


if __name__ == "__main__":
    main()
