"""Looks at phones that do not exist: texts by path below /sys and /proc, in the formats of real ones."""

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from edgewatt.collectors.android.files.look import Found, Look
from edgewatt.collectors.android.files.nodes import Node, Seen
from edgewatt.device_profiles.loader import DeviceProfile, load, parse

Texts = Mapping[str, str | None]
DENIED = "permission denied"

# What a damaged or hostile file may say: anything, and pieces of what such files do say.
PIECES = st.sampled_from(
    (
        *("0", "1", "-1", "42", "9" * 18, "9" * 25, "1.5", "nan", "inf", "1e9", "\u0663", "\u00bd", "-273000", "0 0"),
        *("%", " ", "\n", "t=", "CH", "@", "Hz", "=", "[", "]", "(", ")", ",", ":", "\x00", "\u2028", "\ud800"),
        *("cpu  1 2 3 4", "cpu0", "intr 5", "Discharging", "POWER_SUPPLY_STATUS=Full", "[GPU-OPP] Freq: 3"),
        *("300000 12\n", "CH0(T=5)[A], 7"),
    )
)
ANY_TEXT = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=12).map("".join))


def seen(texts: Texts) -> dict[str, Seen]:
    """By path below the root: a text, or None for a file that the shell is denied."""
    return {f"/{path}": Seen(f"/{path}", text, "" if text is not None else DENIED) for path, text in texts.items()}


def look(
    texts: Texts, profile: DeviceProfile | str = "android_phone", *, earlier: Texts | None = None, **more: float
) -> Look:
    known = load(profile) if isinstance(profile, str) else profile
    return Look(seen(texts), known, "/sys", "/proc", earlier=seen(earlier or {}), **more)


def with_facts(**facts: str | float) -> DeviceProfile:
    lines = ['name = "mine"', 'kind = "phone"', 'title = "mine"']
    for key, value in facts.items():
        lines += [f"[facts.{key}]", f"value = {value!r}", 'source = "made up"']
    return parse("\n".join(lines).encode(), "mine.toml")


def columns(found: Found) -> list[str]:
    return [channel.column for node in found.nodes for channel in node.channels]


def node_of(found: Found, column: str) -> Node:
    return next(node for node in found.nodes if column in [channel.column for channel in node.channels])


def reasons(found: Found) -> dict[str, str]:
    return {missing.what: missing.reason for missing in found.unavailable}


def read(found: Found, texts: Texts) -> dict[str, float | int | None]:
    """One row: every node parses its file as a sampler does it, in their order; a file that fails is not parsed."""
    row: dict[str, float | int | None] = {}
    for node in found.nodes:
        text = texts.get(node.path.removeprefix("/"))
        given = text if node.whole else (text or "").split("\n")[0]
        values: Sequence[float | int | None] = node.parse(given) if given else [None] * len(node.channels)
        assert len(values) == len(node.channels)
        row |= {channel.column: value for channel, value in zip(node.channels, values, strict=True)}
    return row
