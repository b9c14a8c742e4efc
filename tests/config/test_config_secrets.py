"""What no message shows: values of variables, redacted hosts, what stands in files that are no configuration."""

from __future__ import annotations

import pytest
from written_config import Written

DSN = "host=127.0.0.1 port=1 user=u5er password=hunter2"
SECRETS = ("hunter2", "u5er", "127.0.0.1", "18001", "password")


def shows_nothing(lines: list[str]) -> bool:
    return not any(secret in line for secret in SECRETS for line in lines)


@pytest.mark.parametrize(
    "holder",
    [
        "targets: ['${DSN}']",
        "targets: ['x${DSN}']",
        "targets: [{host: '${DSN}', ports: [1]}]",
        "targets: [{hosts: ['${DSN}'], ports: [1]}]",
        "targets: [{host: db, ports: ['${DSN}']}]",
        "targets: [{host: 'db:1', count: '${DSN}', interval: '${DSN}', timeout: '${DSN}', expect: '${DSN}'}]",
        "targets: [{host: 'db:1', limits: ['${DSN}', 'p95 < ${DSN}', '${DSN} < 5ms'], tags: ['${DSN}']}]",
        "targets: [{host: 'db:1', redact: '${DSN}', close: '${DSN}', warmup: '${DSN}'}]",
        "targets: '${DSN}'",
        "defaults: '${DSN}'\ntargets: ['db:1']",
        "max_rate: '${DSN}'\ntargets: ['db:1']",
        "include: ['${DSN}']\ntargets: ['db:1']",
        "'${DSN}'",
    ],
)
@pytest.mark.parametrize(
    "value",
    [DSN, "127.0.0.1:18001;password=hunter2", "hunter2 u5er", "hunter2;", "\0hunter2", "hunter2:u5er:", "[hunter2-1]"],
)
@pytest.mark.fault("secrets", "a variable whose value cannot be used", "the variable is named, its value is not shown")
def test_nothing_of_a_variable_is_shown(written: Written, holder: str, value: str) -> None:
    lines = written.problems(holder, env={"DSN": value})

    assert shows_nothing(lines)
    assert any("${DSN}" in line or "got a text" in line for line in lines)


@pytest.mark.parametrize(
    ("holder", "value", "line"),
    [
        (
            "targets: ['${TOKEN}']",
            "hunter2",
            "targets[0]: expected a target with a port, got a value from ${TOKEN}: add the port, or give --netmon-port",
        ),
        (
            "targets: [{host: db, ports: ['${TOKEN}']}]",
            "18001:18002",
            "targets[0].ports[0]: expected a port 1..65535 or a range such as 8000-8010, got a value from ${TOKEN}",
        ),
        (
            "targets: [{host: 'db:1', timeout: '${TOKEN}'}]",
            "18001 sec",
            "targets[0].timeout: expected a duration from 1ms to 1d, such as 250ms or 2s, got a value from ${TOKEN}",
        ),
    ],
)
def test_no_hint_quotes_a_variable(written: Written, holder: str, value: str, line: str) -> None:
    (told,) = written.problems(holder, env={"TOKEN": value})

    assert told.partition(": ")[2] == line


def test_a_limit_may_come_from_a_variable(written: Written) -> None:
    text = "targets: [{host: 'db:1', limits: ['p95 < ${MS}ms', '${LIMIT}'], warn: ['${WARN:-max < 1s}']}]"
    endpoint = written.endpoint(text, env={"MS": "50", "LIMIT": "success >= 99%, max < 2s"})

    assert [limit.text for limit in endpoint.limits] == ["p95 < 50ms", "success >= 99%", "max < 2s"]
    assert [limit.text for limit in endpoint.warn] == ["max < 1s"]


@pytest.mark.parametrize("target", ["127.0.0.1:18001;password=hunter2", DSN])
def test_a_connection_string_is_not_shown_and_what_to_write_is_told(written: Written, target: str) -> None:
    (line,) = written.lines(targets=(target,))

    assert line == (
        "--netmon-target: expected a target such as db.internal:5432, [2001:db8::1]:443 or a URL, "
        "got a connection string: of a connection string write host and port alone"
    )
    assert shows_nothing(written.problems(f"targets:\n  - {target}\n"))
    assert shows_nothing(written.problems("targets: [127.0.0.1:18001;password=x,hunter2]\n"))


_FOREIGN = {
    "shadow": "root:$6$hunter2$u5er:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n",
    "one line of shadow": "root:$6$hunter2:18001:0:99999:7:::\n",
    "netrc": "machine db.internal login u5er password hunter2\n",
    "lines of netrc": "machine db\n  login u5er\n  password hunter2\n",
    "token": "hunter2hunter2\n",
    "quoted token": "'hunter2 u5er'\n",
    "number": "180011800118001180011800118001180011800118001\n",
    "control": '"hunter2\\0"\n',
    "env": "DB=u5er\nPASSWORD=hunter2\n",
    "ini": "[db]\nuser = u5er\npassword = hunter2\n",
    "pgpass": "127.0.0.1:18001:db:u5er:hunter2\n",
    "secrets": "user: u5er\ntoken: hunter2\nhunter2: hunter2\n",
    "twice": "hunter2: 1\nhunter2: 2\n",
    "under a key": "hunter2:\n  - !x hunter2\n  - ${hunter2\n  - 180011800118001180011800118001180011800118001\n",
}


@pytest.mark.parametrize("text", _FOREIGN.values(), ids=_FOREIGN.keys())
def test_nothing_of_a_file_that_is_no_configuration_is_shown(written: Written, text: str) -> None:
    written.write("foreign", text)
    secrets = [secret for secret in SECRETS if secret != "password"]
    for lines in (written.problems("include: [foreign]\ntargets: ['db:1']"), written.lines("foreign")):
        assert lines[0].startswith("foreign:")
        assert not any(secret in line for secret in secrets for line in lines)


def test_an_unknown_key_that_is_no_plain_word_is_not_shown(written: Written) -> None:
    assert written.problems("targets: [{host: 'db:1', ghp_16C7e42F292c6912E7710c: 1}]") == [
        "netmon.yaml:1:26: targets[0]: unknown key (not shown: it may be a secret): expected one of host, hosts, name, "
        "ports, count, warmup, interval, timeout, wait, hold, tls, proxy, family, addresses, "
        "limits, warn, baseline, from, expect, close, skip, xfail, tags, redact"
    ]


@pytest.mark.parametrize(
    "settings",
    [
        "hosts: ['secret-host_!.internal']",
        "hosts: ['ok-host', 'secret-host_!.internal']",
        "hosts: 'secret-host_!.internal'",
        "hosts: ['secret-host-[20-01]']",
        "hosts: ['secret-host-[1-5000]']",
        "hosts: ['secret-host..x']",
        "hosts: ['1.2.secret-host.3.']",
        'hosts: ["secret-host\\0"]',
        "host: 'secret-host_!.internal'",
        'host: "secret-host\\0"',
    ],
)
@pytest.mark.parametrize("redact", ["true", "'true'", "yes", "${UNSET}"])
@pytest.mark.fault("secrets", "`redact: true` and a configuration error", "the host is not in the message")
def test_no_redacted_host_is_shown_however_it_is_written(written: Written, settings: str, redact: str) -> None:
    lines = written.problems(f"targets: [{{{settings}, name: x, redact: '{redact.strip(chr(39))}', ports: [80]}}]")

    assert lines
    assert not any("secret-host" in line or "5000" in line for line in lines)


def test_of_redacted_hosts_that_are_wrong_each_is_told(written: Written) -> None:
    assert written.problems("targets: [{hosts: ['a!', '1.2.3'], name: x, redact: true, ports: [80]}]") == [
        "netmon.yaml:1:20: targets[0].hosts[0]: expected a host name or an IP address, got a redacted one: "
        "use letters, digits, '-', '_' and dots; no part starts or ends with '-'",
        "netmon.yaml:1:26: targets[0].hosts[1]: expected a host name or an IP address, got a redacted one: "
        "it looks like an IPv4 address but is not; write four numbers 0..255, as in 127.0.0.1",
    ]
