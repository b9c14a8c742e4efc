"""TLS after the connect: real servers, real certificates, and peers that misbehave."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import HAS_OPENSSL, Authority, Issued
from conftest_prober import entry, job_of
from servers import Servers
from stage_servers import Serve, Talking, reset, speaking_tls, tls_context, until_closed

from pytest_netmon.prober import engine, tls, wait
from pytest_netmon.samples import Sample

Probe = Callable[..., "list[Sample]"]
DAY_S = 24 * 60 * 60
#: Its place in a sample.
_DETAIL = 10
needs_openssl = pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")
pytestmark = needs_openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture(scope="module")
def valid(authority: Authority) -> Issued:
    return authority.issue("DNS:localhost", "DNS:db.internal", "IP:127.0.0.1")


@pytest.fixture
def serving() -> Iterator[Callable[[Serve], Talking]]:
    made: list[Talking] = []

    def serve(with_: Serve) -> Talking:
        made.append(Talking(with_))
        return made[-1]

    yield serve
    for server in made:
        server.close()


Serving = Callable[[Serve], Talking]


@pytest.fixture
def detail(tmp_path: Path) -> Callable[[], dict[str, object]]:
    """What the only sample in the sample file says beyond its figures."""

    def read() -> dict[str, object]:
        lines = [json.loads(line) for line in (tmp_path / "samples-0.ndjson").read_bytes().splitlines()]
        (sample,) = (line for line in lines if isinstance(line, list))
        found = sample[_DETAIL]
        assert isinstance(found, dict)
        return found

    return read


Detail = Callable[[], "dict[str, object]"]


def with_tls(port: int, ca_file: Path | None = None, **changes: object) -> dict[str, object]:
    """A check with TLS of a port on loopback, by its address unless `host` says otherwise."""
    settings = {"server_name": None, "verify": True, "ca_file": None if ca_file is None else str(ca_file)}
    settings.update({key: changes.pop(key) for key in ("server_name", "verify", "min_version") if key in changes})
    return entry("127.0.0.1", port, tls=settings, **changes)


def days_left(detail: Detail) -> float:
    left_s = detail()["cert_expires_s"]
    assert isinstance(left_s, int)
    return left_s / DAY_S


# -- certificates -------------------------------------------------------------------------------


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_valid_chain_is_open_with_the_time_of_the_handshake_and_the_days_left(
    probe: Probe,
    serving: Serving,
    detail: Detail,
    authority: Authority,
    valid: Issued,
    newest: ssl.TLSVersion,
    *,
    in_kernel: bool,
) -> None:
    context = tls_context(valid)
    context.maximum_version = newest
    (sample,) = probe(with_tls(serving(speaking_tls(context)).port, authority.root), kernel=in_kernel)
    assert sample.outcome == "open"
    assert sample.connect_ms is not None
    assert sample.clock_ms is not None
    assert sample.connect_ms <= sample.clock_ms
    tls_us = detail()["tls_us"]
    assert isinstance(tls_us, int)
    assert tls_us > 0
    assert 29 < days_left(detail) < 31


def test_everywhere_else_selectors_do_as_well(
    probe: Probe,
    serving: Serving,
    authority: Authority,
    valid: Issued,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "make_waiter", wait.SelectorWaiter)
    server = serving(speaking_tls(tls_context(valid)))
    samples = probe(with_tls(server.port, authority.root, count=20, interval_us=1000))
    assert [sample.outcome for sample in samples] == ["open"] * 20


@pytest.mark.fault(
    "stages", "a certificate of an authority that is not trusted here", "`tls_verify` in OpenSSL's words"
)
def test_a_chain_that_ends_at_no_trusted_root_is_tls_verify_in_the_systems_words(
    probe: Probe, serving: Serving, detail: Detail, authority: Authority, valid: Issued, tmp_path: Path
) -> None:
    other = Authority(tmp_path.parent / f"{tmp_path.name}-other")
    (sample,) = probe(with_tls(serving(speaking_tls(tls_context(valid))).port, other.root))
    assert sample.outcome == "tls_verify"
    assert sample.connect_ms is None
    assert "issuer certificate" in str(sample.message)
    assert "tls_us" not in detail()
    assert 29 < days_left(detail) < 31


@pytest.mark.fault("stages", "a self-signed certificate", "`tls_verify`; open where it is the `ca_file`")
def test_a_self_signed_certificate_is_tls_verify_and_open_where_it_is_the_ca_file(
    probe: Probe, serving: Serving, authority: Authority
) -> None:
    alone = authority.self_signed("localhost")
    server = serving(speaking_tls(tls_context(alone)))
    samples = probe(
        with_tls(server.port, authority.root, server_name="localhost"),
        with_tls(server.port, alone.chain, server_name="localhost"),
    )
    assert {sample.endpoint: sample.outcome for sample in samples} == {0: "tls_verify", 1: "open"}


def test_an_issuer_that_is_no_root_can_be_trusted(probe: Probe, serving: Serving, authority: Authority) -> None:
    issued = authority.issue("IP:127.0.0.1", issuer_days=30)
    server = serving(speaking_tls(tls_context(issued)))
    (sample,) = probe(with_tls(server.port, issued.chain.with_suffix(".issuer")))
    assert sample.outcome == "open"


@pytest.mark.fault("stages", "an expired certificate", "`tls_expired`, and since when")
def test_an_expired_certificate_is_tls_expired_and_says_since_when(
    probe: Probe, serving: Serving, detail: Detail, authority: Authority
) -> None:
    expired = authority.issue("IP:127.0.0.1", days=-3)
    (sample,) = probe(with_tls(serving(speaking_tls(tls_context(expired))).port, authority.root))
    assert (sample.outcome, sample.message) == ("tls_expired", "certificate has expired")
    assert -3.1 < days_left(detail) < -2.9


@pytest.mark.fault("stages", "an expired issuer of a valid certificate", "`tls_expired`, and that it is the issuer's")
def test_an_issuer_that_expired_is_told_from_the_certificate_itself(
    probe: Probe, serving: Serving, detail: Detail, authority: Authority
) -> None:
    expired = authority.issue("IP:127.0.0.1", issuer_days=-3)
    (sample,) = probe(with_tls(serving(speaking_tls(tls_context(expired))).port, authority.root))
    assert sample.outcome == "tls_expired"
    assert sample.message == "certificate has expired: not its own, but one of its issuers'"
    assert 29 < days_left(detail) < 31


@pytest.mark.fault(
    "stages", "a certificate for another name or address", "`tls_name_mismatch`, and the names that it is for"
)
@pytest.mark.parametrize("server_name", ["other.internal", "192.0.2.1", None])
def test_a_certificate_for_another_name_or_address_is_tls_name_mismatch(
    probe: Probe, serving: Serving, detail: Detail, authority: Authority, server_name: str | None
) -> None:
    issued = authority.issue("DNS:db.internal", "DNS:*.db.internal", "IP:10.0.0.7", "IP:2001:db8::7", "DNS:a", "DNS:b")
    server = serving(speaking_tls(tls_context(issued)))
    (sample,) = probe(with_tls(server.port, authority.root, server_name=server_name))
    assert sample.outcome == "tls_name_mismatch"
    assert f"not valid for '{server_name or '127.0.0.1'}'" in str(sample.message)
    assert str(sample.message).endswith(": it is for db.internal, *.db.internal, 10.0.0.7, 2001:db8::7 and 2 more")
    assert 29 < days_left(detail) < 31


@pytest.mark.parametrize(
    ("server_name", "asked"), [(None, None), ("db.internal", "db.internal"), ("db.internal.", "db.internal")]
)
def test_a_name_is_asked_for_and_an_address_is_not(
    probe: Probe,
    serving: Serving,
    authority: Authority,
    valid: Issued,
    server_name: str | None,
    asked: str | None,
) -> None:
    seen: list[str | None] = []
    context = tls_context(valid)
    context.sni_callback = lambda _, name, __: seen.append(name)
    (sample,) = probe(with_tls(serving(speaking_tls(context)).port, authority.root, server_name=server_name))
    assert (sample.outcome, seen) == ("open", [asked])


@pytest.mark.parametrize("days", [30, -3])
def test_without_verification_any_certificate_is_open_and_its_days_are_told(
    probe: Probe, serving: Serving, detail: Detail, authority: Authority, days: int
) -> None:
    issued = authority.issue("DNS:other.internal", days=days)
    (sample,) = probe(with_tls(serving(speaking_tls(tls_context(issued))).port, verify=False))
    assert sample.outcome == "open"
    assert abs(days_left(detail) - days) < 0.1


# -- what this machine lacks --------------------------------------------------------------------


@pytest.mark.fault("stages", "a `ca_file` that cannot be read", "the checker's own fault: inconclusive")
def test_a_ca_file_that_is_not_there_is_the_checkers_own_fault(
    probe: Probe, serving: Serving, valid: Issued, tmp_path: Path
) -> None:
    (sample,) = probe(with_tls(serving(until_closed).port, tmp_path / "none.pem"))
    assert sample.outcome == "local_error"
    assert sample.message == f"the ca_file {tmp_path / 'none.pem'} cannot be read: No such file or directory"


def test_a_ca_file_without_a_certificate_is_the_checkers_own_fault(
    probe: Probe, serving: Serving, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    (sample,) = probe(with_tls(serving(until_closed).port, tmp_path / "empty.pem"))
    assert sample.outcome == "local_error"
    assert str(sample.message).startswith("no certificates can be read from the ca_file")


@pytest.mark.fault("stages", "a checker without any trusted authority", "its own fault: no certificate is blamed")
def test_a_machine_without_roots_says_so_and_blames_no_certificate(
    probe: Probe, serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    tls.context_of.cache_clear()
    (sample,) = probe(with_tls(serving(until_closed).port))
    tls.context_of.cache_clear()
    assert sample.outcome == "local_error"
    assert "no CA certificates on this machine" in str(sample.message)


@pytest.mark.parametrize("server_name", ["", ".internal", "a..b", "x" * 64, "x" * 400, "a\0b"])
def test_a_name_that_nobody_can_ask_for_is_the_checkers_own_fault(
    probe: Probe, serving: Serving, server_name: str
) -> None:
    (sample,) = probe(with_tls(serving(until_closed).port, verify=False, server_name=server_name))
    assert sample.outcome == "local_error"
    assert str(sample.message).startswith("not a name that TLS can ask for")


def test_a_job_without_tls_does_not_load_ssl(servers: Servers, tmp_path: Path) -> None:
    job = job_of(tmp_path / "samples.ndjson", [entry("127.0.0.1", servers.open().port)])
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pytest_netmon.prober import main;"
        "os._exit = lambda status: print('ssl' in sys.modules);"
        "sys.exit(main.main())"
    )
    root = Path(tls.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        input=json.dumps(job) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "False", done.stderr


# -- peers that misbehave -----------------------------------------------------------------------


@pytest.mark.fault("stages", "no TLS version in common", "`tls_handshake`, and the alert")
def test_versions_that_do_not_meet_are_tls_handshake(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    context = tls_context(valid)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = serving(speaking_tls(context))
    samples = probe(
        with_tls(server.port, authority.root, min_version="1.3"),
        with_tls(server.port, authority.root, min_version="1.2"),
    )
    outcomes = {sample.endpoint: sample.outcome for sample in samples}
    assert outcomes == {0: "tls_handshake", 1: "open"}
    (refused,) = (sample for sample in samples if sample.endpoint == 0)
    assert "protocol version" in str(refused.message)


def test_a_server_that_needs_tls_1_3_is_open(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    context = tls_context(valid)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    (sample,) = probe(with_tls(serving(speaking_tls(context)).port, authority.root))
    assert sample.outcome == "open"


@pytest.mark.fault("stages", "a service that speaks no TLS", "`tls_handshake`, and its first line")
@pytest.mark.parametrize(
    ("says", "shown"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "the answer is not TLS: SSH-2.0-OpenSSH_9.2p1"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100_000, "the answer is not TLS: HTTP/1.1 400 Bad Request"),
        (b"\x1b[31m\xff\0" + b"y" * 200, "the answer is not TLS: \ufffd[31m\ufffd\ufffd" + "y" * 53),
    ],
)
def test_a_service_that_speaks_no_tls_is_quoted(probe: Probe, serving: Serving, says: bytes, shown: str) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(says)
        until_closed(client)

    (sample,) = probe(with_tls(serving(serve).port, verify=False))
    assert (sample.outcome, sample.message) == ("tls_handshake", shown)


@pytest.mark.fault("stages", "garbage in a TLS record", "`tls_handshake`")
def test_garbage_in_a_record_is_tls_handshake(probe: Probe, serving: Serving) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"\x16\x03\x03\x00\x10" + b"\xff" * 16)
        until_closed(client)

    (sample,) = probe(with_tls(serving(serve).port, verify=False))
    assert sample.outcome == "tls_handshake"
    assert sample.message


@pytest.mark.fault("stages", "silence after the connect, or half a record", "`tls_timeout` at the limit, never before")
@pytest.mark.parametrize("says", [b"", b"\x16\x03\x03\x40\x00half a record"])
def test_a_server_that_does_not_go_on_is_tls_timeout_at_the_limit(
    probe: Probe, serving: Serving, detail: Detail, says: bytes
) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(says)
        until_closed(client)

    (sample,) = probe(with_tls(serving(serve).port, verify=False, timeout_us=300_000))
    assert sample.outcome == "tls_timeout"
    assert sample.connect_ms is None
    assert sample.clock_ms is not None
    assert sample.clock_ms >= 300


@pytest.mark.fault("stages", "a close in the handshake", "`tls_handshake`, and when it was")
@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"", "the peer closed the connection without a word of TLS"),
        (b"\x16\x03\x03\x40\x00half", "the peer closed the connection during the handshake"),
    ],
)
def test_a_server_that_closes_in_the_handshake_is_tls_handshake(
    probe: Probe, serving: Serving, says: bytes, words: str
) -> None:
    def serve(client: socket.socket) -> None:
        client.recv(65536)  # all of it: what is unread at a close makes a reset
        client.sendall(says)

    (sample,) = probe(with_tls(serving(serve).port, verify=False))
    assert (sample.outcome, sample.message) == ("tls_handshake", words)


@pytest.mark.fault("stages", "a reset in the handshake", "`reset`")
def test_a_reset_in_the_handshake_is_a_reset(probe: Probe, serving: Serving) -> None:
    def serve(client: socket.socket) -> None:
        client.recv(1)
        reset(client)

    samples = probe(with_tls(serving(serve).port, verify=False, count=50, interval_us=1000))
    assert {(sample.outcome, sample.errno) for sample in samples} == {("reset", "ECONNRESET")}


@pytest.mark.fault("stages", "a handshake that comes byte by byte", "open")
def test_a_handshake_of_single_bytes_is_open(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    context = tls_context(valid)

    def serve(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(received, to_send, server_side=True)
        while True:
            try:
                session.do_handshake()
                ended = True
            except ssl.SSLWantReadError:
                ended = False
            for byte in to_send.read():
                client.sendall(bytes([byte]))
            if ended:
                return until_closed(client)
            received.write(client.recv(65536))

    (sample,) = probe(with_tls(serving(serve).port, authority.root))
    assert sample.outcome == "open"


def test_a_redacted_endpoint_leaves_no_words_of_the_handshake(probe: Probe, serving: Serving) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-secret\r\n")
        until_closed(client)

    (sample,) = probe(with_tls(serving(serve).port, verify=False, redact=True))
    assert (sample.outcome, sample.message, sample.address) == ("tls_handshake", None, None)


# -- the end ------------------------------------------------------------------------------------


def test_the_server_is_told_that_the_connection_ends(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    ended: list[bytes] = []
    context = tls_context(valid)

    def serve(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True, suppress_ragged_eofs=False) as inside:
            ended.append(inside.recv(1))

    server = serving(serve)
    (sample,) = probe(with_tls(server.port, authority.root))
    server.close()
    assert (sample.outcome, ended, server.errors) == ("open", [b""], [])  # without a word: an SSLEOFError


def test_a_server_that_closes_after_the_handshake_is_closed_at_once_in_a_hold_although_it_sent_tickets(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    server = serving(speaking_tls(tls_context(valid), lambda client: None))
    (sample,) = probe(with_tls(server.port, authority.root, hold_us=300_000))
    assert sample.outcome == "closed_at_once"


def greet(client: socket.socket) -> None:
    client.sendall(b"220 ready\r\n")


@pytest.mark.parametrize("then", [until_closed, greet])
def test_a_server_that_waits_or_talks_is_open_in_a_hold(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued, then: Serve
) -> None:
    server = serving(speaking_tls(tls_context(valid), then))
    (sample,) = probe(with_tls(server.port, authority.root, hold_us=300_000))
    assert sample.outcome == "open"


def test_a_reset_in_the_hold_after_a_handshake_is_a_reset(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    context = tls_context(valid)

    def serve(client: socket.socket) -> None:
        inside = context.wrap_socket(client, server_side=True)
        inside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        inside.close()

    samples = probe(with_tls(serving(serve).port, authority.root, hold_us=500_000, count=30, interval_us=1000))
    assert {sample.outcome for sample in samples} == {"reset"}


@pytest.mark.fault(
    "stages", "TLS 1.3, a client without the certificate that is wanted", "with `hold`: `tls_handshake`, and the alert"
)
def test_a_server_that_wants_the_clients_certificate_says_so_only_in_a_hold(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    """TLS 1.3: the client's handshake is over before the server looks at what it lacks."""
    context = tls_context(valid)
    context.load_verify_locations(authority.root)
    context.verify_mode = ssl.CERT_REQUIRED
    (sample,) = probe(with_tls(serving(speaking_tls(context)).port, authority.root, hold_us=300_000))
    assert sample.outcome == "tls_handshake"
    assert "certificate required" in str(sample.message)


# -- many ---------------------------------------------------------------------------------------


@pytest.mark.fault("stages", "250 handshakes at once", "no check is lost, connect times are the kernel's")
def test_hundreds_of_handshakes_at_once_lose_no_check_and_keep_connect_times_apart(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued, tmp_path: Path
) -> None:
    server = serving(speaking_tls(tls_context(valid)))
    samples = probe(*(with_tls(server.port, authority.root, timeout_us=30_000_000) for _ in range(250)))
    assert sorted(sample.endpoint for sample in samples) == list(range(250))
    assert {sample.outcome for sample in samples} == {"open"}
    for sample in samples:
        assert sample.connect_ms is not None
        assert sample.clock_ms is not None
        assert sample.connect_ms <= sample.clock_ms
    lines = [json.loads(line) for line in (tmp_path / "samples-0.ndjson").read_bytes().splitlines()]
    assert all(line[_DETAIL]["tls_us"] > 0 for line in lines if isinstance(line, list))


@pytest.mark.fault("stages", "20 of 40 servers never answer a handshake", "the other 20 are open at once")
def test_a_peer_that_never_answers_does_not_hold_the_others_up(
    probe: Probe, serving: Serving, authority: Authority, valid: Issued
) -> None:
    over = threading.Event()
    silent = serving(lambda client: bool(over.wait(10)))
    server = serving(speaking_tls(tls_context(valid)))
    samples = probe(
        *(with_tls(silent.port, authority.root, timeout_us=1_000_000) for _ in range(20)),
        *(with_tls(server.port, authority.root, timeout_us=1_000_000) for _ in range(20)),
    )
    over.set()
    assert [sample.outcome for sample in samples] == ["open"] * 20 + ["tls_timeout"] * 20
