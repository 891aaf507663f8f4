"""The look-up table of Once-for-All and ProxylessNAS: YAML, a key for each block, its `mean` in milliseconds.

mit-han-lab/once-for-all, ofa/nas/efficiency_predictor/latency_lookup_table.py reads `lut[key]["mean"]` and nothing
else; that it is in milliseconds is how its own tables are used, and nowhere written. A key is
`Conv-input:224x224x3-output:112x112x16`, and of blocks (with `-se:0-hs:0` behind it for MobileNetV3)
`expanded_conv-input:112x112x16-output:112x112x16-expand:1-kernel:3-stride:1-idskip:1`.
Blocks are networks of their own: one is exported where it was measured under its key.
"""

import re
from typing import Final

from edgewatt.reports.formats.by_name import any_simulated, named_rows
from edgewatt.reports.formats.made import MS_PER_S, Given, Made, refuse_nothing
from edgewatt.reports.formats.measured import only

_SHAPE: Final = r"\d+(x\d+){0,2}"
KEY: Final = re.compile(
    rf"(?:(?:Conv|Conv_1|Conv_2|AvgPool2D|Logits)-input:{_SHAPE}-output:{_SHAPE}"
    rf"|expanded_conv-input:{_SHAPE}-output:{_SHAPE}-expand:\d+-kernel:\d+-stride:\d+-idskip:[01](?:-se:[01]-hs:[01])?)",
    re.ASCII,
)


def lookup_table(given: Given) -> Made:
    """`{key: {"mean": ms, "std": ms}}`; the standard deviation, and `simulated`, only where they are."""
    named, left_out = named_rows(given, lambda name: KEY.fullmatch(name) is not None, "no key of a look-up table")
    refuse_nothing(
        named, "ofa", left_out, "blocks measured under their keys (or --names FILE that says which is which)"
    )
    table = {}
    for key, rows in named.items():
        row = only(key, rows, "time_s")
        assert row.time_s is not None  # noqa: S101  (named_rows)
        std = {} if row.time_std_s is None else {"std": MS_PER_S * row.time_std_s}
        table[key] = {"mean": MS_PER_S * row.time_s, **std, **({"simulated": True} if row.simulated else {})}
    return Made(table, left_out, simulated=any_simulated(list(named.values())))
