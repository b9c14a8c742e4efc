"""`netmon check` through real proxies, and where user and password must not be seen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import HAS_OPENSSL, Authority
from check_runs import InProcess, Ran, netmon
from proxy_servers import HttpProxy, SocksProxy
from servers import Servers
from stage_servers import Serve, Talking, speaking_tls, tls_context, until_closed

from pytest_netmon.campaign import Campaign
from pytest_netmon.config.load import Overrides, load_plan

Serving = Callable[[Serve], Talking]
USER, PASSWORD = "proxy-user", "s3cr3t&pass"
#: What must be seen nowhere; the last one is how the user begins in base64.
SECRETS = (USER, PASSWORD, "s3cr3t", "cHJveHktdXNlc")
#: Nobody listens there: a check that went direct would be refused.
NOWHERE = "127.255.255.254:1"


@pytest.fixture
def serving() -> Iterator[Serving]:
    made: list[Talking] = []

    def serve(with_: Serve) -> Talking:
        made.append(Talking(with_))
        return made[-1]

    yield serve
    for server in made:
        server.close()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if "PROXY" in name.upper()]:
        monkeypatch.delenv(name)


def checked(check: InProcess, *targets: object, **defaults: object) -> Ran:
    Path("netmon.yaml").write_text(json.dumps({"defaults": {"timeout": "2s", **defaults}, "targets": targets}))
    return check("-o", "result.json")


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_name_that_only_the_proxy_knows_is_reached_through_it(
    check: InProcess, serving: Serving, servers: Servers, kind: str
) -> None:
    names, target = {"db.internal": "127.0.0.1"}, servers.open()
    proxy = HttpProxy(names=names) if kind == "http" else SocksProxy(names=names)
    place = f"127.0.0.1:{serving(proxy).port}"
    measured = {"host": f"db.internal:{target.port}", "count": 3, "interval": "10ms", "limits": ["proxy.max < 1m"]}

    ran = checked(check, measured, proxy=f"{kind}://{place}")

    assert ran.status == 0, ran.out
    assert ran.out.startswith(f"PASS   db.internal:{target.port} (through {kind} proxy {place})  3 of 3, median ")
    assert " ms, proxy " in ran.out
    report = json.loads(Path("result.json").read_text())
    (endpoint,), (samples,) = report["endpoints"], report["raw_data"]["db.internal"].values()
    assert endpoint["settings"]["proxy"]["kind"] == kind
    assert endpoint["statistics"]["proxy"]["count"] == endpoint["statistics"]["total"]["count"] == 3
    assert all(sample["proxy_ms"] > 0 for sample in samples)
    assert target.connects == 3


def test_the_proxy_of_the_environment_is_used_except_for_what_no_proxy_names(
    check: InProcess, serving: Serving, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, target = HttpProxy(), servers.open()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{serving(proxy).port}")
    monkeypatch.setenv("NO_PROXY", "localhost")

    ran = checked(check, target.target, f"localhost:{target.port}", proxy="env")

    assert ran.status == 0, ran.out
    assert [request.split()[1].decode() for request in proxy.asked] == [target.target]
    through, direct = check("--dry-run").out.splitlines()[:2]
    assert " (HTTPS_PROXY)" in through
    assert "through" not in direct


def test_a_dry_run_looks_up_the_proxy_and_leaves_the_target_to_it(check: InProcess) -> None:
    ran = check("nope.invalid:1", "--proxy", "socks5://localhost", "--dry-run", "--resolve")

    assert "    addresses of the proxy: " in ran.out
    assert "127.0.0.1" in ran.out.splitlines()[1]


def test_an_option_names_the_proxy_of_all(check: InProcess, serving: Serving, servers: Servers) -> None:
    proxy, target = SocksProxy(), servers.open()

    assert check(target.target, "--proxy", f"socks5://127.0.0.1:{serving(proxy).port}").status == 0
    assert proxy.asked == [("127.0.0.1", target.port)]
    refused = check(target.target, "--proxy", f"http://{USER}:{PASSWORD}@127.0.0.1:1")
    assert refused.status == 2
    assert "NETMON_PROXY_USER" in refused.err
    assert not [secret for secret in SECRETS if secret in refused.err]


@pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")
def test_tls_goes_through_the_tunnel(check: InProcess, serving: Serving, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    server = serving(speaking_tls(tls_context(authority.issue("DNS:api.example.com"))))
    proxy = HttpProxy(names={"api.example.com": "127.0.0.1"})
    target = {"host": f"https://api.example.com:{server.port}", "tls": {"ca_file": str(authority.root)}}

    ran = checked(check, target, proxy=f"http://127.0.0.1:{serving(proxy).port}")

    assert ran.status == 0, ran.out
    told = ran.out.splitlines()[0]
    assert told.endswith(", certificate expires in 30 d")
    assert told.index(" ms, proxy ") < told.index(" ms, TLS ")


@pytest.mark.fault(
    "stages", "proxies that refuse, say nothing, want a login or do not resolve", "each told, with cause"
)
def test_each_fault_of_a_proxy_is_told(check: InProcess, serving: Serving, servers: Servers) -> None:
    refusing, shut = servers.closed(), servers.closed()
    mute, denying = serving(until_closed), serving(HttpProxy(login=(USER, PASSWORD)))
    socks = f"socks5://127.0.0.1:{serving(SocksProxy()).port}"
    targets = [
        {"host": NOWHERE, "name": "down", "proxy": f"http://{refusing.target}"},
        {"host": NOWHERE, "name": "mute", "proxy": f"http://127.0.0.1:{mute.port}", "timeout": "1s"},
        {"host": NOWHERE, "name": "login", "proxy": f"http://127.0.0.1:{denying.port}"},
        {"host": shut.target, "name": "shut", "proxy": socks},
        {"host": NOWHERE, "name": "nameless", "proxy": "http://nope.invalid:3128"},
        {"host": shut.target, "name": "closed", "proxy": socks, "expect": "refused"},
        {"host": NOWHERE, "name": "unproven", "proxy": f"http://127.0.0.1:{denying.port}", "expect": "closed"},
    ]

    ran = checked(check, *targets)

    assert ran.out.splitlines()[-1].startswith("1 passed, 6 failed in ")
    assert ": proxy_refused, not reached in 1 try" in ran.out
    assert "3 x proxy_timeout (no tunnel through the proxy within 1 s" in ran.out
    assert '"HTTP 407 Proxy Authentication Required"' in ran.out
    assert ": refused, not reached in 1 try" in ran.out
    assert "of the proxy" in ran.out
    assert "`getent hosts nope.invalid`" in ran.out or "resolv.conf" in ran.out  # as the resolver here has it
    assert ": no proof that it is closed: 1 x proxy_denied in 1 check" in ran.out


@pytest.mark.fault("secrets", "user and password for a proxy, taken or refused", "in no report, no log, no output")
@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("is_right", [True, False])
def test_user_and_password_are_nowhere_to_be_seen(
    tmp_path: Path, serving: Serving, servers: Servers, kind: str, is_right: bool
) -> None:
    """In a process of its own, which has them in its environment: on its screen, and in all that it writes."""
    login = (USER, PASSWORD)
    proxy = serving(HttpProxy(login=login) if kind == "http" else SocksProxy(login=login))
    named, of_env = f"{kind}://127.0.0.1:{proxy.port}", f"{kind}://{USER}:s3cr3t%26pass@127.0.0.1:{proxy.port}"
    target = servers.open().target
    targets = [{"host": target, "proxy": named}, {"host": target, "name": "env", "proxy": "env"}]
    (tmp_path / "netmon.yaml").write_text(json.dumps({"targets": targets}))
    env = {"NETMON_PROXY_USER": USER, "ALL_PROXY": of_env}
    env["NETMON_PROXY_PASSWORD"] = PASSWORD if is_right else "s3cr3t&wrong"

    ran = netmon("check", "-o", "r.json", "--junit", "r.xml", "--html", "r.html", cwd=tmp_path, **env)
    watching = ["--config", "netmon.yaml", "-c", "2", "-i", "0.01", "-o", "m.json", "--log-file", "m.log", "-v"]
    watched = netmon("monitor", *watching, cwd=tmp_path, **env)

    assert (ran.status, ran.out.count("PASS   ")) == ((0, 2) if is_right else (1, 1)), ran.out + ran.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"r.json", "r.xml", "r.html", "m.json", "m.log"} <= {path.name for path in written}
    seen = "".join([ran.out, ran.err, watched.out, watched.err, *(path.read_text() for path in written)])
    assert not [secret for secret in SECRETS if secret in seen]


@pytest.mark.fault("secrets", "user and password for a proxy: the sample file", "not in it, nor in any value of ours")
@pytest.mark.parametrize("is_right", [True, False])
def test_nor_are_they_in_the_sample_file_and_in_what_a_campaign_shows(
    tmp_path: Path, serving: Serving, servers: Servers, monkeypatch: pytest.MonkeyPatch, is_right: bool
) -> None:
    proxy = serving(SocksProxy(login=(USER, PASSWORD)))
    monkeypatch.setenv("ALL_PROXY", f"socks5://{USER}:{PASSWORD if is_right else 's3cr3t'}@127.0.0.1:{proxy.port}")
    overrides = Overrides(targets=(servers.open().target,), proxy="env")
    plan = load_plan([], overrides, env=os.environ, base=tmp_path)
    campaign = Campaign(plan, [0], sample_file=tmp_path / "samples.ndjson")
    try:
        campaign.start()
        campaign.wait_all()
        run = campaign.run()
    finally:
        campaign.close()

    assert run.results[0].verdict.status == ("passed" if is_right else "failed")
    seen = (tmp_path / "samples.ndjson").read_text() + repr(run) + repr(plan) + repr(run.results[0].samples)
    assert not [secret for secret in SECRETS if secret in seen]


def test_credentials_that_cannot_be_sent_end_the_run_before_any_packet(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = servers.open()
    monkeypatch.setenv("NETMON_PROXY_USER", "with:colon")

    ran = checked(check, NOWHERE, proxy=f"http://{proxy.target}")

    assert ran.status == 2
    assert "NETMON_PROXY_USER, NETMON_PROXY_PASSWORD: expected a user for a proxy without ':'" in ran.err
    assert "with:colon" not in ran.err
    assert proxy.connects == 0
