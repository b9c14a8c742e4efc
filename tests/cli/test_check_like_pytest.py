"""One file, two commands: `netmon check` and `pytest --netmon` come to the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from check_runs import clean_environment, netmon
from servers import Servers

CONFIG = """
defaults: {{timeout: 1s}}
targets:
  - "127.0.0.1:{open}"
  - {{host: 127.0.0.1, name: closed, ports: [{closed}]}}
  - {{host: 127.0.0.1, name: silent, ports: [{silent}], count: 2, interval: 50ms}}
  - host: 127.0.0.1
    name: slow
    ports: [{open}]
    count: 20
    interval: 25ms
    limits: [success >= 99%, p95 < 0.001ms, errors == 0]
  - {{host: 127.0.0.1, name: fine, ports: [{open}], count: 5, interval: 25ms}}
  - {{host: 127.0.0.1, name: leak, ports: [{open}], expect: closed}}
  - {{host: 127.0.0.1, name: shut, ports: [{closed}], expect: closed}}
  - {{host: 127.0.0.1, name: pending, ports: [{closed}], xfail: not yet}}
  - {{host: 127.0.0.1, name: early, ports: [{open}], xfail: not yet}}
  - {{host: 127.0.0.1, name: off, ports: [{open}], skip: not here}}
"""
#: Figures differ from run to run.
NUMBER = re.compile(r"\d+(?:\.\d+)?")
#: What this command and pytest call an end.
WORDS = {"FAIL": "FAILED", "PASS": "PASSED", "SKIP": "SKIPPED", "XFAIL": "XFAIL", "XPASS": "XPASS"}


@pytest.fixture
def both(tmp_path: Path, servers: Servers) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """What `netmon check` and `pytest` wrote on one file: texts and JSON documents."""
    ports = {"open": servers.open().port, "closed": servers.closed().port, "silent": servers.silent().port}
    (tmp_path / "netmon.yaml").write_text(CONFIG.format(**ports))
    ran = netmon("check", "netmon.yaml", "-o", "check.json", cwd=tmp_path)
    assert ran.status == 1, ran
    plugin = ["-p", "pytest_netmon.plugin", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, "--netmon", "-v", "-rxX", "--color=no", "netmon.yaml"],
        cwd=tmp_path, env=clean_environment(COLUMNS="400", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert tested.returncode == 1, tested.stdout + tested.stderr
    by_check = json.loads((tmp_path / "check.json").read_text())
    by_pytest = json.loads((tmp_path / "netmon-report/netmon.json").read_text())
    return ran.out, tested.stdout, by_check, by_pytest


def failures_of_check(out: str) -> dict[str, str]:
    """Each failure's text as it is in the reports, by the endpoint's id."""
    blocks = re.findall(r"^FAIL   (.*\n(?:    .*\n)*)", out, re.MULTILINE)
    texts = [block.rstrip("\n").replace("\n  ", "\n") for block in blocks]
    return {text.split()[0].rstrip(":"): text for text in texts}


def failures_of_pytest(out: str) -> dict[str, str]:
    blocks = re.findall(r"^_+ .*test_tcp\[(.*)\] _+\n((?:.+\n)+?)(?=_{5}|={5}|-{5})", out, re.MULTILINE)
    return {name: text.rstrip("\n") for name, text in blocks}


def words_of_check(out: str) -> dict[str, str]:
    lines = re.findall(r"^([A-Z]{4,5}) +(\S+)", out, re.MULTILINE)
    return {name.rstrip(":"): WORDS[word] for word, name in lines}


def words_of_pytest(out: str) -> dict[str, str]:
    return dict(re.findall(r"test_tcp\[(.*?)\] (PASSED|FAILED|SKIPPED|XFAIL|XPASS)\b", out))


def keys(value: object) -> object:
    """The shape of a JSON value, its figures left out."""
    if isinstance(value, dict):
        return {key: keys(member) for key, member in value.items()}
    return [keys(member) for member in value] if isinstance(value, list) else type(value).__name__


def test_the_same_file_gives_the_same_verdicts_texts_and_keys(
    both: tuple[str, str, dict[str, Any], dict[str, Any]],
) -> None:
    checked, tested, by_check, by_pytest = both
    assert words_of_check(checked) == words_of_pytest(tested)
    assert len(words_of_check(checked)) == 10

    texts = {name: NUMBER.sub("N", text) for name, text in failures_of_check(checked).items()}
    assert texts == {name: NUMBER.sub("N", text) for name, text in failures_of_pytest(tested).items()}
    assert len(texts) == 4

    ends = [[(endpoint["id"], endpoint["verdict"]) for endpoint in run["endpoints"]] for run in (by_check, by_pytest)]
    assert ends[0] == ends[1]
    assert keys(by_check["statistics"]) == keys(by_pytest["statistics"])
    assert by_check["monitoring_session"].keys() == by_pytest["monitoring_session"].keys()
    limits = [[endpoint["limits"] for endpoint in run["endpoints"]] for run in (by_check, by_pytest)]
    assert keys(limits[0]) == keys(limits[1])
