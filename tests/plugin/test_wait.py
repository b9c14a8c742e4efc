"""Wait, then measure: in the gate."""

from __future__ import annotations

import contextlib
import socket
from types import SimpleNamespace

import jsonschema
import pytest

from pytest_netmon.gate import session


@pytest.fixture
def late(monkeypatch):
    """A port that listens once the progress has said that it refuses."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    found = SimpleNamespace(lines=[], target=f"127.0.0.1:{server.getsockname()[1]}")
    told = session.progress_told

    def listen(*arguments):
        line = told(*arguments)
        if "(refused)" in line:
            server.listen(64)
        found.lines.append(line)
        return line

    monkeypatch.setattr(session, "progress_told", listen)
    with server:
        yield found


def test_a_late_service_is_waited_for_and_then_measured(project, results_schema, late):
    project.write_targets(
        {
            "host": late.target,
            "count": 5,
            "interval": "5ms",
            "wait": {"timeout": "60s", "interval": "20ms", "stable": 2},
        }
    )
    project.run("--netmon").assert_outcomes(passed=1)
    document = project.artifact()
    jsonschema.validate(document, results_schema)
    (endpoint,) = document["endpoints"]
    (samples,) = document["raw_data"]["127.0.0.1"].values()
    assert [sample["check"] for sample in samples] == [1, 2, 3, 4, 5]
    waited = endpoint["waited"]
    assert waited["latest"] == ["refused", "open", "open"]
    assert (waited["met"], waited["outcomes"]) == (True, {"refused": waited["tries"] - 2, "open": 2})
    assert (endpoint["statistics"]["checks"], endpoint["statistics"]["success_rate"]) == (5, 1)
    (note,) = endpoint["notes"]
    tries = waited["tries"]
    assert note == f"waited {waited['took_s']:.1f} s before it was measured ({tries} tries: {tries - 2} x refused)"
    assert endpoint["settings"]["wait"] == {"timeout_s": 60, "interval_s": 0.02, "stable": 2}
    assert any(f"waiting for 1 of 1: {late.target} (refused)" in line for line in late.lines)


def test_the_option_waits_for_all(project, late):
    project.write_targets(late.target)
    project.run("--netmon", "--netmon-wait=60s").assert_outcomes(passed=1)
    (note,) = project.artifact()["endpoints"][0]["notes"]
    assert note.startswith("waited ")
    assert " s until it was reached (" in note


def test_the_time_being_up_is_a_failure_that_says_what_the_last_outcomes_were(project, servers, results_schema):
    down = servers.closed()
    project.write_targets(
        {"host": down.target, "count": 5, "wait": {"timeout": "500ms", "interval": "20ms", "stable": 2}}
    )
    result = project.run("--netmon")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"{down.target}: refused, not reached 2 times in a row within 0.5 s in * tries", "  * x refused *"]
    )
    document = project.artifact()
    jsonschema.validate(document, results_schema)
    assert document["endpoints"][0]["reasons"][0].startswith("not reached 2 times in a row within 0.5 s in ")
    assert 'type="limit"' in project.artifact("netmon-junit.xml")


def test_open_now_and_then_is_not_open_often_enough_in_a_row(project, servers):
    """As often as it could be tried is not often enough, however the wait ends."""
    up = servers.open()
    project.write_targets({"host": up.target, "wait": {"timeout": "200ms", "interval": "1ms", "stable": 150}})
    result = project.run("--netmon", "--netmon-max-rate=50")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"{up.target}: open, not reached 150 times in a row within 0.2 s in * tries",
            "  it was open at the end, but not yet often enough in a row: wait longer, or ask for fewer",
        ]
    )


def test_what_must_be_closed_passes_once_it_is_and_says_what_it_was_before(project, results_schema, monkeypatch):
    told = session.progress_told
    with socket.create_server(("127.0.0.1", 0)) as server:

        def close(*arguments):
            line = told(*arguments)
            if "(open)" in line:
                with contextlib.suppress(OSError):  # told more than once
                    server.shutdown(socket.SHUT_RDWR)  # listens no longer, and keeps the port
            return line

        monkeypatch.setattr(session, "progress_told", close)
        target = f"127.0.0.1:{server.getsockname()[1]}"
        project.write_targets({"host": target, "expect": "closed", "wait": {"timeout": "60s", "stable": 2}})
        result = project.run("--netmon")
    result.assert_outcomes(passed=1)
    document = project.artifact()
    jsonschema.validate(document, results_schema)
    (endpoint,) = document["endpoints"]
    assert endpoint["waited"]["latest"][-2:] == ["refused", "refused"]
    (note,) = endpoint["notes"]
    assert note.startswith("waited ")
    assert " s until it was closed (" in note
    assert note.endswith(" x open)")


def test_what_stays_open_though_it_must_close_fails(project, servers):
    up = servers.open()
    project.write_targets({"host": up.target, "expect": "refused", "wait": "100ms"})
    result = project.run("--netmon")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{up.target}: open, not refused within 0.1 s in 1 try", "  next: see what listens *"])


def test_a_control_is_waited_for_before_the_others_are_judged_by_it(project, late):
    host, _, port = late.target.partition(":")
    text = f"controls: [{{host: {host}, ports: [{port}], wait: 60s}}]\ntargets: ['{late.target}']\n"
    project.write("netmon.yaml", text.replace("ports", "name: gateway, ports"))
    project.run("--netmon", "--netmon-wait=60s").assert_outcomes(passed=2)


def test_a_control_that_never_opens_leaves_the_others_inconclusive(project, servers):
    down, other = servers.closed(), servers.closed()
    text = f"controls: [{{host: 127.0.0.1, ports: [{down.port}], wait: 50ms}}]\ntargets: ['{other.target}']\n"
    project.write("netmon.yaml", text)
    result = project.run("--netmon")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*this control must be reached * not reached within 0.05 s in 1 try: 1 x refused"])


def test_in_no_report_are_the_tries_among_the_checks(project, late):
    project.write_targets({"host": late.target, "count": 3, "interval": "5ms", "wait": "60s"})
    project.run("--netmon").assert_outcomes(passed=1)
    page = project.artifact("netmon.html")
    assert "<dd>3 of 3 checks</dd>" in page
    assert "refused</td>" not in page
    assert 'name="waited_s"' in project.artifact("netmon-junit.xml")
    assert 'name="errors_refused"' not in project.artifact("netmon-junit.xml")
