"""What the reports tell of the stages of a check beyond the connect: proxy, TLS, certificate, and how it ended."""

from __future__ import annotations

import importlib.resources
import json

import jsonschema
import pytest
from made_runs import failed, measured, opened, reached, result_of, run_of

from pytest_netmon.outcomes import cause_of
from pytest_netmon.plan import Plan
from pytest_netmon.proxying import Proxy
from pytest_netmon.reports.dry_run import dry_run_lines
from pytest_netmon.reports.failure import failure_text, one_line
from pytest_netmon.reports.html_views import view_of
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.junit_report import flat_properties
from pytest_netmon.reports.openmetrics_report import openmetrics_text
from pytest_netmon.stages import Tls

SCHEMA = json.loads((importlib.resources.files("pytest_netmon") / "schemas" / "results.schema.json").read_text("utf-8"))
DAY_S = 86_400
STAGES = {"proxy_ms": 2.0, "tls_ms": 30.0, "cert_expires_s": 20 * DAY_S}


def lines_of(result):
    return failure_text(result).splitlines()


def staged_run():
    checks = [opened(10.0, **STAGES), opened(12.0, **{**STAGES, "cert_expires_s": 276_480})]
    expired = failed("tls_expired", proxy_ms=2.5, cert_expires_s=-3 * DAY_S, message="certificate has expired")
    return run_of([
        (measured("api", 443, "cert.expires_in >= 14d", "tls.max < 20ms", count=2), checks),
        (reached("old", 443), [expired]),
        (reached("plain", 80), [opened(1.0)]),
    ])  # fmt: skip


def test_json_has_the_stages_of_each_check_and_their_statistics():
    report = json.loads("".join(json_chunks(staged_run())))
    jsonschema.Draft202012Validator(SCHEMA).validate(report)

    first = report["raw_data"]["api"]["443"][0]
    assert {name: first[name] for name in STAGES} == STAGES
    assert not STAGES.keys() & report["raw_data"]["plain"]["80"][0].keys()
    assert report["raw_data"]["old"]["443"][0]["cert_expires_s"] == -3 * DAY_S

    api, old, plain = (endpoint["statistics"] for endpoint in report["endpoints"])
    left_s = [each["cert_expires_in_s"] for each in (api, old, plain)]
    assert (api["tls"]["max_ms"], api["proxy"]["avg_ms"], api["total"]["max_ms"]) == (30.0, 2.0, 44.0)
    assert left_s == [276_480, -3 * DAY_S, None]
    assert (plain["tls"]["count"], plain["tls"]["max_ms"], plain["total"]["max_ms"]) == (0, None, 1.0)
    port = report["statistics"]["api"]["port_statistics"]["443"]
    assert (port["tls"]["count"], port["cert_expires_in_s"]) == (2, 276_480)


def test_a_broken_certificate_limit_is_told_in_days():
    (result, *_) = staged_run().results

    assert lines_of(result) == [
        "api:443 (10.0.3.7): 2 limits broken in 2 checks",
        "  cert.expires_in   3.2 d    allowed >= 14 d",
        "  tls.max         30.00 ms   allowed < 20 ms     min 30.00  avg 30.00  median 30.00  max 30.00",
        "  next: renew the certificate, and see that the server has loaded the new one",
    ]
    assert result.verdict.reasons[0] == "certificate expires in 3.2 d, allowed >= 14 d"
    assert "cert.expires_in 3.2 d (allowed >= 14 d)" in one_line(result)


def test_an_expired_certificate_says_since_when():
    result = staged_run().results[1]

    assert lines_of(result) == [
        "old:443 (10.0.3.7): tls_expired, not reached in 1 try",
        f"  tls_expired ({cause_of('tls_expired', 3.0)})",
        "    the certificate expired 3 d ago",
        "  next: renew it, and see that the server has loaded the new one; is this machine's clock right?",
    ]


def test_html_has_a_row_for_each_phase_and_the_certificate():
    run = staged_run()
    api, old, plain = (view_of(result, run) for result in run.results)

    assert [row[0] for row in api.phases] == ["connect", "round trip", "TLS handshake", "proxy", "total"]
    assert [row[0] for row in plain.phases] == ["connect", "round trip"]
    assert ("certificate", "expires in 3.2 d") in api.facts
    assert ("certificate", "expired 3 d ago") in old.facts
    assert "certificate" not in dict(plain.facts)


def test_junit_and_pytest_have_the_figures_of_the_stages():
    api, old, plain = (dict(flat_properties(result)) for result in staged_run().results)

    assert (api["tls_max_ms"], api["proxy_avg_ms"], api["total_max_ms"]) == (30.0, 2.0, 44.0)
    assert (api["cert_expires_in_s"], old["cert_expires_in_s"]) == (276_480, -3 * DAY_S)
    assert not [name for name in plain if name.startswith(("tls", "proxy", "total", "cert"))]


def test_openmetrics_has_the_certificate_and_each_phase():
    lines = openmetrics_text(staged_run()).splitlines()

    of_api = 'endpoint="api:443",host="api",port="443",vantage="local"'
    assert f"netmon_cert_expires_seconds{{{of_api}}} 276480" in lines
    assert f"netmon_tls_seconds_sum{{{of_api}}} 0.06" in lines
    assert f"netmon_total_seconds_count{{{of_api}}} 2" in lines
    assert any(line.startswith("netmon_cert_expires_seconds") and line.endswith(" -259200") for line in lines)
    assert not [line for line in lines if 'endpoint="plain:80"' in line and ("tls" in line or "total" in line)]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("reset", "opened, then reset"),
        ("closed_at_once", "opened, then closed at once"),
        ("tls_verify", "open (tls_verify)"),
    ],
)
def test_a_port_that_must_be_closed_was_open_whatever_came_then(outcome, told):
    result = result_of(reached("a", 22, expect="closed"), [failed(outcome)])

    assert lines_of(result)[0] == f"a:22 (10.0.3.7): {told}, but it must not be reachable"


def test_a_proxy_that_makes_no_tunnel_is_no_proof():
    result = result_of(reached("a", 22, expect="closed"), [failed("proxy_denied", message="HTTP 403 Forbidden")])

    assert lines_of(result)[0] == "a:22 (10.0.3.7): no proof that it is closed: 1 x proxy_denied in 1 check"


def test_the_next_step_of_a_redacted_endpoint_names_no_host():
    result = result_of(reached("secret.example", 443, name="hidden", redact=True), [failed("tls_name_mismatch")])

    assert "secret" not in failure_text(result)
    assert "`openssl s_client -connect HOST:PORT`" in failure_text(result)


def test_what_passed_tells_its_stages_too():
    tls = result_of(reached("api", 443), [opened(10.0, tls_ms=30.0, cert_expires_s=20 * DAY_S)])
    measured_one = result_of(measured("api", 443, count=2), [opened(10.0, **STAGES), opened(12.0, **STAGES)])

    assert one_line(tls) == "PASS  api:443 (10.0.3.7)  10.00 ms, TLS 30.00 ms, certificate expires in 20 d"
    assert one_line(measured_one).endswith(
        "2 of 2, median 11.00 ms, max 12.00 ms, proxy 2.00 ms, TLS 30.00 ms, certificate expires in 20 d"
    )


def test_behind_a_proxy_the_address_is_not_the_targets():
    endpoint = reached("api.example.com", 443, name="api", proxy=Proxy("http", "proxy.internal", 3128, "HTTPS_PROXY"))
    lost = result_of(
        endpoint, [failed("dns_not_found", message="of the proxy: Name or service not known")], address=None
    )

    assert lines_of(lost)[0].startswith("api:443 (api.example.com, through http proxy proxy.internal:3128): ")
    assert any("`getent hosts proxy.internal`" in line for line in lines_of(lost))


def test_a_redacted_endpoint_hides_its_way_too():
    endpoint = reached("secret", 443, name="api", redact=True, proxy=Proxy("http", "proxy.internal", 3128))

    assert lines_of(result_of(endpoint, [failed("proxy_timeout")]))[0].startswith("api:443: ")


def test_html_and_the_dry_run_say_what_is_done_beyond_the_connect():
    settings = {"tls": Tls(server_name="a.example", min_version="1.3"), "hold_s": 1.0}
    endpoint = reached("a", 443, proxy=Proxy("socks5", "p", 1080, "ALL_PROXY"), **settings)
    run = run_of([(endpoint, [opened(1.0)])])

    facts = dict(view_of(run.results[0], run).facts)
    assert facts["proxy"] == "through socks5 proxy p:1080 (ALL_PROXY)"
    assert facts["TLS"] == "TLS for a.example 1.3 or later"
    assert facts["hold"] == "held open 1 s"
    line = dry_run_lines(run.plan, run.plan.endpoints)[0]
    assert line.endswith("; ".join(["", facts["proxy"], facts["TLS"], facts["hold"]]))


def test_a_dry_run_shows_the_addresses_of_the_proxy_and_not_the_targets():
    endpoint = reached("a", 443, proxy=Proxy("http", "p", 3128))

    lines = dry_run_lines(Plan(endpoints=[endpoint]), [endpoint], {"a": ["10.0.0.1"], "p": ["10.0.0.2"]})
    assert lines[1].strip() == "addresses of the proxy: 10.0.0.2"
