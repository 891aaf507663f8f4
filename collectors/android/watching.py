"""What a phone's services say of its use: charging, and the frames of the application in front."""

from collections.abc import Mapping
from dataclasses import asdict
from threading import Event
from typing import Any, Final

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.services.batterystats import charge_log
from edgewatt.collectors.android.services.surfaceflinger import PERIOD_S, FrameWatch, foreground

# Charges of a window's attributes; a log has some hundred.
_CHARGES: Final = 1000


def watched(phone: Phone, ended: Event) -> Mapping[str, Any]:
    """See Watching: `frames` is a FrameRate as plain JSON, `charges` a list of Charge. Raises DeviceError."""
    application, frames, why = _frames(phone, ended)
    log = charge_log(phone)
    return {
        "application": application,
        "frames": frames,
        "charges": [asdict(charge) for charge in log.charges[-_CHARGES:]],
        "charges_t0_s": log.t0_s,
        "charges_t1_s": log.t1_s,
        "not_told": [*why, *log.reasons],
    }


def _frames(phone: Phone, ended: Event) -> tuple[str | None, Mapping[str, Any] | None, tuple[str, ...]]:
    """The application in front, its frames until it is ended, and why there are none."""
    application = foreground(phone)
    if application is None:
        ended.wait()
        return None, None, ("the phone does not tell which application is in front",)
    watch = FrameWatch(phone, application)
    while not ended.is_set():
        watch.look()
        ended.wait(PERIOD_S)
    rate = watch.found()
    if not rate.frames_n:
        return application, None, watch.reasons or (f"no frame of {application} was shown",)
    return application, {**asdict(rate), "janks_ratio": rate.janks_ratio}, ()
