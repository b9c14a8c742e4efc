"""`netmon check` against real TLS servers, and peers that close at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import HAS_OPENSSL, Authority, Issued
from check_runs import InProcess, Ran
from stage_servers import Serve, Talking, speaking_tls, tls_context, until_closed

Serving = Callable[[Serve], Talking]
needs_openssl = pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture
def serving() -> Iterator[Serving]:
    made: list[Talking] = []

    def serve(with_: Serve) -> Talking:
        made.append(Talking(with_))
        return made[-1]

    yield serve
    for server in made:
        server.close()


def tls_port(serving: Serving, issued: Issued) -> int:
    return serving(speaking_tls(tls_context(issued))).port


def checked(check: InProcess, *targets: object, ca_file: Path | None = None, **defaults: object) -> Ran:
    tls = {"tls": {"ca_file": str(ca_file)}} if ca_file else {}
    Path("netmon.yaml").write_text(json.dumps({"defaults": {**tls, **defaults}, "targets": targets}))
    return check()


def lines_about(ran: Ran, name: str) -> list[str]:
    """The line of a target and those that belong to it."""
    lines = ran.out.splitlines()
    start = next(at for at, line in enumerate(lines) if line[7:].startswith(f"{name}:"))
    end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith(" ")), len(lines))
    return lines[start:end]


@pytest.mark.fault(
    "stages", "ten faults in one file: expired, wrong name, unknown authority, no TLS ...", "ten clear rows"
)
@needs_openssl
def test_ten_faults_at_once_are_ten_clear_rows(check: InProcess, serving: Serving, authority: Authority) -> None:
    of_localhost = authority.issue("DNS:localhost", days=30)
    soon = authority.issue("DNS:localhost", days=3)
    ports = {
        "good": tls_port(serving, of_localhost),
        "soon": tls_port(serving, soon),
        "expired": tls_port(serving, authority.issue("DNS:localhost", days=-5)),
        "issuer": tls_port(serving, authority.issue("DNS:localhost", issuer_days=-2)),
        "other": tls_port(serving, authority.issue("DNS:other.example")),
        "unknown": tls_port(serving, authority.self_signed("localhost")),
        "plain": serving(lambda client: (client.sendall(b"220 ready\r\n"), until_closed(client))[1]).port,  # type: ignore[func-returns-value]
        "mute": serving(until_closed).port,
    }
    targets: list[dict[str, object]] = [
        {"host": f"localhost:{port}", "name": name} for name, port in ports.items() if name != "soon"
    ]
    targets.append(
        {"host": f"localhost:{ports['soon']}", "name": "soon", "limits": ["cert.expires_in >= 14d"], "count": 1}
    )
    targets.append({"host": f"localhost:{ports['good']}", "name": "slow", "limits": ["tls.min < 0.001ms"], "count": 2})
    targets.append({"host": f"localhost:{serving(lambda client: None).port}", "name": "shut", "tls": False})
    targets.append({"host": f"localhost:{ports['unknown']}", "name": "must be closed", "expect": "closed"})

    ran = checked(check, *targets, ca_file=authority.root, timeout="1s", interval="10ms")

    assert ran.status == 1
    assert ran.out.splitlines()[-1].startswith("1 passed, 10 failed in "), ran.out
    assert " ms, TLS " in lines_about(ran, "good")[0]
    assert lines_about(ran, "good")[0].endswith("certificate expires in 30 d")
    assert lines_about(ran, "soon")[1].split() == ["cert.expires_in", "3", "d", "allowed", ">=", "14", "d"]
    assert lines_about(ran, "expired")[1:3] == [
        "    tls_expired (the certificate has expired)",
        "      the certificate expired 5 d ago",
    ]
    assert "not its own, but one of its issuers'" in lines_about(ran, "issuer")[2]
    assert lines_about(ran, "other")[0].endswith(": tls_name_mismatch, not reached in 1 try")
    assert lines_about(ran, "unknown")[0].endswith(": tls_verify, not reached in 1 try")
    assert lines_about(ran, "plain")[2] == '      "the answer is not TLS: 220 ready"'
    assert lines_about(ran, "mute")[0].endswith(": tls_timeout, not reached in 3 tries")
    assert lines_about(ran, "slow")[1].split()[0] == "tls.min"
    assert lines_about(ran, "shut")[0].endswith(": closed_at_once, not reached in 3 tries")
    assert lines_about(ran, "must be closed")[0].endswith(": open (tls_verify), but it must not be reachable")
    for name in ("expired", "issuer", "other", "unknown", "plain", "mute", "shut"):
        assert lines_about(ran, name)[-1].startswith("    next: "), name


@needs_openssl
def test_an_https_url_is_shaken_hands_with(check: InProcess, serving: Serving, authority: Authority) -> None:
    port = tls_port(serving, authority.self_signed("localhost"))

    assert check(f"localhost:{port}").status == 0
    ran = check(f"https://localhost:{port}/health?token=geheim")

    assert ran.status == 1
    assert ": tls_verify, not reached" in ran.out
    assert "geheim" not in ran.out + ran.err


@needs_openssl
def test_a_name_that_the_certificate_has_may_be_said(check: InProcess, serving: Serving, authority: Authority) -> None:
    port = tls_port(serving, authority.issue("DNS:db.internal"))
    named = {"host": f"127.0.0.1:{port}", "tls": {"server_name": "db.internal"}}

    assert checked(check, f"127.0.0.1:{port}", ca_file=authority.root).status == 1
    assert checked(check, named, ca_file=authority.root).status == 0


@needs_openssl
def test_an_unverified_certificate_still_tells_its_end(
    check: InProcess, serving: Serving, authority: Authority
) -> None:
    port = tls_port(serving, authority.issue("DNS:other.example", days=-3))
    target = {"host": f"localhost:{port}", "tls": {"verify": False}, "count": 1, "limits": ["cert.expires_in >= 1d"]}

    ran = checked(check, target)

    assert (ran.status, ran.out.splitlines()[1].split()) == (
        1,
        ["cert.expires_in", "-3", "d", "allowed", ">=", "1", "d"],
    )


@needs_openssl
def test_the_results_hold_the_handshake_and_the_certificate(
    check: InProcess, serving: Serving, authority: Authority
) -> None:
    port = tls_port(serving, authority.issue("DNS:localhost", days=30))
    target = {"host": f"https://localhost:{port}", "count": 3, "interval": "10ms", "limits": ["tls.max < 1m"]}
    Path("netmon.yaml").write_text(json.dumps({"targets": [{**target, "tls": {"ca_file": str(authority.root)}}]}))

    assert check("-o", "result.json", "--junit", "junit.xml", "--html", "page.html").status == 0

    report = json.loads(Path("result.json").read_text())
    (endpoint,), (samples,) = report["endpoints"], report["raw_data"]["localhost"].values()
    assert endpoint["settings"]["tls"]["ca_file"] == str(authority.root)
    statistics = endpoint["statistics"]
    assert statistics["tls"]["count"] == statistics["total"]["count"] == 3
    assert statistics["total"]["max_ms"] >= statistics["tls"]["max_ms"] > statistics["connect"]["max_ms"]
    assert 29 * 86_400 < statistics["cert_expires_in_s"] <= 30 * 86_400
    assert all(sample["tls_ms"] > 0 and sample["cert_expires_s"] > 0 for sample in samples)
    assert 'name="tls_p95_ms"' in Path("junit.xml").read_text()
    assert "TLS handshake" in Path("page.html").read_text()


@pytest.mark.fault(
    "stages", "a forwarder without a service behind it accepts and closes", "`closed_at_once` on loopback"
)
def test_a_port_that_closes_at_once_is_open_where_nobody_holds_it(check: InProcess, serving: Serving) -> None:
    port = serving(lambda client: None).port

    assert checked(check, {"host": f"127.0.0.1:{port}", "hold": 0}).status == 0
    ran = checked(check, f"127.0.0.1:{port}")

    assert ran.status == 1
    assert "3 x closed_at_once (opened, then closed without a word" in ran.out


def test_a_port_that_is_to_be_refused_is_not_if_it_closes_at_once(check: InProcess, serving: Serving) -> None:
    port = serving(lambda client: None).port

    ran = checked(check, {"host": f"127.0.0.1:{port}", "expect": "closed"})

    assert (ran.status, ran.out.splitlines()[0][7:]) == (
        1,
        f"127.0.0.1:{port}: opened, then closed at once, but it must not be reachable",
    )


def test_a_dry_run_tells_the_stages(check: InProcess) -> None:
    targets = ["https://a", {"host": "b:1", "hold": "1s", "proxy": "socks5://p", "tls": {"verify": False}}]
    Path("netmon.yaml").write_text(json.dumps({"targets": [*targets, {"host": "127.0.0.1:2", "hold": 0}]}))

    lines = check("--dry-run").out.splitlines()

    assert lines[0].endswith(": reached, 3 tries at most, timeout 3 s; TLS")
    assert lines[1].endswith("; through socks5 proxy p:1080; TLS, certificate not verified; held open 1 s")
    assert lines[2].endswith("; not held open")
