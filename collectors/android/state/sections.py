"""Several questions to a phone's shell in one round trip, each answer in a frame that no answer can forge."""

import secrets
from collections.abc import Mapping
from typing import Final

from edgewatt.collectors.transports.reached import COMMAND_TIMEOUT_S, Reached

# What all answers may hold together; the longest honest one, a whole `dumpsys thermalservice`, has some 20 kB.
ANSWERS_LIMIT_B: Final = 4 << 20
# A service that hangs costs its own answer, not the others'. `timeout` is toybox's, from Android 7 on (remembered).
SERVICE_LIMIT_S: Final = 3

# `keep` lets through the lines that match, or all of them where there is no grep.
_PRELUDE: Final = f"""\
within=
command -v timeout >/dev/null 2>&1 && within='timeout {SERVICE_LIMIT_S}'
keep() {{ if command -v grep >/dev/null 2>&1; then grep -E "$1"; else cat; fi; }}
"""


def ask(phone: Reached, questions: Mapping[str, str], *, timeout_s: float = 2 * COMMAND_TIMEOUT_S) -> dict[str, str]:
    """What each question, shell text of ours, printed; "" where that was nothing.

    A question may use `$within COMMAND` for what could hang, and `keep REGEX` for fewer lines.
    Each question runs in a shell of its own. Raises DeviceError as Reached.sh does.
    """
    token = secrets.token_hex(8)
    parts = [_PRELUDE]
    for number, question in enumerate(questions.values()):
        parts.append(f"echo {token}-{number}\n( {question}\n) 2>/dev/null </dev/null\necho\n")
    parts.append(f"echo {token}-{len(questions)}\n")
    printed = phone.sh("".join(parts), timeout_s=timeout_s, limit_b=ANSWERS_LIMIT_B).stdout
    return dict(zip(questions, split(printed, token, len(questions)), strict=True))


def split(printed: bytes, token: str, count: int) -> list[str]:
    """The text of each of `count` frames; "" for one that is missing. Takes any bytes."""
    answers = [""] * count
    text = printed.decode(errors="replace").replace("\r\n", "\n")
    for number in range(count):
        _, begun, rest = text.partition(f"{token}-{number}\n")
        if begun:
            answers[number] = rest.partition(f"{token}-{number + 1}")[0].strip("\n")
    return answers
