"""`hold`, `tls` and `proxy`: from what a user writes to endpoints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from written_config import Written

from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import record_of
from pytest_netmon.proxying import Proxy
from pytest_netmon.stages import LOOPBACK_HOLD_S, Tls

SECRETS = {"NETMON_PROXY_USER": "own-user", "NETMON_PROXY_PASSWORD": "geheim"}


def make_authority(path: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=authority", "-keyout", os.devnull, "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize(("host", "hold_s"), [
    ("localhost:1", LOOPBACK_HOLD_S),
    ("127.0.0.1:1", LOOPBACK_HOLD_S),
    ("127.9.9.9:1", LOOPBACK_HOLD_S),
    ("'[::1]:1'", LOOPBACK_HOLD_S),
    ("localhost.example:1", 0.0),
    ("10.0.0.1:1", 0.0),
    ("db.internal:1", 0.0),
])  # fmt: skip
def test_connections_within_this_machine_are_held_for_a_moment(written: Written, host: str, hold_s: float) -> None:
    assert written.endpoint(f"targets: [{host}]").hold_s == hold_s


@pytest.mark.parametrize(("hold", "hold_s"), [("1s", 1.0), ("0", 0.0), ("0s", 0.0), ("0.5", 0.5), ("'0'", 0.0)])
def test_a_hold_is_what_the_target_says_then_the_defaults(written: Written, hold: str, hold_s: float) -> None:
    plan = written.plan(f"defaults: {{hold: {hold}}}\ntargets: ['127.0.0.1:1', 'db:1', {{host: 'c:1', hold: 2s}}]\n")
    assert [endpoint.hold_s for endpoint in plan.endpoints] == [hold_s, hold_s, 2.0]


@pytest.mark.parametrize("hold", ["2m", "-1", "yes", "true", "[1s]", "1 hour"])
def test_another_hold_is_refused(written: Written, hold: str) -> None:
    (line,) = written.problems(f"targets: [{{host: 'a:1', hold: {hold}}}]")
    assert line.startswith("netmon.yaml:1:31: targets[0].hold: expected 0, or a duration from 1ms to 1m, such as 250ms")


@pytest.mark.parametrize(("target", "tls"), [
    ("db:1", None),
    ("https://api", Tls()),
    ("wss://api", Tls()),
    ("rediss://cache", None),
    ("{host: 'https://api', tls: false}", None),
    ("{host: 'db:1', tls: true}", Tls()),
    ("{host: 'db:1', tls: {}}", Tls()),
    ("{host: 'db:1', tls: {server_name: DB.Internal., verify: false, min_version: 1.3}}",
     Tls(server_name="db.internal", verify=False, min_version="1.3")),
    ("{host: 'db:1', tls: {min_version: '1.2'}}", Tls(min_version="1.2")),
    ("{host: 'db:1', tls: '${TLS}'}", Tls()),
])  # fmt: skip
def test_tls_is_what_a_target_says_or_its_url(written: Written, target: str, tls: Tls | None) -> None:
    endpoint = written.endpoint(f"targets:\n- {target}\n", {"TLS": "true"})
    assert endpoint.tls == tls


def test_an_https_url_means_443_and_tls_also_as_an_option(written: Written) -> None:
    (endpoint,) = written.load(targets=("https://user:pw@api.example.com/x",)).endpoints
    assert (endpoint.id, endpoint.tls) == ("api.example.com:443", Tls())


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_whom_the_defaults_trust_means_nothing_to_who_verifies_nothing(written: Written) -> None:
    make_authority(written.write("ca.pem", ""))
    text = "defaults: {tls: {ca_file: ca.pem}}\ntargets: [{host: 'a:1', tls: {verify: false}}]"
    assert written.endpoint(text).tls == Tls(verify=False)
    (line,) = written.problems("targets: [{host: 'a:1', tls: {verify: false, ca_file: ca.pem}}]")
    assert line.endswith("a:1: ca_file means nothing where verify is off: leave one of them out")


def test_defaults_say_the_rest(written: Written) -> None:
    plan = written.plan(
        "defaults: {tls: {verify: false, min_version: 1.3}}\n"
        "targets:\n- a:1\n- https://b\n- {host: 'c:1', tls: {verify: true, server_name: x}}\n"
        "- {host: 'd:1', tls: false}\n- {host: 'e:1', tls: true}\ncontrols: [f:1]\n"
    )
    from_defaults = Tls(verify=False, min_version="1.3")
    assert [endpoint.tls for endpoint in plan.endpoints if not endpoint.control] == [
        from_defaults, from_defaults, Tls(server_name="x", min_version="1.3"), None, from_defaults,
    ]  # fmt: skip
    assert [endpoint.tls for endpoint in plan.endpoints if endpoint.control] == [None]


@pytest.mark.parametrize(("tls", "line"), [
    ("on", "targets[0].tls: expected true, false or a mapping with server_name, verify, ca_file or min_version, "
     "got 'on': write true"),
    ("{name: x}", "targets[0].tls: unknown key 'name': expected one of server_name, verify, ca_file, min_version"),
    ("{verify: maybe}", "targets[0].tls.verify: expected true or false, got 'maybe'"),
    ("{min_version: TLSv1.3}", "targets[0].tls.min_version: expected one of 1.2, 1.3, got 'TLSv1.3'"),
    ("{min_version: 1.1}", "targets[0].tls.min_version: expected 1.2 or 1.3, got 1.1"),
    ("{server_name: a/b}", "targets[0].tls.server_name: expected a host name or an IP address, got 'a/b': "
     "leave out the path"),
    ("{ca_file: none.pem}", "targets[0].tls.ca_file: expected a file with certificates in PEM, got 'none.pem': "
     "there is none of this name beside the configuration"),
    ("{ca_file: .}", "targets[0].tls.ca_file: expected a file with certificates in PEM, got '.': "
     "this is no regular file"),
    ("{ca_file: netmon.yaml}", "targets[0].tls.ca_file: expected a file with certificates in PEM, got "
     "'netmon.yaml': there is no certificate in it"),
])  # fmt: skip
def test_a_mistake_about_tls_is_named_in_one_line(written: Written, tls: str, line: str) -> None:
    (told,) = written.problems(f"targets: [{{host: 'a:1', tls: {tls}}}]")
    place, _, text = told.partition(": ")
    assert text == line
    assert place.startswith("netmon.yaml:1:")


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_a_file_of_authorities_is_looked_for_beside_the_file_that_names_it(written: Written, tmp_path: Path) -> None:
    authority = make_authority(written.write("nested/ca.pem", ""))
    written.write("nested/more.yaml", "defaults: {tls: {ca_file: ca.pem}}\ntargets: [a:1]\n")

    endpoint = written.endpoint("include: [nested/more.yaml]\n")

    assert endpoint.tls == Tls(ca_file=str(authority.absolute()))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_authorities_that_may_not_be_read_is_told(written: Written) -> None:
    written.write("ca.pem", "").chmod(0)
    (line,) = written.problems("targets: [{host: 'a:1', tls: {ca_file: ca.pem}}]")
    assert line.endswith("got 'ca.pem': reading it is not permitted")


def test_a_redacted_name_of_a_certificate_is_in_no_message(written: Written) -> None:
    (line,) = written.problems("targets: [{host: 'a:1', name: x, redact: true, tls: {server_name: 'secret example'}}]")
    assert "secret" not in line


@pytest.mark.parametrize(("proxy", "expected"), [
    ("http://proxy.internal:3128", Proxy("http", "proxy.internal", 3128)),
    ("socks5://10.0.0.1", Proxy("socks5", "10.0.0.1", 1080)),
    ("${PROXY}", Proxy("http", "from-variable", 8080)),
    ("env", Proxy("http", "corporate", 3128, "HTTPS_PROXY")),
    ("none", None),
])  # fmt: skip
def test_a_proxy_is_a_url_or_that_of_the_environment(written: Written, proxy: str, expected: Proxy | None) -> None:
    env = {"HTTPS_PROXY": "http://me:geheim@corporate:3128", "PROXY": "http://from-variable:8080"}
    endpoint = written.endpoint(f'targets: [{{host: "a:1", proxy: "{proxy}"}}]', env)
    assert endpoint.proxy == expected


def test_without_a_word_of_it_no_proxy_is_used(written: Written) -> None:
    assert written.endpoint("targets: [a:1]", {"HTTPS_PROXY": "http://corporate:3128"}).proxy is None


def test_an_option_goes_before_a_target_and_that_before_the_defaults(written: Written) -> None:
    text = "defaults: {proxy: 'http://d:1'}\ntargets: [a:1, {host: 'b:1', proxy: none}]\ncontrols: [c:1]\n"

    def hosts(**options: object) -> list[str | None]:
        endpoints = written.plan(text, **options).endpoints
        return [endpoint.proxy.host if endpoint.proxy else None for endpoint in endpoints]

    controls_first = [endpoint.control for endpoint in written.plan(text).endpoints]
    assert controls_first == [True, False, False]
    assert hosts() == [None, "d", None]
    assert hosts(proxy="socks5://o") == [None, "o", "o"]
    assert hosts(proxy="none") == [None, None, None]


def test_no_proxy_excepts_single_ports(written: Written) -> None:
    env = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "b, a:81"}
    plan = written.plan("defaults: {proxy: env}\ntargets: [{host: a, ports: [80, 81]}, b:80]\n", env)
    assert [endpoint.proxy is not None for endpoint in plan.endpoints] == [True, False, False]


@pytest.mark.parametrize(("proxy", "hint"), [
    ("http://me:geheim@p:1", "leave user and password out: NETMON_PROXY_USER"),
    ("'geheim@p:1'", "leave user and password out: NETMON_PROXY_USER"),
    ("http://me:geheim/x@p:1", "in a password write / and @ as %2F and %40"),
    ("http://p", "add the port"),
    ("true", "write proxy: none to go direct"),
    ("[a]", ""),
    ("https://p:1", "a proxy that takes TLS itself cannot be used"),
])  # fmt: skip
@pytest.mark.fault("secrets", "user and password of a proxy in a file", "an error that does not show them")
def test_a_mistake_about_a_proxy_shows_no_password(written: Written, proxy: str, hint: str) -> None:
    (line,) = written.problems(f"targets: [{{host: 'a:1', proxy: {proxy}}}]")
    assert line.startswith("netmon.yaml:1:32: targets[0].proxy: expected env, none or a proxy such as http://")
    assert hint in line
    assert "geheim" not in line


@pytest.mark.parametrize(("env", "told"), [
    ({"HTTPS_PROXY": "https://me:geheim@p:1"}, "environment: HTTPS_PROXY: expected a proxy such as"),
    ({"ALL_PROXY": "me:geheim@p"}, "environment: ALL_PROXY: expected a proxy such as"),
    ({"HTTPS_PROXY": "http://:geheim@p:1"}, "environment: HTTPS_PROXY: expected a user with the password"),
    ({"HTTPS_PROXY": "p:1", "NETMON_PROXY_PASSWORD": "geheim"},
     "environment: HTTPS_PROXY: expected a user with the password"),
])  # fmt: skip
def test_a_mistake_in_the_environment_is_told_once_and_unseen(written: Written, env: dict[str, str], told: str) -> None:
    (line,) = written.problems("defaults: {proxy: env}\ntargets: [{host: a, ports: [1, 2]}, b:1]\n", env)
    assert line.startswith(told)
    assert "geheim" not in line


def test_user_and_password_stand_in_no_plan(written: Written) -> None:
    env = {**SECRETS, "HTTPS_PROXY": "http://me:geheim@corporate:3128"}
    plan = written.plan("targets: [{host: 'a:1', proxy: env}, {host: 'b:1', proxy: 'http://p:1'}]", env)
    for text in (repr(plan), json.dumps(record_of(plan)), str(plan.endpoints)):
        assert "geheim" not in text
        assert "own-user" not in text
        assert "me:" not in text


def test_the_same_endpoint_with_other_stages_is_refused(written: Written) -> None:
    (line,) = written.problems("targets:\n- https://a\n- a:443\n")
    assert line == (
        "netmon.yaml:3:3: a:443 stands already in netmon.yaml:2:3 with another tls: give them different names, "
        "or remove one"
    )


def test_a_limit_on_a_stage_that_there_is_not_is_refused(written: Written) -> None:
    lines = written.problems(
        "targets:\n- {host: 'a:1', limits: [tls.max < 1s]}\n- {host: 'b:1', proxy: env, limits: [proxy.max < 1s]}\n"
    )
    assert lines == [
        "netmon.yaml:2:3: a:1: tls.max < 1s: the check ends with the TCP connect: add tls: true",
        "netmon.yaml:3:3: b:1: proxy.max < 1s: the check goes direct: add proxy, or for proxy: env see that the "
        "environment names one for this host",
    ]


def test_a_plan_of_endpoints_alone_has_no_stages() -> None:
    plan = Plan(endpoints=[Endpoint(host="127.0.0.1", port=1)])
    assert (plan.endpoints[0].hold_s, plan.endpoints[0].tls, plan.endpoints[0].proxy) == (0.0, None, None)
