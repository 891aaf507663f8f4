"""What somebody may have meant by a name that is not known."""

import difflib
from collections.abc import Collection, Mapping
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

_LISTED: Final = 12
_NEAR_N: Final = 3
_NEAR_RATIO: Final = 0.5


def unknown(what: str, asked: str, known: Collection[str], also: Mapping[str, str] | None = None) -> UsageError:
    """That `asked` is none of the `known` names: the nearest of them, or the first few of all.

    `also` are other names, in lower case, of what is known; one is shown as `KR (south korea)`.
    """
    names = {name.casefold(): name for name in known}
    names |= {name: f"{of} ({name})" for name, of in (also or {}).items() if name not in names}
    word = asked.strip().casefold()
    inside = [name for name in names if len(word) > _NEAR_N and word in name]
    near = [names[name] for name in (inside or difflib.get_close_matches(word, names, _NEAR_N, _NEAR_RATIO))[:_NEAR_N]]
    if near:
        return UsageError(f"{what} {shown(asked)} is not known; did you mean {' or '.join(near)}?")
    listed = sorted(known)
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return UsageError(f"{what} {shown(asked)} is not known; known are {', '.join(listed[:_LISTED])}{more}")
