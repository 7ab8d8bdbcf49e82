"""A verdict as JUnit's XML, which CI systems show: a suite per audit, a case per dtype."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from conv_oracle.auditing import Verdict
from conv_oracle.report.brief import brief_finding
from conv_oracle.report.terminal import headline, named

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Verdict) -> str:
    """One suite with a case for each dtype, which fails with the findings there, and one, skipped, for each ignored.

    A case is an error where there is no verdict.
    """
    options, scope = verdict.options, verdict.scope
    dtypes = dict.fromkeys((*scope.dtypes, *(finding.problem.dtype for finding in verdict.findings)))
    cases = [_case(verdict, dtype) for dtype in dtypes]
    for one in verdict.ignored:
        case = _element("testcase", name=one.finding.name, classname=options.target, time="0")
        case.append(_element("skipped", message=f"ignored ({one.reason}): {named(one.finding)}"))
        cases.append(case)
    cases[0].set("time", f"{verdict.seconds:.3f}")
    counts = {f"{name}s": str(sum(case.find(name) is not None for case in cases)) for name in ("failure", "error")}
    counts["skipped"] = str(len(verdict.ignored))
    about = {"name": f"{options.target} as {options.op}", "tests": str(len(cases)), **counts}
    suite = _element("testsuite", **about, time=f"{verdict.seconds:.3f}")
    told = {"seed": options.seed, "level": options.level.name, "calls": scope.calls, **verdict.versions}
    properties = ET.SubElement(suite, "properties")
    properties.extend(_element("property", name=name, value=str(value)) for name, value in told.items())
    suite.extend(cases)
    whole = _element("testsuites", **about)
    whole.append(suite)
    ET.indent(whole)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(whole, encoding='unicode')}\n"


def _case(verdict: Verdict, dtype: str) -> ET.Element:
    options = verdict.options
    case = _element("testcase", name=f"{options.op} {dtype}", classname=options.target, time="0")
    if found := [finding for finding in verdict.findings if finding.problem.dtype == dtype]:
        told = _element("failure", message="; ".join(map(named, found)), type=found[0].name)
        told.text = _allowed("\n\n".join("\n".join(brief_finding(finding, verdict)) for finding in found))
        case.append(told)
    elif verdict.verdict == "no-verdict":
        case.append(_element("error", message=headline(verdict), type="no-verdict"))
    return case


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(tag, {name: _allowed(value) for name, value in attributes.items()})


def _allowed(text: str) -> str:
    """The text, with a question mark for what XML cannot hold, as the control characters that a subject may return."""
    return FORBIDDEN.sub("?", text)
