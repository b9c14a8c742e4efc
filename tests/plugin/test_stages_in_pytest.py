"""`tls` and `hold` in a gate under pytest."""

from __future__ import annotations

import jsonschema
import pytest
from certificates import HAS_OPENSSL, Authority
from stage_servers import Talking, speaking_tls, tls_context

needs_openssl = pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")


@needs_openssl
def test_an_expired_certificate_fails_with_cause_and_since_when(project, tmp_path, results_schema):
    authority = Authority(tmp_path / "authority")
    tls = {"ca_file": str(authority.root)}
    with (
        Talking(speaking_tls(tls_context(authority.issue("DNS:localhost", days=-5)))) as old,
        Talking(speaking_tls(tls_context(authority.issue("DNS:localhost", days=30)))) as new,
    ):
        project.write_targets(
            {"host": f"localhost:{old.port}", "name": "old", "tls": tls},
            {"host": f"https://localhost:{new.port}", "name": "new", "tls": tls, "warn": ["cert.expires_in >= 60d"]},
        )
        result = project.run("--netmon")

    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([
        "old:* (localhost, 127.0.0.1): tls_expired, not reached in 1 try",
        "  tls_expired (the certificate has expired)",
        "    the certificate expired 5 d ago",
        "new:*: warning: certificate expires in 30 d, allowed >= 60 d",
    ])  # fmt: skip
    report = project.artifact()
    jsonschema.validate(report, results_schema)
    assert [endpoint["statistics"]["cert_expires_in_s"] < 0 for endpoint in report["endpoints"]] == [True, False]
    assert 'name="cert_expires_in_s" value="-' in project.artifact("netmon-junit.xml")


def test_a_published_port_without_a_service_is_red(project):
    with Talking(lambda client: None) as forwarder:
        project.write_targets(f"127.0.0.1:{forwarder.port}")
        result = project.run("--netmon")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*: closed_at_once, not reached in 3 tries"])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "distributed"])
def test_a_timeout_with_a_proxy_in_the_environment_says_that_it_went_direct(project, servers, monkeypatch, workers):
    if workers:
        pytest.importorskip("xdist")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:geheim@127.0.0.1:9")
    project.write_targets({"host": servers.silent().target, "count": 1, "timeout": "100ms"}, servers.open().target)
    result = project.run_apart("--netmon", *workers)

    told = "HTTPS_PROXY is set, but the check went direct: "
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([f"  {told}*"])
    silent, opened = project.artifact()["endpoints"]
    assert [note.startswith(told) for note in silent["notes"]] == [True]
    assert opened["notes"] == []
    assert told in project.artifact("netmon-junit.xml")
    assert "geheim" not in result.stdout.str() + project.artifact("netmon.html") + project.artifact("netmon-junit.xml")


def test_a_limit_on_a_handshake_that_is_not_made_ends_before_any_packet(project, servers):
    server = servers.open()
    project.write_targets({"host": server.target, "limits": ["tls.max < 1s"]})
    result = project.run("--netmon")

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: netmon.yaml:*: tls.max < 1s: the check ends with the TCP connect: add tls: true"]
    )
    assert server.connects == 0
