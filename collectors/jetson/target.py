"""The board that edgewatt runs on as a target: a host, with what else counts on a Jetson in its conditions."""

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.host.target import HostTarget
from edgewatt.collectors.host.temperature import processor_c
from edgewatt.collectors.jetson import facts, heat
from edgewatt.collectors.jetson.finding import look_at
from edgewatt.collectors.jetson.here import look_below
from edgewatt.collectors.jetson.look import Roots
from edgewatt.profiler.errors import DeviceError

# nvpmodel answers at once, jetson_clocks --show within a second (assumed, generously).
ASKING_S: Final = 10.0


class BoardTarget(HostTarget):
    """The board below `roots`. On a board itself its own programs are asked as well; in a folder there are none."""

    def __init__(self, places: Places, roots: Roots, conditions: Conditions) -> None:
        super().__init__(places, conditions)
        self._roots = roots

    def facts(self) -> Mapping[str, Any]:
        """The conditions of a host and of a Jetson, as plain JSON."""
        found = facts.facts_of(look_at(look_below(self._roots), self._roots))
        host = dict(super().facts())
        celsius = {
            name: value for name, value in (host["temperatures_c"] or {}).items() if not heat.is_fixed(name, value)
        }
        host |= {"temperatures_c": celsius, "temperature_c": processor_c(celsius)}
        return {**host, **found, **self._told()}

    def _told(self) -> dict[str, Any]:
        if self._roots.root:
            return {}
        outputs = {}
        for name, argv in facts.COMMANDS.items():
            with contextlib.suppress(DeviceError):  # not installed, or not for us
                done = self.run(argv, timeout_s=ASKING_S)
                if done.returncode == 0:
                    outputs[name] = done.stdout.decode(errors="replace")
        return facts.told(outputs)
