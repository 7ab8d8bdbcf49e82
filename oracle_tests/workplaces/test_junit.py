"""JUnit's XML as an independent reader reads it: a case per dtype, failing, erring or passing; ignored ones skipped."""

from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from conv_oracle.accepting import Choice, accept
from conv_oracle.report import junit
from workplaces.conftest import EXAMPLE


def read(verdict):
    (suite,) = JUnitXml.fromstring(junit(verdict).encode())
    return suite, [*suite]


def test_what_conforms_passes(conforming):
    suite, (case,) = read(conforming)
    assert (suite.name, suite.tests, suite.failures, suite.errors) == (
        f"{EXAMPLE}/conforming.py:conv2d as conv2d",
        1,
        0,
        0,
    )
    assert (case.name, case.classname, case.result) == ("conv2d float64", f"{EXAMPLE}/conforming.py:conv2d", [])
    assert suite.time == case.time > 0
    assert {one.name: one.value for one in suite.properties()}["seed"] == "1"


def test_what_is_faulty_fails_where_it_is(faulty):
    several = replace(faulty, scope=replace(faulty.scope, dtypes=("float32", "float64")))
    suite, (right, wrong) = read(several)
    assert (suite.tests, suite.failures) == (2, 1)
    assert (right.name, right.result) == ("conv2d float32", [])
    (failure,) = wrong.result
    assert isinstance(failure, Failure)
    assert (failure.type, failure.message) == (
        "kernel-flipped",
        "kernel-flipped: the kernel is read backwards along the width",
    )
    assert "repeat    conv-oracle replay" in failure.text


def test_a_lack_of_a_verdict_is_an_error_and_what_is_ignored_is_skipped(without_verdict, faulty):
    suite, (case,) = read(without_verdict)
    assert (suite.errors, suite.failures) == (1, 0)
    assert isinstance(case.result[0], Error)
    assert "--seconds 9" in case.result[0].message
    suite, (case, ignored) = read(accept(faulty, Choice(ignore=("kernel-flipped",))))
    assert (suite.tests, suite.failures, suite.skipped, case.result) == (2, 0, 1, [])
    assert isinstance(ignored.result[0], Skipped)
    assert ignored.result[0].message.startswith("ignored (by --ignore): kernel-flipped")


def test_what_a_subject_says_breaks_no_xml(faulty):
    one = faulty.findings[0]
    said = "\x00\x1b[31m]]></failure><x> \ud800 \uffff & \U0001f600"
    broken = replace(
        faulty, findings=(replace(one, evidence=replace(one.evidence, text=said), summary=said, diagnosis=None),)
    )
    _, (case,) = read(broken)
    assert "]]></failure><x>" in case.result[0].text
    assert "\U0001f600" in case.result[0].text
    assert "\x1b" not in junit(broken)


def test_the_reader_sees_what_is_not_there(faulty):
    (suite,) = JUnitXml.fromstring(junit(faulty).replace("failure", "remark").encode())
    assert [case.result for case in suite] == [[]]
    with pytest.raises(Exception, match="mismatch"):
        JUnitXml.fromstring(junit(faulty).replace("</testcase>", "").encode())
