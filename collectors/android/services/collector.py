"""The collector that asks a phone's services, each at its own slow period, over a connection of its own."""

import secrets
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from edgewatt.collectors.android.again import Again, Running
from edgewatt.collectors.android.files.nodes import Service, Values
from edgewatt.collectors.android.phone import RECONNECT_S, RETRY_S, Phone
from edgewatt.collectors.android.services.asking import ANSWER_LIMIT_B, ASK_TIMEOUT_S, Candidate, Offer, refusal
from edgewatt.collectors.android.services.script import Answer, Answers, one, script
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.transports.link import Link, LinkLost
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, End, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed

NAME: Final = "services"
# Beyond the bound that the phone itself keeps: a slow link, a phone under load (assumed).
GRACE_S: Final = 3.0
# A connection on which nothing came for so long, though something is asked every few seconds, is lost (assumed).
SILENT_S: Final = 30.0
_INT64_MAX: Final = 2**63 - 1


class Services:
    """Those of the `wanted` services that answer at `open`, asked again and again until the connection is gone.

    Rows are stamped `phone.boottime`, midway between the question and the end of the answer. An answer without any
    value is a row of nulls, and a Gap of no length says where that began. A lost connection is a Gap in every
    stream; it is made again for RECONNECT_S seconds, then the collector ends.
    """

    def __init__(
        self, phone: Phone, wanted: Callable[[], Iterable[Candidate]], *, reconnect_s: float = RECONNECT_S
    ) -> None:
        self._phone, self._wanted, self._reconnect_s = phone, wanted, reconnect_s
        self._clock: Clock | None = None
        self._services: tuple[Service, ...] = ()
        self._running: Running | None = None
        self._again: Again | None = None
        self._end: End | None = None
        self._begin(())

    def open(self, clock: Clock) -> Opened:
        """What the services give, and why others give nothing. Raises DeviceError if the phone is not there."""
        self.close()
        self._clock = clock
        link = self._phone.connect()
        try:
            offers, unavailable = _survey(link, self._wanted())
            self._begin(tuple(offer.service for offer in offers))
            if offers:
                self._running = self._asking(link)
                self._answers = Answers(self._running.token)
        finally:
            if self._running is None:
                link.close()
        self._heard_s = self._phone.monotonic_s()
        return Opened(
            NAME,
            {service.stream: service.channels for service in self._services},
            (*unavailable, *(missing for offer in offers for missing in offer.unavailable)),
            tuple(source for offer in offers for source in offer.sources),
            PHONE_CLOCK,
            facts={
                "periods_s": {s.stream: s.period_s for s in self._services},
                "asked": {s.stream: s.command for s in self._services},
            },
        )

    def read(self, timeout_s: float) -> Batch | Gap | End:
        """One row of one service, a Gap, an empty Batch if nothing came, or the End after a phone that stayed away."""
        if self._waiting:
            return self._waiting.popleft()
        if self._end is not None:
            return self._end
        if self._again is not None:
            self._come_back(self._again, timeout_s)
        elif self._running is not None:
            self._listen(self._running, timeout_s)
        elif self._clock is not None:
            self._clock.sleep(timeout_s)
        return self._waiting.popleft() if self._waiting else self._end or Batch.empty()

    def close(self) -> None:
        """Hang up: the script on the phone ends."""
        if self._again is not None:
            self._again.close()
        if self._running is not None:
            self._running.close()
        self._again = self._running = self._end = None
        self._begin(())

    def _begin(self, services: tuple[Service, ...]) -> None:
        self._services = services
        self._answers = Answers("")
        self._waiting: deque[Batch | Gap] = deque()
        self._last_ns: dict[str, int] = {}
        self._failing: set[str] = set()
        self._away: dict[str, str] = {}
        self._lost_s: float | None = None
        self._heard_s = 0.0

    def _asking(self, link: Link) -> Running:
        token = secrets.token_hex(8)
        return Running(link, link.stream(script(self._services, token)), token)

    def _listen(self, running: Running, timeout_s: float) -> None:
        try:
            chunk = running.stream.read(timeout_s)
        except DeviceError as error:
            self._lose(str(error))
            return
        now_s = self._phone.monotonic_s()
        if chunk is None:
            self._lose("the script that asks the services ended on the phone")
        elif chunk:
            self._heard_s = now_s
            for answer in self._answers.feed(chunk):
                self._take(answer)
        elif now_s - self._heard_s > SILENT_S + max(s.period_s for s in self._services):
            self._lose(f"nothing came for {now_s - self._heard_s:.0f} s")

    def _lose(self, cause: str) -> None:
        """Mark the loss in every stream and begin to connect again; an End if that never brought an answer."""
        if self._running is not None:
            self._running.close()
            self._running = None
        now_s = self._phone.monotonic_s()
        if self._lost_s is None:
            self._lost_s = now_s
            self._away = {service.stream: cause for service in self._services}
            self._waiting.extend(Gap(at, at, cause, stream=stream) for stream, at in self._last_ns.items())
        left_s = self._reconnect_s - (now_s - self._lost_s)
        if left_s <= 0:
            self._end = End(f"{cause} (tried again for {self._reconnect_s:g} s)")
            return
        self._again = Again(self._start, left_s, self._phone.monotonic_s)

    def _start(self) -> Running:
        # In a thread, and not at once: what was just lost, or ended as soon as it was started, needs its time.
        self._phone.sleep(RETRY_S)
        link = self._phone.connect()
        try:
            return self._asking(link)
        except BaseException:
            link.close()
            raise

    def _come_back(self, again: Again, timeout_s: float) -> None:
        try:
            running = again.wait(timeout_s)
        except DeviceError as error:
            self._again, self._end = None, End(str(error))
            return
        if running is not None:
            self._again, self._running = None, running
            self._answers, self._heard_s = Answers(running.token), self._phone.monotonic_s()

    def _take(self, answer: Answer) -> None:
        if answer.at >= len(self._services):
            return
        service = self._services[answer.at]
        asked_ns = self._phone.stamps.to_ns(*answer.before)
        answered_ns = self._phone.stamps.to_ns(*answer.after)
        if asked_ns is None or answered_ns is None:
            return
        last_ns = self._last_ns.get(service.stream)
        t_ns = (asked_ns + answered_ns) // 2
        t_ns = t_ns if last_ns is None else max(t_ns, last_ns)
        self._last_ns[service.stream], self._lost_s = t_ns, None
        if (cause := self._away.pop(service.stream, None)) is not None and last_ns is not None:
            lost = round((t_ns - last_ns) / (service.period_s * NS_PER_S))
            self._waiting.append(Gap(last_ns, t_ns, cause, lost, service.stream))
        values: Values = [None] * len(service.channels) if answer.text is None else service.parse(answer.text)
        self._waiting.append(_row(service, t_ns, values))
        if any(value is not None for value in values):
            self._failing.discard(service.stream)
        elif service.stream not in self._failing:
            self._failing.add(service.stream)
            self._waiting.append(Gap(t_ns, t_ns, f"{service.command}: {_why(answer)}", 1, service.stream))


def _survey(link: Link, wanted: Iterable[Candidate]) -> tuple[list[Offer], list[Unavailable]]:
    """The services that answer, and why the others are none."""
    offers: list[Offer] = []
    unavailable: list[Unavailable] = []
    for candidate in wanted:
        reasons = []
        for command in candidate.commands:
            found = _first_look(link, candidate, command)
            if isinstance(found, Offer):
                offers.append(found)
                break
            reasons.append(f"{command}: {found}")
        else:
            unavailable.append(Unavailable(candidate.what, "; ".join(reasons)))
    return offers, unavailable


def _first_look(link: Link, candidate: Candidate, command: str) -> Offer | str:
    try:
        answer = link.run(one(command), timeout_s=ASK_TIMEOUT_S + GRACE_S, limit_b=ANSWER_LIMIT_B)
    except LinkLost:
        raise
    except DeviceError as error:
        return str(error)
    return refusal(answer) or candidate.offer(command, answer.stdout.decode(errors="replace"))


def _row(service: Service, t_ns: int, values: Values) -> Batch:
    columns = {c.column: _stored(c, value) for c, value in zip(service.channels, values, strict=True)}
    return Batch.row(t_ns, columns, stream=service.stream)


def _stored(channel: Channel, value: float | None) -> float | int | None:
    if channel.kind == "counter":
        return COUNTER_ABSENT if value is None or not 0 <= value <= _INT64_MAX else int(value)
    return None if value is None or not np.isfinite(value) else float(value)


def _why(answer: Answer) -> str:
    if answer.text is None:
        return f"more than {ANSWER_LIMIT_B >> 20} MiB"
    return refusal(Completed(answer.returncode, answer.text.encode(), b"")) or "no value in it"
