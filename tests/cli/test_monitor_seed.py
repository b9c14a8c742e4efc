"""Every command of the seed's README, with `netmon monitor` in place of `python3 network_monitor.py`.

They run as they stand there, names, addresses and ports included, in a network namespace that has servers for
them. What has no end, or would take minutes, gets a Ctrl-C.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from check_runs import clean_environment, command
from monitor_runs import calm, report_of

pytestmark = pytest.mark.namespace

SCRIPT = Path(__file__).parent / "private_network.py"
#: The README's commands, and the text in the output after which a Ctrl-C comes.
COMMANDS: dict[str, tuple[str, str | None]] = {
    "help": ("python3 network_monitor.py --help", None),
    "one": ("python3 network_monitor.py google.com", "Total Checks: 1\n"),
    "several": ("python3 network_monitor.py google.com cloudflare.com github.com", "Target: github.com\n"),
    "ports": ("python3 network_monitor.py -t 192.168.1.1 -p 22 80 443 -i 2.5", "Port 443"),
    "count": ("python3 network_monitor.py google.com -c 10", None),
    "save": ("python3 network_monitor.py -t example.com --timeout 10 -o results.json", "Port 443"),
    "verbose": (
        "python3 network_monitor.py -t 8.8.8.8 1.1.1.1 -p 53 -i 0.5 -c 100 -v -o dns_monitor.json",
        "1.1.1.1:53: check 4:",
    ),
    "troubleshoot": (
        "python3 network_monitor.py problematic-server.com -i 0.1 -c 1000 -o troubleshoot.json",
        "Total Checks: 20\n",
    ),
    "services": (
        "python3 network_monitor.py -t web-server.com api-server.com -p 80 443 8080 -i 30",
        "Target: api-server.com\n",
    ),
    "baseline": ("python3 network_monitor.py -t 8.8.8.8 1.1.1.1 -p 53 -c 100 -o baseline.json", "Target: 1.1.1.1\n"),
    "internet": ("python3 network_monitor.py google.com cloudflare.com github.com -v", "github.com:443"),
    "debug": ("python3 network_monitor.py target.com -v", "target.com:443"),
    # Ours: where this machine has no way to the target, nothing is held against it.
    "nowhere": ("python3 network_monitor.py 203.0.113.1 -p 80 -c 1 --limit 'success >= 99%'", None),
}
NAMES = ["google.com", "cloudflare.com", "github.com", "example.com", "problematic-server.com", "web-server.com",
         "api-server.com", "target.com"]  # fmt: skip

#: "JSON Output Format" of the README; its `raw_data` holds nothing but a comment.
SEED_JSON = """
{
  "monitoring_session": {
    "start_time": "2025-06-22T10:30:00.123456",
    "end_time": "2025-06-22T10:35:00.654321",
    "targets": ["google.com"],
    "ports": [80, 443],
    "interval": 1.0,
    "timeout": 5.0
  },
  "statistics": {
    "google.com": {
      "total_checks": 300,
      "successful_checks": 298,
      "success_rate": 0.9933,
      "ping_statistics": {
        "min_ms": 12.45,
        "max_ms": 28.76,
        "avg_ms": 15.23,
        "median_ms": 14.89
      },
      "port_statistics": {
        "80": {
          "success_rate": 0.9967,
          "avg_response_time_ms": 14.87
        },
        "443": {
          "success_rate": 0.9933,
          "avg_response_time_ms": 16.32
        }
      },
      "error_count": 2
    }
  },
  "raw_data": {}
}
"""


@dataclass(frozen=True)
class Ran:
    """status: the exit status. folder: where it ran."""

    status: int
    out: str
    err: str
    folder: Path

    def block_of(self, target: str) -> list[str]:
        """The target's lines in the last block."""
        lines = self.out.split("Network Monitor - Live Statistics")[-1].split(f"Target: {target}\n")[1].split("\n\n")[0]
        return lines.splitlines()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """All commands, run at once."""
    if (
        not sys.platform.startswith("linux")
        or os.geteuid() != 0
        or not (shutil.which("unshare") and shutil.which("ip"))
    ):
        pytest.skip("network and mount namespaces need Linux, root, unshare and ip")
    folder = tmp_path_factory.mktemp("seed")
    spec = {
        "names": {name: f"10.88.0.{number}" for number, name in enumerate(NAMES, 1)},
        "addresses": ["8.8.8.8", "1.1.1.1", "192.168.1.1"],
        "ports": [22, 53, 80, 443, 8080],
        "folder": str(folder),
        "runs": {key: {"command": netmon(text), "until": until} for key, (text, until) in COMMANDS.items()},
    }
    done = subprocess.run(
        ["unshare", "-n", "-m", sys.executable, str(SCRIPT)], input=json.dumps(spec), capture_output=True, text=True,
        env=clean_environment(), timeout=120,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"this machine makes no namespaces: {done.stderr.strip().splitlines()[-1]}")
    results = json.loads(done.stdout)
    return {key: Ran(each["status"], each["out"], calm(each["err"]), folder / key) for key, each in results.items()}


def netmon(seed_command: str) -> list[str]:
    words = shlex.split(seed_command)
    assert words[:2] == ["python3", "network_monitor.py"]
    return command("monitor", *words[2:])


def blocks(out: str) -> list[str]:
    return re.findall(r"Total Checks: (\d+)", out)


def healthy(rounds: int | str, ports: list[int]) -> list[str]:
    """The pattern of a target's lines where every check was open."""
    ms = r"\d+\.\d\dms"
    return [
        rf"  Total Checks: {rounds}",
        r"  Success Rate: 100\.00%",
        rf"  Ping: {ms} avg, {ms} min, {ms} max",
        *(rf"  Port {port}: 100\.00% success, {ms} avg" for port in ports),
    ]


def matches(lines: list[str], patterns: list[str]) -> bool:
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def test_help(ran: dict[str, Ran]) -> None:
    assert (ran["help"].status, ran["help"].err) == (0, "")
    for option in ("-t", "--targets", "-p", "--ports", "-i", "--interval", "-c", "--count", "--timeout", "-o",
                   "--output", "-v", "--verbose", "-h", "--help"):  # fmt: skip
        assert re.search(rf"(^|[ ,]){option}\b", ran["help"].out, re.MULTILINE), option


def test_a_single_host_with_default_settings(ran: dict[str, Ran]) -> None:
    one = ran["one"]

    assert (one.status, one.err) == (0, "")
    assert one.out.startswith("=" * 60 + "\nNetwork Monitor - Live Statistics\nStarted: ")
    assert matches(one.block_of("google.com"), healthy("[12]", [80, 443]))
    assert list(one.folder.iterdir()) == []


def test_several_targets(ran: dict[str, Ran]) -> None:
    several = ran["several"]

    assert (several.status, several.err) == (0, "")
    for target in ("google.com", "cloudflare.com", "github.com"):
        assert matches(several.block_of(target), healthy(r"\d", [80, 443]))


def test_custom_ports_and_interval(ran: dict[str, Ran]) -> None:
    assert ran["ports"].status == 0
    assert matches(ran["ports"].block_of("192.168.1.1"), healthy(1, [22, 80, 443]))


def test_a_limited_number_of_checks(ran: dict[str, Ran]) -> None:
    count = ran["count"]

    assert (count.status, count.err, blocks(count.out)) == (0, "", ["1", "10"])
    assert matches(count.block_of("google.com"), healthy(10, [80, 443]))


def test_a_custom_timeout_and_saved_results(ran: dict[str, Ran]) -> None:
    report = report_of(ran["save"].folder / "results.json")

    assert ran["save"].status == 0
    assert ran["save"].out.endswith("Results saved to results.json\n")
    assert (report["monitoring_session"]["targets"], report["monitoring_session"]["timeout"]) == (["example.com"], 10.0)


def test_verbose_monitoring_with_several_options(ran: dict[str, Ran]) -> None:
    verbose = ran["verbose"]
    report = report_of(verbose.folder / "dns_monitor.json")
    session = report["monitoring_session"]

    assert verbose.status == 130
    assert (session["targets"], session["ports"], session["interval"]) == (["8.8.8.8", "1.1.1.1"], [53], 0.5)
    assert session["partial"]
    for target in session["targets"]:
        assert re.search(rf"INFO    {re.escape(target)}:53: check 3: open, [0-9.]+ ms", verbose.err)
        assert len(report["raw_data"][target]["53"]) >= 3


def test_troubleshooting_a_connection(ran: dict[str, Ran]) -> None:
    troubleshoot = ran["troubleshoot"]
    report = report_of(troubleshoot.folder / "troubleshoot.json")
    (endpoint, _) = report["endpoints"]

    assert (troubleshoot.status, blocks(troubleshoot.out)[:3]) == (130, ["1", "10", "20"])
    assert (endpoint["settings"]["count"], endpoint["settings"]["interval_s"]) == (1000, 0.1)
    assert len(report["raw_data"]["problematic-server.com"]["443"]) >= 20


def test_watching_services(ran: dict[str, Ran]) -> None:
    assert ran["services"].status == 0
    for target in ("web-server.com", "api-server.com"):
        assert matches(ran["services"].block_of(target), healthy(1, [80, 443, 8080]))


def test_taking_a_baseline(ran: dict[str, Ran]) -> None:
    baseline = ran["baseline"]
    report = report_of(baseline.folder / "baseline.json")

    assert baseline.status == 130
    assert list(report["statistics"]) == ["8.8.8.8", "1.1.1.1"]
    assert report["monitoring_session"]["interval"] == 1.0


def test_internet_connectivity_in_detail(ran: dict[str, Ran]) -> None:
    assert ran["internet"].status == 0
    for target in ("google.com", "cloudflare.com", "github.com"):
        assert f"INFO    {target}:80 (10.88.0." in ran["internet"].err


def test_debugging_one_target(ran: dict[str, Ran]) -> None:
    assert ran["debug"].status == 0
    assert re.search(r"INFO    target\.com:80 \(10\.88\.0\.8\): check 1: open, [0-9.]+ ms", ran["debug"].err)


def test_where_no_route_leads_to_a_target_the_result_is_inconclusive(ran: dict[str, Ran]) -> None:
    assert ran["nowhere"].status == 3
    assert "  Left out: 1 (this machine could not make them)\n" in ran["nowhere"].out
    assert "local_error (this machine could not make the check" in ran["nowhere"].err


def test_the_json_has_every_key_of_the_seeds_in_its_place_and_order(ran: dict[str, Ran]) -> None:
    mine = report_of(ran["save"].folder / "results.json")
    mine["statistics"] = {"google.com": mine["statistics"]["example.com"]}

    assert differences(json.loads(SEED_JSON), mine) == []


def differences(seed: Any, mine: Any, path: str = "") -> list[str]:
    """Where `mine` lacks a key of the seed, has it in another order, or a value of another kind."""
    kinds = (int, float) if isinstance(seed, (int, float)) else type(seed)
    if not isinstance(mine, kinds):
        return [f"{path}: {type(seed).__name__} became {type(mine).__name__}"]
    if isinstance(seed, list):
        return [found for one in mine for found in differences(seed[0], one, f"{path}[]")]
    if not isinstance(seed, dict):
        return []
    kept = [key for key in mine if key in seed]
    order = [] if kept == list(seed) else [f"{path}: {list(seed)} became {kept}"]
    return order + [found for key in kept for found in differences(seed[key], mine[key], f"{path}.{key}")]
