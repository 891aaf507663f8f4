"""The process of a meter that stands beside its client: `python -m edgewatt.virtual_lab.monsoon.process`.

A JSON on its input makes the meter; a further line, or the end of the input, ends it.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from edgewatt.virtual_lab.monsoon.build import SERIAL_LVPM
from edgewatt.virtual_lab.monsoon.lvpm import Lvpm
from edgewatt.virtual_lab.monsoon.pty_line import PtyLine
from edgewatt.virtual_lab.monsoon.setup import Log, Setup
from edgewatt.virtual_lab.monsoon.usb_meter import UsbMeter
from edgewatt.virtual_lab.monsoon.usb_port import UsbPort
from edgewatt.virtual_lab.monsoon.usb_socket import PortServer
from edgewatt.virtual_lab.phone.standing import READY, become_punctual

_PRIORITY = 4


def main() -> None:
    """Be one meter."""
    become_punctual(_PRIORITY)
    # Unbuffered: what follows is for whoever waits on the descriptor.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as plain:
        config = json.loads(plain.readline())
    folder = Path(config["folder"])
    setup = Setup(**config["setup"])
    meter = setup.meter()
    log = Log(folder / config["log"])
    served: PtyLine | PortServer
    if meter.model is SERIAL_LVPM:
        served = PtyLine(Lvpm(meter), folder)
        log.begin({"monsoon": served.path, "link": str(served.link)}, meter)
    else:
        served = PortServer(UsbPort(UsbMeter(meter, setup.queue)), folder / "usb")
        log.begin({"monsoon": f"usb:{served.path}"}, meter)
    print(READY, flush=True)
    served.run(sys.stdin.fileno())
    log.close()
    if not os.read(sys.stdin.fileno(), 1):
        # Whoever made it was killed.
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
