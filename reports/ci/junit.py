"""A check as JUnit XML: a test case for each row, which most systems of continuous integration show by themselves.

The format is that of Ant's junitreport, as pytest and Jenkins write and read it (remembered; there is no standard).
"""

import xml.etree.ElementTree as ET

from edgewatt.profiler.checking.check import Check
from edgewatt.profiler.checking.verdict import Verdict
from edgewatt.reports.comparison import configuration, quantity
from edgewatt.reports.escape import printable
from edgewatt.reports.verdict import headline, in_words, sentence


def junit_xml(check: Check) -> bytes:
    """The suite: a regression is a failure, what nobody can tell a skip with its reason, anything else an error."""
    words = [one.word for one in check.verdicts]
    failures, skipped = words.count("regression"), words.count("cannot_tell")
    errors = words.count("not_comparable") + words.count("not_measured")
    counts = {"tests": len(words), "failures": failures, "errors": errors, "skipped": skipped}
    suite = ET.Element("testsuite", {"name": "edgewatt check", **{key: str(n) for key, n in counts.items()}})
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("verdict", headline(check)),
        ("old", check.old),
        ("new", check.new),
        ("simulated", check.simulated),
    ):
        ET.SubElement(properties, "property", {"name": name, "value": printable(str(value))})
    for one in check.verdicts:
        _case(suite, one)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + text + b"\n"


_KINDS = {"regression": "failure", "not_comparable": "error", "not_measured": "error", "cannot_tell": "skipped"}


def _case(suite: ET.Element, verdict: Verdict) -> None:
    names = {"classname": printable(configuration(verdict.row)), "name": printable(quantity(verdict.row))}
    case = ET.SubElement(suite, "testcase", names)
    said = printable(f"{in_words(verdict.word)}: {sentence(verdict)}")
    if (kind := _KINDS.get(verdict.word)) is not None:
        ET.SubElement(case, kind, {"type": verdict.word, "message": said})
    else:
        ET.SubElement(case, "system-out").text = said
