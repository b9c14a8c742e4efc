"""What a person reads when an endpoint fails."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import failed, measured, opened, product_failure, reached, result_of

from pytest_netmon.outcomes import OUTCOMES, cause_of, next_step_of
from pytest_netmon.reports.failure import failure_text, next_steps, one_line
from pytest_netmon.samples import Attempt
from pytest_netmon.waits import Wait

NO_ROUTE = {"errno": "EHOSTUNREACH", "message": "No route to host"}
REFUSED = {"errno": "ECONNREFUSED", "message": "Connection refused", "clock_ms": 1.0}
EMFILE = {"errno": "EMFILE", "message": "Too many open files"}


def lines_of(result) -> list[str]:
    return failure_text(result).splitlines()


def test_a_measured_failure_reads_as_the_product_page_shows():
    timeout = f"3 x timeout ({cause_of('timeout', 2.0)})"
    assert failure_text(product_failure()) == (
        "db.internal:5432 (10.0.3.7): 2 limits broken in 40 checks\n"
        "  success   92.50 %    allowed >= 99 %     37 of 40\n"
        "  p95     1034.20 ms   allowed < 50 ms     min 9.10  avg 94.39  median 11.90  max 1036.02\n"
        f"  {timeout}\n"
        "    9 SYNs were sent\n"
        f"  next: {next_step_of('timeout')}\n"
        "  checks 4, 7 and 31 needed a repeated SYN: packet loss, not a slow server"
    )
    assert timeout.startswith("3 x timeout (no answer within 2 s: packets dropped on the way, a firewall?")


def test_one_broken_limit_is_one_limit_and_one_check_is_one_check():
    result = result_of(measured("db", 1, "success >= 99%", count=1), [failed("refused", **REFUSED)])
    assert lines_of(result)[0] == "db:1 (10.0.3.7): 1 limit broken in 1 check"


def test_every_kind_of_limit_stands_in_its_row():
    limits = ("success >= 90%", "p95 < 2ms", "max < 3ms", "dns.avg < 3ms", "errors.timeout <= 1", "outage < 1s")
    result = result_of(measured("db", 1, *limits), [opened(3.2)] * 34 + [failed("timeout", clock_ms=2000.0)] * 6)
    assert lines_of(result)[1:7] == [
        "  success             85.00 %    allowed >= 90 %     34 of 40",
        "  p95                  3.20 ms   allowed < 2 ms      min 3.20  avg 3.20  median 3.20  max 3.20",
        "  max                  3.20 ms   allowed < 3 ms",
        "  dns.avg        no samples      allowed < 3 ms",
        "  errors.timeout          6      allowed <= 1        of 40 checks",
        "  outage               3.25 s    allowed < 1 s",
    ]


def test_outcomes_are_told_with_their_causes_the_most_frequent_first_and_two_next_steps():
    checks = [failed("refused", **REFUSED)] * 2 + [failed("timeout")] * 3 + [failed("reset")] + [opened(1.0)] * 34
    lines = lines_of(result_of(measured(), checks))
    assert [line for line in lines if " x " in line] == [
        f"  3 x timeout ({cause_of('timeout', 2.0)})",
        f"  2 x refused ({cause_of('refused', 2.0)})",
        f"  1 x reset ({cause_of('reset', 2.0)})",
    ]
    steps = [line for line in lines if "next: " in line]
    assert steps == [f"  next: {next_step_of('timeout')}", f"  next: {next_step_of('refused')}"]


def test_icmp_and_the_systems_words_are_told_where_they_add_something():
    text = failure_text(result_of(reached(), [failed("prohibited", icmp=(3, 13), **NO_ROUTE)]))
    assert '\n    ICMP 3/13, EHOSTUNREACH, "No route to host"\n' in text


def test_the_resolvers_words_are_told():
    not_found = failed("dns_not_found", errno="EAI_NONAME", message="Name or service not known")
    assert '    EAI_NONAME, "Name or service not known"' in failure_text(result_of(reached(), [not_found]))


def test_words_that_only_repeat_the_outcome_are_left_out():
    assert "ECONNREFUSED" not in failure_text(result_of(reached(), [failed("refused", **REFUSED)]))


def test_a_refusal_by_icmp_is_told_from_one_by_the_service():
    assert "    ICMP 3/3\n" in failure_text(result_of(reached(), [failed("refused", icmp=(3, 3), **REFUSED)]))


def test_details_are_those_of_the_latest_failure_with_its_number():
    checks = [failed("prohibited", icmp=(3, 9)), opened(1.0), failed("prohibited", icmp=(3, 13)), opened(1.0)]
    assert "    last, check 3: ICMP 3/13\n" in failure_text(result_of(measured(count=4), checks))


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((5,), "check 5 needed a repeated SYN: packet loss, not a slow server"),
        ((5, 9), "checks 5 and 9 needed a repeated SYN: packet loss, not a slow server"),
        (range(1, 23), "checks 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 12 more needed a repeated SYN"),
        (range(7, 190), "100 checks or more needed a repeated SYN, the first of them 7"),
    ],
)
def test_repeated_syns_are_listed_until_there_are_too_many(numbers, told):
    checks = [opened(1.0, syn_repeats=int(number in numbers)) for number in range(1, 201)]
    assert told in failure_text(result_of(measured("db", 1, "max < 0.5ms", count=200), checks))


def test_syns_that_a_slow_path_repeats_are_not_called_packet_loss():
    checks = [opened(1501.0, syn_repeats=1, rtt_ms=1501.0)] * 40
    text = failure_text(result_of(measured("db", 1, "max < 1s"), checks))
    assert "packet loss, not a slow server" not in text
    assert "  SYNs were repeated for a slow path, not for packet loss: the round trip takes 1501.00 ms\n" in text + "\n"


@pytest.mark.parametrize(
    ("repeats", "told"), [((2, 1), "5 SYNs were sent"), ((0,), "1 SYN was sent"), ((2, None), "3 SYNs were sent")]
)
def test_syns_that_were_sent_while_checks_timed_out_are_counted(repeats, told):
    checks = [failed("timeout", syn_repeats=each) for each in repeats] + [failed("refused", syn_repeats=0, **REFUSED)]
    lines = lines_of(result_of(measured("db", 1, count=3), checks))
    place = next(number for number, line in enumerate(lines) if "timeout (no answer" in line)
    assert lines[place + 1] == f"    {told}"
    assert sum("SYN" in line for line in lines) == 1


def test_where_the_kernel_tells_nothing_no_syn_is_counted():
    assert "SYN" not in failure_text(result_of(measured("db", 1, count=1), [failed("timeout")]))


class TestAReachedEndpoint:
    def test_with_equal_tries_says_how_many(self):
        result = result_of(reached(), [failed("timeout", clock_ms=3000.0)] * 3)
        assert lines_of(result)[:2] == [
            "db.internal:5432 (10.0.3.7): timeout, not reached in 3 tries",
            f"  3 x timeout ({cause_of('timeout', 3.0)})",
        ]

    def test_with_different_tries_tells_each(self):
        lines = lines_of(result_of(reached(), [failed("timeout"), failed("reset"), failed("refused", **REFUSED)]))
        assert lines[1:4] == [
            f"  try 1: timeout ({cause_of('timeout', 3.0)})",
            f"  try 2: reset ({cause_of('reset', 3.0)})",
            f"  try 3: refused ({cause_of('refused', 3.0)})",
        ]

    def test_that_was_tried_once_has_no_number_of_times(self):
        lines = lines_of(result_of(reached(), [failed("refused", **REFUSED)]))
        assert lines[:2] == [
            "db.internal:5432 (10.0.3.7): refused, not reached in 1 try",
            f"  refused ({cause_of('refused', 3.0)})",
        ]

    def test_that_has_no_address_yet_shows_none(self):
        assert (
            lines_of(result_of(reached(), [failed("dns_failed")] * 3))[0]
            == "db.internal:5432: dns_failed, not reached in 3 tries"
        )

    def test_that_is_an_address_does_not_repeat_it(self):
        result = result_of(reached("2001:db8::1", 443), [failed("timeout")] * 3, address="2001:db8::1")
        assert lines_of(result)[0] == "[2001:db8::1]:443: timeout, not reached in 3 tries"


class TestAnEndpointThatWasWaitedFor:
    def test_says_how_long_and_tells_the_latest_outcome_first(self):
        checks = [failed("dns_not_found")] * 25 + [failed("refused", **REFUSED)] * 4
        lines = lines_of(result_of(reached(wait=Wait(45.0), count=60), checks))
        assert lines[0] == "db.internal:5432 (10.0.3.7): refused, not reached within 45 s in 29 tries"
        assert lines[1] == f"  4 x refused ({cause_of('refused', 3.0)})"
        assert f"  25 x dns_not_found ({cause_of('dns_not_found', 3.0)})" in lines
        assert "  the last tries: refused, refused, refused" in lines

    def test_does_not_list_tries_that_were_all_the_same(self):
        text = failure_text(result_of(reached(wait=Wait(45.0), count=60), [failed("timeout")] * 20))
        assert "the last tries" not in text


class TestAnEndpointThatMustBeClosed:
    def closed(self, checks, **settings):
        return result_of(
            reached("a.example", 22, name="admin", expect="closed", **settings), checks, address="10.0.0.1"
        )

    def test_and_is_open(self):
        result = self.closed([opened(1.0)])
        assert lines_of(result)[0] == "admin:22 (a.example, 10.0.0.1): open, but it must not be reachable"
        assert next_steps(result) == ("see what listens there, and which firewall lets this machine in",)

    def test_and_opened_before_it_was_reset(self):
        result = self.closed([failed("reset")])
        assert lines_of(result)[0] == "admin:22 (a.example, 10.0.0.1): opened, then reset, but it must not be reachable"

    def test_and_was_open_now_and_then(self):
        endpoint = measured("a.example", 22, expect="closed")
        result = result_of(endpoint, [failed("refused", **REFUSED)] * 37 + [opened(1.0)] * 3)
        assert lines_of(result)[0] == ("a.example:22 (10.0.3.7): open in 3 of 40 checks, but it must not be reachable")
        assert "refused" not in failure_text(result)

    def test_and_whose_name_does_not_resolve_proves_nothing(self):
        result = self.closed([failed("dns_not_found", errno="EAI_NONAME", message="Name or service not known")])
        assert lines_of(result)[:2] == [
            "admin:22 (a.example): no proof that it is closed: 1 x dns_not_found in 1 check",
            f"  dns_not_found ({cause_of('dns_not_found', 3.0)})",
        ]


class TestAnInconclusiveEndpoint:
    def test_says_what_this_machine_lacked_and_what_to_do(self):
        checks = [failed("local_error", **EMFILE)] * 40
        assert lines_of(result_of(measured(), checks, address=None)) == [
            "db.internal:5432: inconclusive, 40 of 40 checks could not be made here",
            "  40 x EMFILE, no free file descriptor for this process",
            "  next: raise the limit (`ulimit -n 65536`), or check less at once (max_rate, timeout)",
        ]

    @pytest.mark.parametrize(
        ("errno", "address", "lack"),
        [
            ("ENETUNREACH", "2001:db8::1", "no IPv6 route to it on this machine, and no default one"),
            ("ENETUNREACH", "192.0.2.1", "no IPv4 route to it on this machine, and no default one"),
            ("ENETUNREACH", None, "no route to it on this machine, and no default one"),
            ("EADDRNOTAVAIL", "192.0.2.1", "no free local port"),
            ("EADDRNOTAVAIL", "2001:db8::1", "IPv6 is off on this machine, or no local port is free"),
            ("ENFILE", "192.0.2.1", "no free file descriptor on this machine"),
            ("ENOMEM", "192.0.2.1", "no memory for another connection"),
        ],
    )
    def test_tells_each_shortage_apart(self, errno, address, lack):
        result = result_of(reached(), [failed("local_error", errno=errno)], address=address)
        assert f"  1 x {errno}, {lack}" in lines_of(result)
        assert "  next: " in failure_text(result)

    def test_shows_the_systems_words_for_what_it_does_not_know(self):
        check = failed("local_error", errno="EXFULL", message="Exchange full")
        assert '    last, check 1: "Exchange full"' in lines_of(result_of(reached(), [check]))

    def test_that_was_cut_off_says_how_far_it_came(self):
        result = result_of(measured(), [opened(1.0)] * 30, complete=False)
        (reason,) = result.verdict.reasons
        assert "30 of 40" in reason
        assert lines_of(result)[0] == f"db.internal:5432 (10.0.3.7): inconclusive, {reason}"

    def test_without_any_sample_says_so(self):
        assert failure_text(result_of(measured(), [])) == "db.internal:5432: inconclusive, no check was recorded"


def test_checks_that_could_not_be_made_are_told_beside_a_failure():
    checks = [failed("local_error", **EMFILE)] * 2 + [failed("refused", **REFUSED)] * 38
    lines = lines_of(result_of(measured("db", 1, "success >= 99%"), checks))
    assert lines[0].endswith("1 limit broken in 38 checks")
    assert lines[-2:] == [
        "  2 checks could not be made here: EMFILE, no free file descriptor for this process; left out",
        "  next: raise the limit (`ulimit -n 65536`), or check less at once (max_rate, timeout)",
    ]


def test_addresses_that_failed_before_another_one_answered_are_told():
    attempts = (Attempt("2001:db8::1", "network_unreachable", 0.1), Attempt("2001:db8::2", "timeout", 250.0))
    checks = [opened(9.0, attempts=attempts)] * 3 + [opened(9.0, attempts=attempts[:1])] * 37
    text = failure_text(result_of(measured("db", 1, "p95 < 1ms"), checks))
    assert "  tried in vain in 40 checks: 2001:db8::1 (network_unreachable)\n" in text
    assert "  tried in vain in 3 checks: 2001:db8::2 (timeout)" in text


def test_many_addresses_that_failed_are_cut_short():
    attempts = tuple(Attempt(f"10.0.0.{number}", "timeout", 250.0) for number in range(9))
    lines = lines_of(result_of(measured("db", 1, "p95 < 1ms"), [opened(9.0, attempts=attempts)] * 40))
    assert lines[-2:] == ["  tried in vain in 40 checks: 10.0.0.2 (timeout)", "  and 6 more such"]


def test_checks_that_were_left_out_are_told():
    checks = [failed("refused", **REFUSED)] * 38
    assert lines_of(result_of(measured(), checks))[-1] == "  only 38 of 40 checks were made"


def test_a_redacted_endpoint_shows_neither_host_nor_address_nor_the_systems_words():
    endpoint = measured("hidden.example", 5432, "p95 < 1ms", name="db", redact=True)
    checks = [
        failed("dns_failed", errno="EAI_AGAIN", message="hidden.example: try again"),
        failed("local_error", errno="EXFULL", message="hidden.example"),
        failed("host_unreachable", errno="EWEIRD", message="hidden.example at 10.0.3.7"),
        *[opened(9.0, attempts=(Attempt("10.0.3.8", "timeout", 250.0),))] * 37,
    ]
    result = result_of(endpoint, checks)
    for text in (failure_text(result), one_line(result)):
        assert "hidden.example" not in text
        assert "10.0.3." not in text
    assert "tried in vain in 37 checks: another address (timeout)" in failure_text(result)


def test_an_outcome_of_a_newer_version_is_told_all_the_same():
    assert "  quantum_decay (an outcome that this version does not know)" in lines_of(
        result_of(reached(), [failed("quantum_decay")])
    )


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (result_of(reached(), [opened(4.2)]), "PASS  db.internal:5432 (10.0.3.7)  4.20 ms"),
        (
            result_of(reached(), [failed("timeout"), opened(4.2)]),
            "PASS  db.internal:5432 (10.0.3.7)  4.20 ms; reached at try 2 of 3, after timeout",
        ),
        (
            result_of(measured(), [opened(4.2)] * 39 + [opened(7.0)]),
            "PASS  db.internal:5432 (10.0.3.7)  40 of 40, median 4.20 ms, max 7.00 ms",
        ),
        (
            result_of(reached(expect="closed"), [failed("refused", **REFUSED)]),
            "PASS  db.internal:5432 (10.0.3.7)  closed (refused)",
        ),
        (
            result_of(reached(expect="closed"), [opened(1.0)]),
            "FAIL  db.internal:5432 (10.0.3.7)  open, but it must not be reachable",
        ),
        (
            result_of(reached(), [failed("timeout"), failed("refused", **REFUSED)]),
            f"FAIL  db.internal:5432 (10.0.3.7)  refused ({cause_of('refused', 3.0)})",
        ),
        (
            product_failure(),
            "FAIL  db.internal:5432 (10.0.3.7)  success 92.50 % (allowed >= 99 %), p95 1034.20 ms (allowed < 50 ms); "
            f"3 x timeout ({cause_of('timeout', 2.0)})",
        ),
        (
            result_of(reached(), [failed("local_error", **EMFILE)]),
            "INCONCLUSIVE  db.internal:5432 (10.0.3.7)  1 of 1 check could not be made here",
        ),
    ],
)
def test_one_line_says_the_verdict_the_address_and_the_time_or_the_cause(result, line):
    assert one_line(result) == line


def test_the_text_of_a_passed_endpoint_is_one_line_and_needs_no_samples():
    result = result_of(reached(), [opened(4.2)])
    assert failure_text(result) == "db.internal:5432 (10.0.3.7): passed, 4.20 ms"
    assert result.store.reads == 0


def test_a_failures_text_reads_the_samples_once():
    result = product_failure()
    failure_text(result)
    assert result.store.reads == 1


outcomes = st.sampled_from([*OUTCOMES, "newer_outcome"])
hostile = st.text(st.characters(categories=None) | st.sampled_from("\x1b\x9b\u202e\ud800\n\r"), max_size=20)


@st.composite
def checks_of_any_kind(draw):
    """Samples with hostile texts in every place that holds foreign ones."""
    checks = []
    for outcome in draw(st.lists(outcomes, max_size=6)):
        fields = {"address": draw(hostile), "errno": draw(st.none() | hostile), "message": draw(st.none() | hostile)}
        fields["attempts"] = tuple(draw(st.lists(st.builds(Attempt, hostile, outcomes, st.just(1.0)), max_size=2)))
        checks.append(opened(1.5, **fields) if outcome == "open" else failed(outcome, **fields))
    return checks


@given(checks_of_any_kind(), hostile, st.sampled_from(["open", "closed"]), st.booleans(), st.booleans())
def test_no_foreign_text_reaches_the_terminal_unescaped(checks, name, expect, is_measured, complete):
    endpoint = measured(name=name, expect=expect, count=6) if is_measured else reached(name=name, expect=expect)
    result = result_of(endpoint, checks, complete=complete)
    steering = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
    assert not steering.search(failure_text(result))
    assert not steering.search(one_line(result))
    assert "\n" not in one_line(result)
    assert all(line.startswith("  ") for line in lines_of(result)[1:])
