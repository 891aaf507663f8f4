"""What a device that executes loads has to say of itself: its clusters, and which kinds of load it cannot execute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Protocol, runtime_checkable

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.load import Load, Ran
from edgewatt.profiler.errors import DeviceError


class LoadStopped(DeviceError):  # noqa: N818  (says what happened)
    """A load that was told to stop before its time: it has no stamps."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Processors that are alike. `unit` is called as its frequency's channel is: cpu4, by its first processor.

    `steps_hz` ascend, empty where nobody tells them. `policies` are what the condition `frequency` calls it; a machine
    whose processors have one each (x86) has several here.
    """

    unit: str
    cpus: tuple[int, ...]
    steps_hz: tuple[float, ...] = ()
    policies: tuple[str, ...] = ()

    def pin(self, hertz: float) -> str:
        """The value of the condition `frequency` that holds this cluster, and no other, at one step."""
        return ",".join(f"{policy}:{hertz:.0f}" for policy in self.policies)


@dataclass(frozen=True, slots=True)
class Offers:
    """What can be asked of a device's loads. `lacking` has the kinds of load that it cannot execute, and why.

    `interface` is what its transfers go over, None where nobody tells. `unpinned` is why no frequency can be held.
    """

    clusters: tuple[Cluster, ...] = ()
    lacking: Mapping[str, Unavailable] = field(default_factory=dict)
    interface: str | None = None
    unpinned: Unavailable | None = None

    @property
    def cpus(self) -> tuple[int, ...]:
        """All processors, ascending."""
        return tuple(sorted(cpu for cluster in self.clusters for cpu in cluster.cpus))


@runtime_checkable
class Offering(Protocol):
    """Loads of which one may be told to stop, and that say what may be asked of them."""

    def __call__(self, load: Load) -> Ran:
        """See Loads. May be called by a thread of its own while the device executes something else."""
        ...

    def offers(self) -> Offers:
        """What can be asked. Raises DeviceError if the device does not answer."""
        ...

    def stop(self) -> None:
        """End the loads that run: their calls raise LoadStopped. Returns at once, never raises."""
        ...


@runtime_checkable
class Watching(Protocol):
    """A target whose services tell what its user does with it."""

    def watched(self, ended: Event) -> Mapping[str, Any]:
        """What was seen until `ended` is set: `application`, its `frames`, the `charges` before; `not_told`.

        Raises DeviceError.
        """
        ...


def merged(clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
    """Clusters of one processor each become one where their steps are the same, as on x86."""
    if any(len(cluster.cpus) != 1 for cluster in clusters):
        return clusters
    alike: dict[tuple[float, ...], list[Cluster]] = {}
    for cluster in clusters:
        alike.setdefault(cluster.steps_hz, []).append(cluster)
    return tuple(
        Cluster(
            of[0].unit,
            tuple(cpu for one in of for cpu in one.cpus),
            steps_hz,
            tuple(policy for one in of for policy in one.policies),
        )
        for steps_hz, of in alike.items()
    )
