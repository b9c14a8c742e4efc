"""What the system's resolver does with a name server that misbehaves, and what it costs (root on Linux).

The prober runs in a namespace of its own with its own /etc/resolv.conf; the name server stands beside it.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_runs import clean_environment, command, pytest_command
from namespaces import Cable, missing, probe

from pytest_netmon.sample_lines import decode_line
from pytest_netmon.samples import AddressChange

pytestmark = [pytest.mark.namespace, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

NAME_SERVER = "127.0.0.53"
BUDGET_US = 2_500_000
EXPECTED = {
    "good": "open",
    "v4only": "open",
    "slow50": "open",
    "dropsaaaa": "open",
    "nx": "dns_not_found",
    "empty": "dns_no_address",
    "servfail": "dns_failed",
    "refused": "dns_failed",
    "garbage": "dns_timeout",
    "silent": "dns_timeout",
    "truncated": "dns_timeout",
    "metadata": "dns_invalid",
}


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    with Cable() as cable:
        # `ip netns exec` lays /etc/netns/NAME/* over /etc for what it starts.
        folder = Path("/etc/netns") / cable.near
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n")
        script = str(Path(__file__).with_name("nameserver.py"))
        server = subprocess.Popen(
            cable.in_near(sys.executable, "-I", script, NAME_SERVER), stdout=subprocess.PIPE, text=True
        )
        listener = cable.listen_near(80)
        assert server.stdout is not None
        assert server.stdout.readline() == "serving\n"
        yield cable
        for process in (server, listener):
            process.kill()
            process.communicate()
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


@pytest.mark.fault("names", "no such name; no record of any family", "`dns_not_found`, `dns_no_address`")
@pytest.mark.fault("names", "SERVFAIL; REFUSED", "`dns_failed`")
@pytest.mark.fault(
    "names", "silence; garbage; truncated with a silent TCP side", "`dns_timeout` at the target's own limit"
)
@pytest.mark.fault("names", "AAAA queries are dropped", "open by IPv4")
@pytest.mark.fault("manners", "a name leads to a metadata address", "`dns_invalid`, and no packet to it")
def test_each_kind_of_answer_has_its_outcome_and_none_is_past_its_budget(cable: Cable, tmp_path: Path) -> None:
    targets = [(f"{behaviour}.test", 80) for behaviour in EXPECTED]
    samples = probe(cable, tmp_path / "samples.ndjson", targets, BUDGET_US)
    found = {behaviour: sample.outcome for behaviour, sample in zip(EXPECTED, samples, strict=True)}
    assert found == EXPECTED
    by_name = dict(zip(EXPECTED, samples, strict=True))
    assert by_name["good"].address in ("127.0.0.1", "::1")
    assert by_name["dropsaaaa"].address == "127.0.0.1"
    assert by_name["metadata"].message is not None
    assert "metadata" in by_name["metadata"].message
    for sample in samples:
        assert sample.dns_ms is not None
        if sample.outcome == "dns_timeout":
            assert sample.dns_ms >= BUDGET_US / 1000


def test_five_hundred_slow_names_are_resolved_side_by_side(cable: Cable, tmp_path: Path) -> None:
    targets = [(f"slow50.host-{number}.test", 80) for number in range(500)]
    samples = probe(cable, tmp_path / "samples.ndjson", targets, 20_000_000)
    assert {sample.outcome for sample in samples} == {"open"}
    # One after the other they would take 25 s.
    assert max(sample.end_us for sample in samples) < 12_000_000


@pytest.mark.fault("names", "AAAA queries are dropped, for more names than are asked for at once", "open by IPv4")
def test_a_name_server_that_drops_aaaa_fails_none_of_two_hundred_names(cable: Cable, tmp_path: Path) -> None:
    targets = [(f"dropsaaaa.host-{number}.test", 80) for number in range(200)]
    samples = probe(cable, tmp_path / "samples.ndjson", targets, 4_000_000)
    assert {(sample.outcome, sample.address) for sample in samples} == {("open", "127.0.0.1")}


def test_a_dry_run_shows_the_addresses_that_a_check_would_find(cable: Cable, tmp_path: Path) -> None:
    """Also those of names whose AAAA is never answered, a hundred at once."""
    targets = [f"dropsaaaa.host-{number}.test:80" for number in range(100)]
    words = command("check", "--dry-run", "--resolve", "--timeout", "2s", "good.test:80", "silent.test:80", *targets)
    done = subprocess.run(
        cable.in_near(*words), cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("127.0.0.1") >= 101, done.stdout
    assert done.stdout.count("no answer within") == 1


@pytest.mark.fault("names", "a dead resolver", "one limit covers all; the exit is never late")
@pytest.mark.fault("names", "truncated with a silent TCP side, for many names", "the same")
@pytest.mark.parametrize("behaviour", ["silent", "truncated"])
def test_a_dead_resolver_does_not_hold_up_the_end_of_the_prober(cable: Cable, tmp_path: Path, behaviour: str) -> None:
    before_s = time.monotonic()
    targets = [(f"{behaviour}.host-{number}.test", 80) for number in range(80)]
    samples = probe(cable, tmp_path / "samples.ndjson", targets, 500_000)
    assert {sample.outcome for sample in samples} == {"dns_timeout"}
    # getaddrinfo() itself would take 10 s and more (5 s a try, two tries).
    assert time.monotonic() - before_s < 8


@pytest.mark.fault(
    "names", "an address that moves in mid-run", "the new one is checked from then on; the change is told"
)
def test_a_name_that_moves_is_followed_and_told(cable: Cable, tmp_path: Path) -> None:
    path = tmp_path / "samples.ndjson"
    samples = probe(cable, path, [("moves.test", 80)], 2_000_000, count=40, interval_us=25_000, refresh_s=0.3)
    assert {sample.outcome for sample in samples} == {"open"}
    addresses = [address for address, _ in itertools.groupby(sample.address for sample in samples)]
    assert addresses == ["127.0.0.1", "127.0.0.2"]
    changes = [
        record for record in map(decode_line, path.read_bytes().splitlines()) if isinstance(record, AddressChange)
    ]
    assert changes == [AddressChange("moves.test", ("127.0.0.1",), ("127.0.0.2",))]


@pytest.mark.fault("names", "a resolver that dies in mid-run", "known addresses stay in use; the exit is not late")
def test_a_resolver_that_dies_in_mid_run_changes_nothing_for_known_names(cable: Cable, tmp_path: Path) -> None:
    before_s = time.monotonic()
    samples = probe(
        cable, tmp_path / "samples.ndjson", [("dies.test", 80)], 2_000_000,
        count=40, interval_us=25_000, refresh_s=0.3,
    )  # fmt: skip
    assert [sample.outcome for sample in samples] == ["open"] * 40
    # getaddrinfo() hangs for 10 s by then.
    assert time.monotonic() - before_s < 8


@pytest.mark.fault(
    "names", "a dead resolver: `netmon check`, pytest", "`dns_timeout`, and the command ends with its checks"
)
@pytest.mark.parametrize("of", ["check", "pytest"])
def test_a_dead_resolver_does_not_hold_up_a_command(cable: Cable, tmp_path: Path, of: str) -> None:
    """Threads in getaddrinfo() hang for 150 s: five tries of 30 s each."""
    file = Path("/etc/netns") / cable.near / "resolv.conf"
    before = file.read_text()
    file.write_text(f"{before}options timeout:30 attempts:5\n")
    targets = ["silent.test:80", "truncated.test:80"]
    options = [f"--netmon-target={','.join(targets)}", "--netmon-count=2", "--netmon-timeout=600ms"]
    words = {
        "check": command("check", *targets, "--count", "2", "--timeout", "600ms"),
        "pytest": pytest_command(*options),
    }[of]
    try:
        done = subprocess.run(
            cable.in_near(*words), cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60
        )
    finally:
        file.write_text(before)
    assert done.returncode == 1, done.stdout
    assert "2 x dns_timeout" in done.stdout
