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
          "check.deadline_ns = start_ns + endpoint.timeout_ns",
          "check.deadline_ns = start_ns + endpoint.timeout_ns * 9 // 10",
          "faults/test_outcomes_in_namespaces.py dropped"),
    Guard("a reset is no refusal", "prober/classify.py", 'errno.ECONNRESET: "reset"', 'errno.ECONNRESET: "refused"',
          "faults/test_both_families.py"),
    Guard("the kernel's round trip", "prober/connecting.py", "attempt.rtt_us = rtt_us or None",
          "attempt.rtt_us = None", "faults/test_loss_in_namespaces.py"),
    Guard("a slow path repeats SYNs without loss", "statistics.py",
          "(sample.syn_repeats or 0) > (sample.rtt_ms or 0.0) // FIRST_SYN_REPEAT_MS", "bool(sample.syn_repeats)",
          "unit/test_statistics_exact.py"),
    Guard("a connect to oneself", "prober/connecting.py", "and _is_to_itself(sock):", "and False:",
          "faults/test_own_shortages.py oneself"),
    Guard("what nobody knows is ours", "prober/classify.py", '_BY_ERRNO.get(code, "local_error")',
          '_BY_ERRNO.get(code, "refused")', "prober/test_classify.py"),
    Guard("shortages that getaddrinfo() hides", "prober/names.py",
          'None if outcome == "dns_invalid" else _own_shortage()', "None", "faults/test_shortages_of_the_system.py"),
    Guard("metadata addresses of names", "prober/names.py", "if not is_metadata(address)", "if True",
          "faults/test_names_in_namespaces.py kind_of_answer"),
    Guard("each family asked for by itself", "prober/naming.py", "self._resolver.ask_each_family(name.host)", "pass",
          "faults/test_names_in_namespaces.py kind_of_answer"),
    Guard("a limit on the time for a name", "prober/naming.py",
          "check.name_deadline_ns = at_ns + check.endpoint.timeout_ns\n        self._timers",
          "check.name_deadline_ns = at_ns + 100 * check.endpoint.timeout_ns\n        self._timers",
          "faults/test_names_in_namespaces.py hold_up_the"),
    Guard("names are looked at again", "prober/naming.py", "if name.addresses and not name.asking:", "if False:",
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
    Guard("starts of a burst are apart", "prober/pace.py", "self._least_gap_ns = min(", "self._least_gap_ns = 0 * min(",
          "prober/test_pace.py"),
    Guard("redaction by the prober", "prober/work.py", 'self.redact = bool(job.get("redact"))', "self.redact = False",
          "faults/test_nothing_secret_is_left.py killed"),
    Guard("redaction of reports", "plan.py", "return self.name if self.redact and self.name else self.host",
          "return self.host", "faults/test_nothing_secret_is_left.py redacted_host"),
    Guard("secrets of URLs", "config/targets.py", 'return "://" in text or "@" in text', "return False",
          "config/test_config_hostile.py"),
    Guard("a few starts in a turn", "prober/engine.py", "STARTS_A_TURN = 8", "STARTS_A_TURN = 100_000",
          "prober/test_turns.py"),
    Guard("a few events in a turn", "prober/wait.py", "most = 16", "most = 100_000", "prober/test_turns.py"),
    Guard("a few calls in a turn", "prober/timers.py", "MOST_A_TURN = 16", "MOST_A_TURN = 100_000",
          "prober/test_turns.py"),
    Guard("what is ready goes first", "prober/engine.py", "self._is_crowded = len(events) >= self._waiter.most",
          "self._is_crowded = False", "prober/test_turns.py"),
    Guard("one time for what came together", "prober/engine.py", "self._connector.on_event(attempt, woke_ns)",
          "self._connector.on_event(attempt, now_ns())", "prober/test_turns.py"),
    Guard("loopback is looked at straight after the connect", "prober/connecting.py",
          "if self._kernel and address.host.startswith(_LOOPBACK):", "if False:", "prober/test_turns.py"),
    Guard("waits of less than a millisecond", "prober/wait.py",
          "if timeout_s > 0 and not select.select(self._select_on, (), (), timeout_s)[0]:",
          "if self._epoll.poll(timeout_s, 1) is None:", "prober/test_turns.py"),
    Guard("long waits end early", "prober/wait.py", "timeout_s *= 0.98", "pass", "prober/test_turns.py"),
    Guard("without epoll: once each", "prober/wait.py", "            if descriptor not in self._readers:",
          "            if False:", "prober/test_turns.py"),
    Guard("an event for a descriptor's last owner", "prober/connecting.py", "return error.errno != errno.ENOTCONN",
          "return True", "prober/test_turns.py"),
    Guard("the collector sees no plan", "prober/main.py", "gc.freeze()", "pass", "prober/test_own_limits.py"),
    Guard("collections are seldom", "prober/main.py", "gc.set_threshold(50_000, 20, 100)", "pass",
          "prober/test_own_limits.py"),
    Guard("descriptors raised to the hard limit", "prober/kernel.py", "soft = wanted", "pass",
          "prober/test_own_limits.py"),
    Guard("descriptors left for other things", "prober/kernel.py", "return max(16, soft - spare)", "return soft",
          "prober/test_own_limits.py"),
    Guard("room for descriptors before threads", "prober/main.py",
          "make_room_for_descriptors(raise_descriptor_limit())", "pass", "prober/test_own_limits.py"),
    Guard("no more in flight than descriptors", "prober/engine.py", "if len(attempts) >= self._most_open:",
          "if False:", "prober/test_own_limits.py"),
    Guard("no spinning where all descriptors are in use", "prober/engine.py",
          "        if not self._is_full:", "        if True:", "prober/test_own_limits.py"),
    Guard("lateness is noted", "prober/engine.py", "self._lateness.add(late_ns // 1000 if late_ns > 0 else 0)",
          "pass", "prober/test_truth.py"),
    Guard("a sample is a place in a file", "recording.py", 'array("Q")).append', "list()).append",
          "recording/test_many_samples.py"),
    Guard("of very many not even that", "recording.py", "if self.checks >= MOST_KEPT_PLACES:", "if False:",
          "recording/test_many_samples.py"),
    Guard("the kernel's time", "prober/connecting.py", "return rtt_us if rtt_us < clock_us else clock_us",
          "return clock_us", "prober/test_truth.py"),
    Guard("never more than our clock saw", "prober/connecting.py", "return rtt_us if rtt_us < clock_us else clock_us",
          "return rtt_us", "prober/test_truth.py"),
    Guard("not where a SYN was repeated", "prober/connecting.py", "if rtt_us and not repeats:", "if rtt_us:",
          "prober/test_truth.py"),
    Guard("the age of an answer", "prober/connecting.py", "return clock_us - acked_ms_ago * 1000", "return clock_us",
          "prober/test_truth.py"),
    Guard("SYNs of a timeout are counted", "prober/connecting.py", "attempt.repeats = info[3]", "pass",
          "prober/test_engine.py syns"),
    Guard("SYNs of a timeout are told", "reports/evidence.py", "self.syns += 1 + sample.syn_repeats", "pass",
          "reports/test_failure_text.py"),
    Guard("repeats are summed", "statistics.py", "(self._syn_repeats or 0) + sample.syn_repeats", "0",
          "unit/test_statistics_exact.py counts_runs"),
    Guard("repeats are named", "reports/failure.py",
          "numbers, median_ms = result.statistics.repeated_checks, result.statistics.rtt.median_ms",
          "numbers, median_ms = (), None", "reports/test_failure_text.py"),
    Guard("the lag of our clock", "recording.py",
          "self.lag.add(max(0, round((sample.clock_ms - connect_ms) * 1000)))", "pass", "prober/test_truth.py"),
    Guard("a late clock is told", "judging.py", "            *_doubts(plan, recording),\n", "",
          "prober/test_truth.py"),
    Guard("a late clock at another place is told", "relay/lines.py",
          'return self._lateness(event) if kind == "lateness" else None', "return None",
          "vantages/test_lines_from_elsewhere.py"),
    Guard("what was complete in time is open", "prober/connecting.py",
          "if info is not None and info[0] != kernel.SYN_SENT:\n                self.on_event(attempt, at_ns)",
          "if False:\n                self.on_event(attempt, at_ns)",
          "prober/test_turns.py asks_the_kernel"),
    Guard("what was complete too late is not", "prober/connecting.py",
          "if attempt.start_ns + handshake_us * 1000 > check.deadline_ns", "if False",
          "prober/test_engine.py past_the_deadline"),
    Guard("names side by side", "prober/names.py", "\nTHREADS = 64", "\nTHREADS = 1", "prober/test_resolver.py"),
    Guard("hung names make room", "prober/names.py", "lane.note_hung(at_ns)", "pass", "prober/test_resolver.py"),
    Guard("hung names are looked for", "prober/naming.py",
          "            self._resolver.go_on()\n            self._timers", "            self._timers",
          "prober/test_resolver.py"),
    Guard("names that were given up make room", "prober/names.py", "lane.hung.add(question)", "pass",
          "prober/test_resolver.py"),
    Guard("and at once", "prober/naming.py", "            self._gave_up = False\n            self._resolver.go_on()",
          "            pass", "prober/test_resolver.py"),
    Guard("threads of its own for each family", "prober/names.py", "{family: _Lane() for family in _FAMILIES}",
          "dict.fromkeys(_FAMILIES, _Lane())", "prober/test_resolver.py"),
    Guard("not threads without number", "prober/names.py", "return len(self.running) < MOST_THREADS", "return True",
          "prober/test_resolver.py"),
    Guard("nobody waits for threads that hang", "prober/names.py", "daemon=True", "daemon=False",
          "prober/test_resolver.py"),
    Guard("what nobody waits for is not asked", "prober/names.py",
          "lane.waiting.pop(question, None)", "pass",
          "prober/test_resolver.py"),
    Guard("a check starts with its resolution", "prober/engine.py",
          "        if check.dns_us is None:\n            check.start_ns = at_ns", "        check.start_ns = at_ns",
          "prober/test_resolver.py"),
    Guard("answers from too near", "prober/engine.py", "NEAR_US = 50", "NEAR_US = 5_000_000", "prober/test_truth.py"),
    Guard("they are told", "judging.py", "            *_near(plan, recording),\n", "",
          "recording/test_recovery.py too_soon"),
    Guard("local ports of one address together", "plan_checks.py",
          "(endpoint.vantage, key_of_host(endpoint.looked_up_host), port)", "(endpoint.id, '', port)",
          "unit/test_plan_checks.py"),
    Guard("no warning of ports with close: reset", "plan_checks.py",
          '(_TIME_WAIT_S if endpoint.close == "fin" else 0)', "_TIME_WAIT_S", "unit/test_plan_checks.py"),
    Guard("no rates over the caps", "plan_checks.py", "problems += _rate_problems(plan)", "pass",
          "unit/test_plan_checks.py"),
    Guard("close: reset", "prober/closing.py",
          "sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)", "pass",
          "prober/test_engine.py close_reset"),
    Guard("the cap on the rate of a plan", "prober/pace.py",
          "self._next_ns = (self._next_ns if self._next_ns > least_ns else least_ns) + self._gap_ns", "pass",
          "prober/test_pace.py"),
    Guard("bursts are small", "prober/pace.py", "_DEPTH_NS, _HOST_DEPTH_NS = 100_000_000, 50_000_000",
          "_DEPTH_NS, _HOST_DEPTH_NS = 1 << 60, 1 << 60", "prober/test_pace.py"),
    Guard("rates of single hosts", "prober/pace.py", "rate = self._host_rates.get(host)", "rate = None",
          "prober/test_pace.py"),
    Guard("the engine keeps to the rate", "prober/engine.py", 'float(job["max_rate"]),', "1e9,",
          "prober/test_pace.py"),
    Guard("no burst after a stall", "prober/engine.py", "endpoint.due_ns += late * endpoint.interval_ns", "pass",
          "prober/test_gaps.py"),
    Guard("no burst after lateness", "prober/engine.py", "endpoint.due_ns += missed * endpoint.interval_ns", "pass",
          "prober/test_gaps.py"),
    Guard("what lateness left out is told", "prober/engine.py",
          "self._tell(self._left_out.add(missed, endpoint.due_ns, start_ns))", "pass", "prober/test_gaps.py"),
    Guard("a rate does not drift", "prober/engine.py", "        endpoint.due_ns += endpoint.interval_ns\n        if",
          "        endpoint.due_ns = start_ns + endpoint.interval_ns\n        if", "prober/test_gaps.py"),
    Guard("checks overlap", "prober/engine.py", "        endpoint.due_ns += endpoint.interval_ns\n        if",
          "        endpoint.due_ns += endpoint.interval_ns + endpoint.timeout_ns\n        if",
          "prober/test_engine.py overlap"),
    Guard("samples in the order of their checks", "recording.py",
          "while early and (early[0][0] <= expected or len(early) > _MOST_OUT_OF_ORDER):", "while early:",
          "recording/test_recovery.py order_of_their_checks"),
    Guard("each turn writes its samples", "prober/engine.py", "self._samples.flush(at_ns)", "pass",
          "prober/test_process.py killed_it"),
    Guard("all that was decided is written", "prober/samplefile.py", "data = b\"\".join(map(sealed, self._lines))",
          "data = b\"\".join(map(sealed, self._lines[:4]))", "prober/test_process.py under_load"),
    Guard("dropped samples are counted", "prober/samplefile.py", "self._dropped += 1", "pass",
          "prober/test_own_limits.py full_disk"),
    Guard("what is decided at the end is said", "prober/connecting.py", "            if attempt.draining:\n",
          "            if False:\n", "prober/test_hold.py being_closed"),
    Guard("the prober ends with its input", "prober/main.py", "    engine.stop()\n", "    pass\n",
          "prober/test_process.py end_of_its_input"),
    Guard("no job, no prober", "prober/main.py", 'if not line.endswith(b"\\n"):', "if False:",
          "prober/test_process.py before_its_job"),
    Guard("a hang-up is the parent's", "prober/main.py", "signal.signal(signal.SIGHUP, signal.SIG_IGN)", "pass",
          "prober/test_process.py ctrl_c"),
    Guard("SIGTERM ends the prober in good order", "prober/main.py",
          "signal.signal(signal.SIGTERM, lambda *_: engine.stop())", "pass", "prober/test_process.py sigterm"),
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
