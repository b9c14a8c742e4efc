"""Take guards out of a copy of the package, one by one, and see that a test of the table goes red each time.

    python tests/faults/without_guards.py [WORD]...     all, or those whose description holds one of the words

Run it as root, so that namespaces can be built. Exit status 0 where each was missed by a test, else 1. A guard that
stands there no longer is said so: give it its new text.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_WITHIN_S = 300


@dataclass(frozen=True)
class Guard:
    """what: it is for. file: in the package. text: of the guard, once in its file. instead: without it. tests: a file,
    and after a blank what `pytest -k` takes."""

    what: str
    file: str
    text: str
    instead: str
    tests: str


GUARDS = (
    Guard("ICMP codes for prohibited", "prober/classify.py", "_PROHIBITED_V4 = frozenset((9, 10, 13))",
          "_PROHIBITED_V4 = frozenset()", "faults/test_outcomes_in_namespaces.py"),
    Guard("ICMPv6 errors asked for", "prober/kernel.py", "sock.setsockopt(_IPV6_LEVEL, _IPV6_RECVERR, 1)", "pass",
          "faults/test_outcomes_in_namespaces.py"),
    Guard("protocol unreachable is the host's answer", "prober/classify.py", '("ENOPROTOOPT", "refused")',
          '("ENOPROTOOPT", "local_error")', "faults/test_outcomes_in_namespaces.py"),
    Guard("a blackhole route is no local error", "prober/classify.py", 'errno.EINVAL: "network_unreachable"',
          'errno.EINVAL: "local_error"', "faults/test_outcomes_in_namespaces.py"),
    Guard("no route of a family is ours", "prober/classify.py",
          "if code == errno.ENETUNREACH and icmp is None and not has_route(family):", "if False:",
          "faults/test_outcomes_in_namespaces.py"),
    Guard("no timeout is early", "prober/connecting.py",
          "check.deadline_ns = attempt.start_ns + check.endpoint.timeout_ns",
          "check.deadline_ns = attempt.start_ns + check.endpoint.timeout_ns * 9 // 10",
          "faults/test_outcomes_in_namespaces.py dropped"),
    Guard("a reset is no refusal", "prober/classify.py", 'errno.ECONNRESET: "reset"', 'errno.ECONNRESET: "refused"',
          "faults/test_both_families.py"),
    Guard("the kernel's round trip", "prober/connecting.py", "attempt.rtt_us = info.rtt_us or None",
          "attempt.rtt_us = None", "faults/test_loss_in_namespaces.py"),
    Guard("a slow path repeats SYNs without loss", "statistics.py",
          "(sample.syn_repeats or 0) > (sample.rtt_ms or 0.0) // FIRST_SYN_REPEAT_MS", "bool(sample.syn_repeats)",
          "unit/test_statistics_exact.py"),
    Guard("a connect to oneself", "prober/connecting.py", "if self._is_to_itself(attempt, sock):", "if False:",
          "faults/test_own_shortages.py oneself"),
    Guard("what nobody knows is ours", "prober/classify.py", '_BY_ERRNO.get(code, "local_error")',
          '_BY_ERRNO.get(code, "refused")', "prober/test_classify.py"),
    Guard("shortages that getaddrinfo() hides", "prober/names.py",
          'None if outcome == "dns_invalid" else _own_shortage()', "None", "faults/test_shortages_of_the_system.py"),
    Guard("metadata addresses of names", "prober/names.py", "if not is_metadata(address)", "if True",
          "faults/test_names_in_namespaces.py kind_of_answer"),
    Guard("each family asked for by itself", "prober/engine.py", "self._resolver.ask_each_family(name.host)", "pass",
          "faults/test_names_in_namespaces.py kind_of_answer"),
    Guard("a limit on the time for a name", "prober/engine.py",
          "check.name_deadline_ns = at_ns + endpoint.timeout_ns",
          "check.name_deadline_ns = at_ns + 100 * endpoint.timeout_ns",
          "faults/test_names_in_namespaces.py hold_up_the"),
    Guard("names are looked at again", "prober/engine.py", "if name.addresses and not name.asking:", "if False:",
          "faults/test_names_in_namespaces.py moves"),
    Guard("a clock that nobody steps", "prober/kernel.py",
          "now_ns = functools.partial(time.clock_gettime_ns, _BOOTTIME)", "now_ns = time.time_ns",
          "faults/test_clock_steps.py 172800 and check"),
    Guard("stalls are recorded", "prober/engine.py", "if at_ns - expected_ns > STALL_NS:", "if False:",
          "faults/test_processes.py everything"),
    Guard("no orphan", "prober/engine.py", "os.getppid() != self._parent", "False", "prober/test_process.py outlives"),
    Guard("a signal ends a command in good order", "cli/signals.py", '_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")',
          "_NAMES = ()", "faults/test_processes.py process_1"),
    Guard("samples wait for a full disk", "prober/samplefile.py", "self._waiting += data[written:]", "pass",
          "faults/test_disks_for_samples.py"),
    Guard("missing samples leave nothing green", "judging.py", "if complete and _is_short(",
          "if complete and False and _is_short(", "recording/test_recovery.py leave"),
    Guard("checksums", "prober/protocol.py", '[:-1] == text', "[:0] == b''",
          "recording/test_recovery.py no_wrong_number"),
    Guard("links of other users", "files.py", "link.st_uid not in (os.geteuid(), parent.st_uid)", "False",
          "reports/test_files.py another_user"),
    Guard("aliases in YAML", "config/document.py", "if isinstance(event, yaml.AliasEvent):", "if False:",
          "config/test_config_documents.py"),
    Guard("levels of YAML", "config/document.py", "if len(self._open) > MOST_LEVELS:", "if False:",
          "faults/test_hostile_configuration.py depth"),
    Guard("values of YAML", "config/document.py", "if self._values > MOST_VALUES:", "if False:",
          "faults/test_hostile_configuration.py fit"),
    Guard("size of YAML", "config/decoding.py", "if len(data) > MOST_BYTES:", "if False:",
          "faults/test_hostile_configuration.py 100"),
    Guard("no template takes markup", "reports/html_report.py", "autoescape=True", "autoescape=False",
          "faults/test_hostile_text.py"),
    Guard("close with FIN", "prober/work.py", 'self.close_with_reset = job.get("close") == "reset"',
          "self.close_with_reset = True", "faults/test_manners_to_real_servers.py"),
    Guard("the cap on a host's rate", "prober/pace.py", "self._lane_gap_ns = int(1e9 / max_rate_per_host)",
          "self._lane_gap_ns = int(1e9 / max_rate_per_host / 2)", "prober/test_pace.py"),
    Guard("redaction by the prober", "prober/work.py", 'self.redact = bool(job.get("redact"))', "self.redact = False",
          "faults/test_nothing_secret_is_left.py killed"),
    Guard("redaction of reports", "plan.py", "return self.name if self.redact and self.name else self.host",
          "return self.host", "faults/test_nothing_secret_is_left.py redacted_host"),
    Guard("secrets of URLs", "config/targets.py", 'return "://" in text or "@" in text', "return False",
          "config/test_config_hostile.py"),
)  # fmt: skip


def missed(guard: Guard, copy: Path) -> str:
    """Take the guard out of the copy, run its tests, put it back. Returns what came of it; `red` is as it must be."""
    file = copy / "pytest_netmon" / guard.file
    whole = file.read_text("utf-8")
    if whole.count(guard.text) != 1:
        return f"the guard stands {whole.count(guard.text)} times in {guard.file}"
    tests, _, words = guard.tests.partition(" ")
    chosen = ["-k", words] if words else []
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{tests}", *chosen]
    file.write_text(whole.replace(guard.text, guard.instead), "utf-8")
    try:
        ran = subprocess.run(
            command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_WITHIN_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "red"  # it hangs, which would be seen
    finally:
        file.write_text(whole, "utf-8")
    return {0: "GREEN: no test misses it", 1: "red"}.get(ran.returncode, f"pytest ended with {ran.returncode}")


def main(words: list[str]) -> int:
    chosen = [guard for guard in GUARDS if not words or any(word in guard.what for word in words)]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="netmon-guards-") as folder:
        copy = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", ".tox", ".venv", ".hypothesis")
        shutil.copytree(ROOT, copy, ignore=ignored)
        for guard in chosen:
            result = missed(guard, copy)
            bad += result != "red"
            sys.stdout.write(f"{result:<6}  {guard.what} ({guard.tests})\n")
            sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
