"""`--dry-run`: what would be checked, and nothing sent."""

from __future__ import annotations

from pathlib import Path

from check_runs import InProcess, netmon
from servers import Servers


def write(text: str, name: str = "netmon.yaml") -> None:
    Path(name).write_text(text)


def test_the_plan_is_shown_and_nothing_is_sent(check: InProcess, servers: Servers) -> None:
    server = servers.open()
    write(f"targets: [{{host: '{server.target}', name: api, count: 2, limits: [max < 1s]}}]\n")
    ran = check("--dry-run", "--limit", "errors == 0")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"api:{server.port} (127.0.0.1, netmon.yaml:1:11): 2 checks every 250 ms, timeout 3 s",
        "    limit  success >= 100%  (built-in)",
        "    limit  max < 1s         (target)",
        "    limit  errors == 0      (option)",
        "1 endpoint, planned 0.2 s at up to 4.0 checks/s; nothing was sent",
    ]
    assert server.connects == 0


def test_addresses_are_looked_up_when_asked_for(check: InProcess) -> None:
    ran = check("--dry-run", "--resolve", "127.0.0.1:1", "localhost:2", "-q")
    assert ran.status == 0
    assert "    addresses: 127.0.0.1" in ran.out.splitlines()
    assert ran.out.count("addresses: ") == 2


def test_a_name_that_does_not_exist_is_no_failure_of_a_dry_run(check: InProcess) -> None:
    ran = check("--dry-run", "--resolve", "nothing.invalid:1")
    assert ran.status == 0
    assert "(dns_" in ran.out


def test_resolve_alone_is_refused(check: InProcess) -> None:
    ran = check("--resolve", "a:1")
    assert ran.status == 2
    assert "--resolve: expected --dry-run with it" in ran.err


def test_a_file_is_named_by_an_option_too_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "deploy.conf").write_text("targets: ['db.internal:1']\n")
    ran = netmon("--dry-run", "--config", "deploy.conf", cwd=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "1 endpoint; nothing was sent"


def test_a_wrong_file_is_as_wrong_as_without_a_dry_run(check: InProcess) -> None:
    write("targets: ['db:70000']\n")
    ran = check("--dry-run")
    assert (ran.status, ran.out) == (2, "")
    assert "expected a port 1..65535" in ran.err


def test_warnings_are_shown(check: InProcess) -> None:
    ran = check("--dry-run", "a:1", "--timeout", "1s")
    assert "netmon check: warning: 1 endpoint has a timeout of 1s or less" in ran.err
