"""The command line of `netmon monitor`: the seed's, and one line that mends each mistake before any packet."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from monitor_runs import InProcess

from pytest_netmon.cli.monitor_options import parse
from pytest_netmon.cli.monitor_plan import monitor_plan
from pytest_netmon.plan import Plan


def planned(*arguments: str, **environment: str) -> Plan:
    return monitor_plan(parse(arguments), environment)


def ids(*arguments: str) -> list[str]:
    return [endpoint.id for endpoint in planned(*arguments).endpoints]


def test_the_defaults_are_the_seeds() -> None:
    plan = planned("google.com")
    (first, second) = plan.endpoints

    assert (first.id, second.id) == ("google.com:80", "google.com:443")
    assert (first.count, first.interval_s, first.timeout_s, first.limits) == (None, 1.0, 5.0, ())
    assert (plan.interval_s, plan.timeout_s) == (1.0, 5.0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("google.com", "-c", "10", "cloudflare.com"),
        ("-c", "10", "google.com", "cloudflare.com"),
        ("google.com", "-t", "cloudflare.com", "-c", "10"),
        ("-t", "google.com", "cloudflare.com", "--count", "10"),
        ("-t", "google.com", "--targets", "cloudflare.com", "--count=10"),
        ("google.com,cloudflare.com", "-c10"),
    ],
)
def test_options_stand_anywhere_and_targets_are_joined(arguments: tuple[str, ...]) -> None:
    plan = planned(*arguments)

    assert [endpoint.host for endpoint in plan.endpoints] == ["google.com"] * 2 + ["cloudflare.com"] * 2
    assert {endpoint.count for endpoint in plan.endpoints} == {10}


def test_every_short_and_long_option_of_the_seed_is_there() -> None:
    long = "--targets a --ports 22 --interval 2 --count 3 --timeout 4 --output f --verbose"
    short = "-t a -p 22 -i 2 -c 3 --timeout 4 -o f -v"

    assert parse(long.split()) == parse(short.split())


def test_a_port_in_a_target_goes_before_p() -> None:
    assert ids("db:5432", "[::1]:22", "web", "https://api.example.com/x", "-p", "8080", "9000-9001") == [
        "db:5432", "[::1]:22", "web:8080", "web:9000", "web:9001", "api.example.com:443",
    ]  # fmt: skip


def test_ports_that_overlap_are_checked_once() -> None:
    assert ids("a", "-p", "80", "80-81", "-p", "81") == ["a:80", "a:81"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "TARGET: expected a target, got none: write `netmon monitor google.com`, or use --config FILE"),
        (("-p", "80", "443", "google.com"),
         "-p: expected a port 1..65535, got 'google.com': name targets before -p or behind -t: "
         "`netmon monitor google.com -p 80 443`"),
        (("a", "a"), "TARGET: a:80 is given twice: name each target once"),
        (("a", "-t", "A"), "-t: a:80 is given twice: name each target once"),
        (("a:443", "a"), "TARGET: a:443 is given twice: name each target once"),
        (("a", "-p", "0"), "-p: expected a port 1..65535, got '0'"),
        (("a", "-p", "70000"), "-p: expected a port 1..65535, got '70000'"),
        (("a", "-p", "http"),
         "-p: expected a port 1..65535 or a range such as 8000-8010, got 'http': did you mean 80?"),
        (("a:70000",), "TARGET: expected a port 1..65535, got 'a:70000'"),
        (("a", "-c", "0"), "-c: expected a whole number from 1, got '0': leave it out to watch until Ctrl-C"),
        (("a", "-c", "-3"), "-c: expected a whole number from 1, got '-3': leave it out to watch until Ctrl-C"),
        (("a", "-c", "1.5"), "-c: expected a whole number from 1, got '1.5': leave it out to watch until Ctrl-C"),
        (("a", "-i", "0"), "-i: expected a duration from 1ms to 7d, such as 250ms or 2s, got '0'"),
        (("a", "-i", "-1"), "-i: expected a duration from 1ms to 7d, such as 250ms or 2s, got '-1'"),
        (("a", "-i", "nan"), "-i: expected a duration from 1ms to 7d, such as 250ms or 2s, got 'nan'"),
        (("a", "--timeout", "0"), "--timeout: expected a duration from 1ms to 1d, such as 250ms or 2s, got '0'"),
        (("a", "--timeout", "nan"), "--timeout: expected a duration from 1ms to 1d, such as 250ms or 2s, got 'nan'"),
        (("a", "-i", "0.001"),
         "TARGET: 2 endpoints of a make 2000 checks a second, over max_rate_per_host 200: "
         "the smallest legal interval for all of them is 10ms"),
        (("a", "--limit", "p95 < 50"), "--limit: expected a unit: write 50ms or 50s in 'p95 < 50'"),
        (("a", "-p", "1", "-c", "5", "--limit", "p95 < 50ms"),
         "TARGET: a:1: p95 < 50ms: p95 means nothing in 5 checks: use max, or count >= 20"),
        (("a", "-o", "no/such/folder.json"),
         "cannot write no/such/folder.json: No such file or directory; make the folder first, or name another place"),
        (("a", "-o", "."),
         "cannot write .: Is a directory; a folder stands where the file should be: remove it, or name another place"),
        (("a", "--log-file", "no/log.txt"),
         "cannot write no/log.txt: No such file or directory; name another file with --log-file"),
        (("a", "--config", "no.yaml"), "no.yaml: expected a file, but there is none of this name"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_says_what_and_how_to_mend_it(
    monitor: InProcess, arguments: tuple[str, ...], message: str
) -> None:
    ran = monitor(*arguments)

    assert (ran.status, ran.out, ran.err) == (2, "", f"netmon monitor: {message}\n")


def test_a_read_only_folder_is_found_out_at_the_start(monitor: InProcess, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is read-only to root")
    (tmp_path / "locked").mkdir(mode=0o500)
    ran = monitor("a", "-o", "locked/f.json")

    assert ran.status == 2
    assert "Permission denied" in ran.err


def test_an_unknown_option_gets_a_suggestion(monitor: InProcess) -> None:
    ran = monitor("a", "--ouput", "f")

    assert (ran.status, ran.err.splitlines()[0]) == (
        2,
        "netmon monitor: unknown option --ouput: did you mean --output?",
    )


def test_a_url_keeps_its_secrets(monitor: InProcess) -> None:
    ran = monitor("https://user:geheim@", "-p", "https://user:geheim@host/")

    assert ran.status == 2
    assert "geheim" not in ran.err


def test_a_wrong_proxy_of_the_environment_is_told_once(monitor: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "https://user:geheim@proxy.internal:1")
    ran = monitor("a", "b", "--proxy", "env")

    assert (ran.status, ran.err.count("https_proxy: expected a proxy such as")) == (2, 1)
    assert "geheim" not in ran.err


def test_a_dry_run_tells_of_tls_and_of_a_proxy(monitor: InProcess) -> None:
    ran = monitor("https://a", "-c", "1", "--proxy", "socks5://p", "--dry-run")

    assert ran.out.startswith("a:443: 1 check every 1 s, timeout 5 s; through socks5 proxy p:1080; TLS\n")


def test_a_dry_run_shows_the_plan_and_sends_nothing(monitor: InProcess, tmp_path: Path) -> None:
    counted = monitor("a", "b:22", "-c", "11", "-i", "0.5", "--dry-run", "-o", "f.json", "--limit", "errors <= 3")
    endless = monitor("a", "-p", "80", "--dry-run")

    assert (counted.status, counted.out) == (0, (
        "a:80: 11 checks every 500 ms, timeout 5 s, errors <= 3\n"
        "a:443: 11 checks every 500 ms, timeout 5 s, errors <= 3\n"
        "b:22: 11 checks every 500 ms, timeout 5 s, errors <= 3\n"
        "3 endpoints: 6 checks a second in all, for 5 s; nothing was sent\n"
    ))  # fmt: skip
    assert endless.out == (
        "a:80: checks without end every 1 s, timeout 5 s\n"
        "1 endpoint: 1 check a second in all, until Ctrl-C; nothing was sent\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_option_and_the_exit_statuses(monitor: InProcess) -> None:
    ran = monitor("-h")

    assert ran.status == 0
    for word in ("--targets", "--ports", "--interval", "--count", "--timeout", "--output", "--verbose", "--config",
                 "--limit", "--junit", "--log-file", "--dry-run", "--plain", "--version", "130"):  # fmt: skip
        assert word in ran.out
    assert max(map(len, ran.out.splitlines())) <= 82


def test_the_version_is_there(monitor: InProcess) -> None:
    assert monitor("--version").out.startswith("netmon ")


class TestConfig:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "netmon.yaml"
        path.write_text(
            "max_rate_per_host: 50\n"
            "defaults: {timeout: 2s, limits: [success >= 90%]}\n"
            "targets:\n"
            "  - {host: '${DB}', ports: [5432], count: 40, warmup: 3, interval: 500ms}\n"
            "  - {host: api.example.com, name: api, limits: [p99 < 50ms]}\n"
            "  - {host: admin, ports: [22], expect: closed}\n"
            "  - {host: old, ports: [1], skip: gone}\n"
        )
        return path

    def test_a_file_gives_targets_ports_times_and_limits_but_not_the_count(self, file: Path) -> None:
        plan = planned("--config", str(file), "extra:1", DB="db.internal")
        by_id = {endpoint.id: endpoint for endpoint in plan.endpoints}

        assert list(by_id) == ["db.internal:5432", "api:80", "api:443", "admin:22", "old:1", "extra:1"]
        assert {endpoint.warmup for endpoint in plan.endpoints} == {0}
        assert {(endpoint.measured, endpoint.watched, endpoint.count) for endpoint in plan.endpoints} == {
            (True, True, None)
        }
        assert (by_id["db.internal:5432"].interval_s, by_id["api:80"].interval_s) == (0.5, 1.0)
        assert (by_id["db.internal:5432"].timeout_s, by_id["extra:1"].timeout_s) == (2.0, 5.0)
        assert [limit.text for limit in by_id["api:80"].limits] == ["success >= 90%", "p99 < 50ms"]
        assert (by_id["admin:22"].expect, by_id["admin:22"].limits) == ("closed", ())
        assert plan.max_rate_per_host == 50
        assert [endpoint.id for endpoint in plan.checked] == [*list(by_id)[:4], "extra:1"]
        assert math.isinf(plan.planned_duration_s)

    def test_options_go_before_the_file(self, file: Path) -> None:
        plan = planned(
            "--config", str(file), "-i", "2", "--timeout", "1", "-c", "200", "--limit", "success >= 50%", DB="db"
        )
        (first, *_) = plan.endpoints

        assert (first.interval_s, first.timeout_s, first.count) == (2.0, 1.0, 200)
        assert [limit.text for limit in first.limits] == ["success >= 50%"]
        assert [warning.partition(":")[0] for warning in plan.warnings] == [
            "3 endpoints have a timeout of 1s or less",
            "1 endpoint expected to be closed has a timeout of 1s or less",
        ]

    def test_a_target_of_the_file_given_again_is_given_twice(self, monitor: InProcess, file: Path) -> None:
        file.write_text("targets: ['db:1']\n")
        ran = monitor("--config", "netmon.yaml", "db:1")

        assert (ran.status, ran.err) == (2, "netmon monitor: TARGET: db:1 is given twice: name each target once\n")

    def test_a_file_with_nothing_to_check_is_said_so(self, monitor: InProcess, file: Path) -> None:
        file.write_text("targets: [{host: a, skip: gone}]\n")
        skipped = monitor("--config", "netmon.yaml")
        file.write_text("targets: []\n")
        empty = monitor("--config", "netmon.yaml")

        assert (skipped.status, empty.status) == (2, 2)
        assert "not skipped" in skipped.err
        assert "netmon.yaml" in empty.err

    def test_all_that_is_wrong_with_a_file_is_told_with_its_place(self, monitor: InProcess, file: Path) -> None:
        file.write_text("targets:\n  - {host: a, ports: [70000]}\n  - {host: b, limits: [p95 < 5]}\n")
        ran = monitor("--config", "netmon.yaml")

        assert ran.status == 2
        assert [line.split(" expected")[0] for line in ran.err.splitlines()] == [
            "netmon monitor: netmon.yaml:2:23: targets[0].ports[0]:",
            "netmon monitor: netmon.yaml:3:31: targets[1].limits[0]:",
        ]
