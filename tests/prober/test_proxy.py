"""Checks through proxies: real tunnels by HTTP CONNECT and SOCKS5, and proxies that deny, hang or talk nonsense."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import HAS_OPENSSL, Authority
from conftest_prober import entry
from hypothesis import given
from hypothesis import strategies as st
from proxy_servers import HttpProxy, SocksProxy
from servers import Servers
from stage_servers import Serve, Talking, reset, speaking_tls, tls_context, until_closed

from pytest_netmon.prober.names import Address, Answer
from pytest_netmon.prober.tunnel import MOST_ANSWER_BYTES, stage_of
from pytest_netmon.samples import Sample

Probe = Callable[..., "list[Sample]"]
Serving = Callable[[Serve], Talking]
LINUX = sys.platform.startswith("linux")
LOGIN = ("ann", "s3cret:word")
BOTH = pytest.mark.parametrize("kind", ["http", "socks5"])


def proxy_of(kind: str, login: tuple[str, str] | None = None, **names: str) -> HttpProxy | SocksProxy:
    return (HttpProxy if kind == "http" else SocksProxy)(login, names)


@pytest.fixture
def serving() -> Iterator[Serving]:
    made: list[Talking] = []

    def serve(with_: Serve) -> Talking:
        made.append(Talking(with_))
        return made[-1]

    yield serve
    for server in made:
        server.close()


def through(
    kind: str, proxy_port: int, host: str, port: int, login: tuple[str, str] | None = None, **changes: object
) -> dict[str, object]:
    """A check of a target by way of a proxy on loopback."""
    auth = None if login is None else list(login)
    proxy = {"kind": kind, "host": "127.0.0.1", "port": proxy_port, "auth": auth, **dict_of(changes.pop("proxy", None))}
    return entry(host, port, proxy=proxy, **changes)


def dict_of(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def saying(*answers: bytes, then: Serve = until_closed) -> Serve:
    """A proxy that says one of these after each thing that it is told."""

    def serve(client: socket.socket) -> None:
        for answer in answers:
            client.recv(65536)
            client.sendall(answer)
        then(client)

    return serve


def nothing_more(_: socket.socket) -> None:
    pass


# -- tunnels ------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("login", [None, LOGIN])
def test_a_target_behind_a_proxy_is_open_with_the_time_of_the_tunnel(
    probe: Probe, serving: Serving, servers: Servers, kind: str, login: tuple[str, str] | None
) -> None:
    proxy = serving(proxy_of(kind, login))
    target = servers.open()
    (sample,) = probe(through(kind, proxy.port, target.host, target.port, login))
    assert sample.outcome == "open"
    assert sample.connect_ms is not None
    assert sample.clock_ms is not None
    assert sample.connect_ms <= sample.clock_ms
    assert sample.proxy_ms is not None
    assert sample.proxy_ms > 0
    assert sample.tls_ms is None
    assert target.connects == 1


@BOTH
def test_the_proxy_resolves_the_target_and_we_resolve_the_proxy(
    probe: Probe, serving: Serving, servers: Servers, kind: str
) -> None:
    target = servers.open()
    proxy = proxy_of(kind, None, **{"db.internal": "127.0.0.1"})
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        return Answer(host, (Address(int(socket.AF_INET), "127.0.0.1", 0),), None, None, 1500)

    check = through(kind, serving(proxy).port, "db.internal", target.port, proxy={"host": "proxy.internal"})
    (sample,) = probe(check, resolve=resolve)
    assert (sample.outcome, sample.dns_ms, sample.address) == ("open", 1.5, "127.0.0.1")
    assert asked == ["proxy.internal"]
    if isinstance(proxy, SocksProxy):
        assert proxy.asked == [("db.internal", target.port)]
    else:
        assert proxy.asked[0].startswith(b"CONNECT db.internal:%d HTTP/1.1\r\nHost: db.internal:" % target.port)


@pytest.mark.fault("stages", "the proxy's name does not resolve", "`dns_not_found`, told to be the proxy's")
@BOTH
def test_a_proxys_name_that_does_not_resolve_is_told_to_be_the_proxys(probe: Probe, kind: str) -> None:
    check = through(kind, 3128, "db.internal", 5432, proxy={"host": "proxy.internal"})
    (sample,) = probe(check, resolve=lambda host: Answer(host, (), "dns_not_found", "Name or service not known", 700))
    assert (sample.outcome, sample.message) == ("dns_not_found", "name of the proxy: Name or service not known")


@BOTH
@pytest.mark.parametrize("host", ["2001:db8::1", "2001:db8::1%eth0"])
def test_an_ipv6_literal_is_asked_for_as_an_address(probe: Probe, serving: Serving, kind: str, host: str) -> None:
    """Without the zone, which is this machine's."""
    proxy = proxy_of(kind, None, **{"[2001:db8::1]": "127.0.0.1", "2001:db8::1": "127.0.0.1"})
    with socket.create_server(("127.0.0.1", 0)) as target:
        port = target.getsockname()[1]
        (sample,) = probe(through(kind, serving(proxy).port, host, port))
    assert sample.outcome == "open"
    if isinstance(proxy, SocksProxy):
        assert proxy.asked == [("2001:db8::1", port)]


@pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")
@BOTH
def test_tls_goes_through_the_tunnel_and_names_the_target(
    probe: Probe, serving: Serving, kind: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path.parent / f"{tmp_path.name}-authority")
    target = serving(speaking_tls(tls_context(authority.issue("DNS:db.internal"))))
    proxy = serving(proxy_of(kind, None, **{"db.internal": "127.0.0.1"}))
    tls = {"server_name": None, "verify": True, "ca_file": str(authority.root), "min_version": None}
    (sample,) = probe(through(kind, proxy.port, "db.internal", target.port, tls=tls, hold_us=50_000))
    assert sample.outcome == "open"
    assert sample.proxy_ms is not None
    assert sample.tls_ms is not None
    assert sample.cert_expires_s is not None


@BOTH
def test_times_of_stages_that_ended_well_stay_where_a_later_one_fails(
    probe: Probe, serving: Serving, kind: str
) -> None:
    target = serving(saying(b"220 ready\r\n"))
    tls = {"server_name": None, "verify": False, "ca_file": None, "min_version": None}
    (sample,) = probe(through(kind, serving(proxy_of(kind)).port, target.host, target.port, tls=tls))
    assert (sample.outcome, sample.message) == ("tls_handshake", "the answer is not TLS: 220 ready")
    assert sample.proxy_ms is not None
    assert (sample.connect_ms, sample.tls_ms) == (None, None)


def test_what_the_target_says_behind_the_proxys_answer_is_taken_for_its_word(probe: Probe, serving: Serving) -> None:
    """In one packet with the answer, then closed: it spoke. With TLS: it speaks no TLS."""
    proxy = serving(saying(b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n", then=nothing_more))
    tls = {"server_name": None, "verify": False, "ca_file": None, "min_version": None}
    samples = probe(
        through("http", proxy.port, "db.internal", 22, hold_us=200_000),
        through("http", proxy.port, "db.internal", 22, tls=tls),
    )
    outcomes = {sample.endpoint: (sample.outcome, sample.message) for sample in samples}
    assert outcomes == {0: ("open", None), 1: ("tls_handshake", "the answer is not TLS: SSH-2.0-x")}


def test_what_the_target_says_behind_a_socks_reply_is_taken_for_its_word(probe: Probe, serving: Serving) -> None:
    answers = (b"\x05\x00", b"\x05\x00\x00\x01" + bytes(6) + b"SSH-2.0-x\r\n")
    proxy = serving(saying(*answers, then=nothing_more))
    (sample,) = probe(through("socks5", proxy.port, "db.internal", 22, hold_us=200_000))
    assert sample.outcome == "open"


@BOTH
def test_a_target_that_closes_at_once_behind_a_proxy_is_closed_at_once_in_a_hold(
    probe: Probe, serving: Serving, kind: str
) -> None:
    target = serving(nothing_more)
    (sample,) = probe(through(kind, serving(proxy_of(kind)).port, target.host, target.port, hold_us=300_000))
    assert sample.outcome == "closed_at_once"


@pytest.mark.skipif(shutil.which("tinyproxy") is None, reason="no tinyproxy on this machine")
def test_tinyproxy_makes_tunnels_and_its_filter_denies_them(probe: Probe, servers: Servers, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = servers.open()
    folder = tmp_path.parent / f"{tmp_path.name}-tinyproxy"
    folder.mkdir()
    (folder / "conf").write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nConnectPort {target.port}\n"
    )
    with subprocess.Popen(["tinyproxy", "-d", "-c", str(folder / "conf")], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            while b"Accepting connections" not in process.stdout.readline():
                assert process.poll() is None
            samples = probe(
                through("http", port, target.host, target.port), through("http", port, target.host, target.port ^ 1)
            )
        finally:
            process.terminate()
    outcomes = {sample.endpoint: (sample.outcome, sample.message) for sample in samples}
    assert outcomes == {0: ("open", None), 1: ("proxy_denied", "HTTP 403 Access violation")}


# -- no way to the proxy ------------------------------------------------------------------------


@pytest.mark.fault("stages", "a proxy that refuses", "`proxy_refused` with the system's error")
def test_a_proxy_that_refuses_is_proxy_refused_with_the_systems_error(probe: Probe, servers: Servers) -> None:
    (sample,) = probe(through("http", servers.closed().port, "db.internal", 5432))
    assert (sample.outcome, sample.errno, sample.address) == ("proxy_refused", "ECONNREFUSED", "127.0.0.1")


@pytest.mark.fault("stages", "a proxy that does not answer", "`proxy_timeout`")
@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
def test_a_proxy_that_does_not_answer_the_connect_is_proxy_timeout(probe: Probe, servers: Servers) -> None:
    (sample,) = probe(through("http", servers.silent().port, "db.internal", 5432, timeout_us=300_000))
    assert (sample.outcome, sample.message) == ("proxy_timeout", "no connection to the proxy itself")


@pytest.mark.skipif(not LINUX, reason="Linux answers so for the broadcast address of loopback")
def test_a_proxy_without_a_route_is_proxy_refused(probe: Probe) -> None:
    (sample,) = probe(through("http", 80, "db.internal", 5432, proxy={"host": "127.255.255.255"}))
    assert (sample.outcome, sample.errno) == ("proxy_refused", "ENETUNREACH")


def test_addresses_of_the_proxy_that_failed_are_told_as_the_proxys(
    probe: Probe, serving: Serving, servers: Servers
) -> None:
    addresses = tuple(Address(int(socket.AF_INET), f"127.0.0.{n}", 0) for n in (2, 1))
    target = servers.open()
    check = through("http", serving(HttpProxy()).port, target.host, target.port, proxy={"host": "proxy.internal"})
    (sample,) = probe(check, resolve=lambda host: Answer(host, addresses, None, None, 1500))
    assert sample.outcome == "open"
    assert [(attempt.address, attempt.outcome) for attempt in sample.attempts] == [("127.0.0.2", "proxy_refused")]


@pytest.mark.fault("stages", "a proxy that resets, 100 times", "one outcome, `proxy_refused`, whichever side wins")
@BOTH
def test_a_proxy_that_resets_is_proxy_refused_whichever_side_wins(probe: Probe, serving: Serving, kind: str) -> None:
    samples = probe(through(kind, serving(reset).port, "db.internal", 5432, count=100, interval_us=1000))
    assert {(sample.outcome, sample.errno) for sample in samples} == {("proxy_refused", "ECONNRESET")}


# -- proxies that deny --------------------------------------------------------------------------


@pytest.mark.fault("stages", "an HTTP proxy that makes no tunnel, or talks nonsense", "`proxy_denied` in its words")
@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403 Forbidden"),
        (b"HTTP/1.0 503\r\n", "HTTP 503"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n", "HTTP 407 Proxy Authentication Required"),
        (b"HTTP/1.1 302 Found\nLocation: http://login/\n\n", "HTTP 302 Found"),
        (b"HTTP/1.1 403 \x1b[31m" + b"x" * 100 + b"\r\n\r\n", "HTTP 403 \ufffd[31m" + "x" * 55),
        (b"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 403 No\r\n\r\n", "HTTP 403 No"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "the proxy's answer is not HTTP: HTTP/1.1 2000 OK"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the proxy's answer is not HTTP: SSH-2.0-OpenSSH_9.2"),
        (b"\x05\x00", "the proxy's answer is not HTTP: \ufffd\ufffd"),
    ],
)
def test_an_http_proxy_that_makes_no_tunnel_is_proxy_denied_in_its_words(
    probe: Probe, serving: Serving, answer: bytes, text: str
) -> None:
    (sample,) = probe(through("http", serving(saying(answer)).port, "db.internal", 5432))
    assert (sample.outcome, sample.message, sample.proxy_ms) == ("proxy_denied", text, None)


@pytest.mark.fault(
    "stages",
    "a SOCKS5 proxy that makes no tunnel, or talks nonsense",
    "`proxy_denied` with its reply; what it says of the target as the target's",
)
@pytest.mark.parametrize(
    ("answers", "outcome", "text"),
    [
        ((b"\x05\x00", b"\x05\x02\x00\x01"), "proxy_denied", "SOCKS5 reply 2: not allowed by ruleset"),
        ((b"\x05\x00", b"\x05\x01"), "proxy_denied", "SOCKS5 reply 1: general failure"),
        ((b"\x05\x00", b"\x05\xc8"), "proxy_denied", "SOCKS5 reply 200: unknown"),
        (
            (b"\x05\x00", b"\x05\x03"),
            "network_unreachable",
            "the proxy says: network unreachable (SOCKS5 reply 3)",
        ),
        ((b"\x05\x00", b"\x05\x04"), "host_unreachable", "the proxy says: host unreachable (SOCKS5 reply 4)"),
        ((b"\x05\x00", b"\x05\x05"), "refused", "the proxy says: connection refused (SOCKS5 reply 5)"),
        ((b"\x05\xff",), "proxy_denied", "SOCKS5: it takes nobody without a login"),
        ((b"\x05\x02",), "proxy_denied", "SOCKS5: it wants a login of a kind that was not offered (2)"),
        (
            (b"\x05\x00", b"\x05\x00\x00\x09\x00"),
            "proxy_denied",
            "the proxy's answer is not SOCKS5: \ufffd\ufffd\ufffd",
        ),
        ((b"HTTP/1.1 400 Bad\r\n",), "proxy_denied", "the proxy's answer is not SOCKS5: HTTP/1.1 400 Bad"),
    ],
)
def test_a_socks_proxy_that_makes_no_tunnel_says_why(
    probe: Probe, serving: Serving, answers: tuple[bytes, ...], outcome: str, text: str
) -> None:
    (sample,) = probe(through("socks5", serving(saying(*answers)).port, "db.internal", 5432))
    assert sample.outcome == outcome
    assert str(sample.message).startswith(text)


def test_a_socks_target_that_refuses_is_refused(probe: Probe, serving: Serving, servers: Servers) -> None:
    closed = servers.closed()
    (sample,) = probe(through("socks5", serving(SocksProxy()).port, closed.host, closed.port))
    assert sample.outcome == "refused"


@pytest.mark.fault("stages", "user and password missing or wrong", "`proxy_denied`, and why")
@BOTH
@pytest.mark.parametrize("login", [None, ("ann", "wrong")])
def test_a_login_that_is_missing_or_wrong_is_proxy_denied(
    probe: Probe, serving: Serving, kind: str, login: tuple[str, str] | None
) -> None:
    (sample,) = probe(through(kind, serving(proxy_of(kind, LOGIN)).port, "127.0.0.1", 5432, login))
    assert sample.outcome == "proxy_denied"
    words = {
        ("http", True): "HTTP 407 Proxy Authentication Required",
        ("http", False): "HTTP 407 Proxy Authentication Required",
        ("socks5", True): "SOCKS5: it takes nobody without a login",
        ("socks5", False): "SOCKS5: wrong user or password",
    }
    assert sample.message == words[kind, login is None]


@pytest.mark.fault("stages", "a proxy that closes without an answer", "`proxy_denied`, and that")
@BOTH
def test_a_proxy_that_closes_without_an_answer_is_proxy_denied(probe: Probe, serving: Serving, kind: str) -> None:
    proxy = serving(lambda client: until(client, 3))
    (sample,) = probe(through(kind, proxy.port, "db.internal", 5432))
    assert (sample.outcome, sample.message) == ("proxy_denied", "the proxy closed the connection without an answer")


def until(client: socket.socket, count: int) -> None:
    """Read all of what is said first (so that closing makes no reset), which is at least so long."""
    assert len(client.recv(65536)) >= count


# -- proxies that misbehave ---------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("begins", [b"", b"H", b"\x05"])
def test_a_proxy_that_does_not_go_on_is_proxy_timeout_or_denied_by_the_limit(
    probe: Probe, serving: Serving, kind: str, begins: bytes
) -> None:
    (sample,) = probe(through(kind, serving(saying(begins)).port, "db.internal", 5432, timeout_us=300_000))
    fits = (b"H" if kind == "http" else b"\x05").startswith(begins)
    assert sample.outcome == ("proxy_timeout" if fits else "proxy_denied")
    assert not fits or sample.message == "the proxy took the connection, and its answer did not come"
    assert sample.clock_ms is not None
    assert not fits or sample.clock_ms >= 300


@pytest.mark.fault("stages", "a proxy's answer without an end", "cut off at 64 KiB")
@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 ", b"HTTP/1.1 100 Continue\r\n\r\n" * 20])
def test_endless_headers_are_cut_off(probe: Probe, serving: Serving, begin: bytes) -> None:
    def serve(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(begin)
        while True:  # until the prober has closed: an OSError
            client.sendall(begin if b"100" in begin else b"y" * 1000)

    (sample,) = probe(through("http", serving(serve).port, "db.internal", 5432, timeout_us=8_000_000))
    assert sample.outcome == "proxy_denied"
    assert sample.message == f"the proxy's answer has no end within {MOST_ANSWER_BYTES} bytes"


@BOTH
def test_an_answer_of_single_bytes_is_understood(probe: Probe, serving: Serving, servers: Servers, kind: str) -> None:
    answer = (
        b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n" if kind == "http" else b"\x05\x00\x00\x04" + bytes(18)
    )

    def serve(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.recv(65536)
        if kind == "socks5":
            client.sendall(b"\x05")
            client.sendall(b"\x00")
            client.recv(65536)
        for byte in answer:
            client.sendall(bytes([byte]))
        until_closed(client)

    (sample,) = probe(through(kind, serving(serve).port, "db.internal", 5432))
    assert sample.outcome == "open"


# -- what is told -------------------------------------------------------------------------------


@pytest.mark.fault("secrets", "a proxy that gives back user and password in its answer", "`***` in their place")
@BOTH
def test_login_data_are_in_no_file_whatever_the_proxy_says(
    probe: Probe, serving: Serving, kind: str, tmp_path: Path
) -> None:
    """A proxy that gives back all that it is told, in the line that is shown."""
    import base64

    token = base64.b64encode(":".join(LOGIN).encode())

    def serve(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 407 " + LOGIN[1].encode() + b" " + token + b" ann\r\n\r\n")
        until_closed(client)

    (sample,) = probe(through(kind, serving(serve).port, "db.internal", 5432, LOGIN))
    assert sample.outcome == "proxy_denied"
    assert "***" in str(sample.message)
    written = (tmp_path / "samples-0.ndjson").read_bytes()
    for secret in (LOGIN[0].encode(), LOGIN[1].encode(), token):
        assert secret not in written


def test_a_redacted_endpoint_leaves_no_words_of_the_proxy(probe: Probe, serving: Serving) -> None:
    proxy = serving(saying(b"HTTP/1.1 403 db.internal is forbidden\r\n\r\n"))
    (sample,) = probe(through("http", proxy.port, "db.internal", 5432, redact=True))
    assert (sample.outcome, sample.message, sample.address) == ("proxy_denied", None, None)


@pytest.mark.fault("stages", "a host with a line's end in it", "never sent to a proxy")
@BOTH
@pytest.mark.parametrize("host", ["a b", "a\r\nX: y", "", "x" * 300 + "é", "a\0b"])
def test_a_name_that_would_break_the_request_is_never_sent(
    probe: Probe, serving: Serving, kind: str, host: str
) -> None:
    proxy = proxy_of(kind)
    (sample,) = probe(through(kind, serving(proxy).port, host, 5432))
    assert sample.outcome == "dns_invalid"
    assert proxy.asked == []


@BOTH
def test_a_name_in_other_letters_is_asked_for_in_idna(
    probe: Probe, serving: Serving, servers: Servers, kind: str
) -> None:
    target = servers.open()
    proxy = proxy_of(kind, None, **{"xn--bcher-kva.example": "127.0.0.1"})
    (sample,) = probe(through(kind, serving(proxy).port, "bücher.example", target.port))
    assert sample.outcome == "open"


def test_a_login_that_is_too_long_for_socks_is_the_checkers_own_fault(probe: Probe, serving: Serving) -> None:
    (sample,) = probe(through("socks5", serving(until_closed).port, "db.internal", 5432, ("ann", "x" * 256)))
    assert sample.outcome == "local_error"
    assert "xxx" not in str(sample.message)


@pytest.mark.fault("fuzzing", "any bytes from a proxy, in any pieces", "a tunnel or an outcome, never an exception")
@given(st.sampled_from(["http", "socks5"]), st.booleans(), st.lists(st.binary(min_size=1, max_size=40)), st.data())
def test_any_answer_in_any_pieces_ends_in_a_step_and_never_in_an_exception(
    kind: str, has_login: bool, pieces: list[bytes], data: st.DataObject
) -> None:
    starts = {"http": b"HTTP/1.1 200 OK\r\n", "socks5": b"\x05\x00\x05\x00\x00\x03"}
    first = data.draw(st.sampled_from([b"", starts[kind], starts[kind][:3]]))
    job = {"kind": kind, "auth": list(LOGIN) if has_login else None}
    tunnel = stage_of(job, "db.internal", 5432)()
    assert tunnel.begin().send
    for piece in [first, *pieces] if first else pieces:
        step = tunnel.take(piece)
        assert not (step.is_over and step.outcome)
        if step.is_over or step.outcome:
            break
        assert json.dumps(step.text) == "null"
