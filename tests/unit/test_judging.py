"""Verdicts: what passes, what fails, what nobody can say; and the sentences that tell why."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples_for_tests import outcomes, sample_of, statistics_of

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint
from pytest_netmon.samples import Sample
from pytest_netmon.verdict import Verdict, judge, limits_in_force, metric_value

CLOSED = Endpoint(host="admin.example.com", port=22, expect="closed", measured=True, count=20)
REACHED = Endpoint(host="db.internal", port=5432)
REACHED_CLOSED = Endpoint(host="db.internal", port=5432, expect="closed")


def measured(*limits: str, count: int = 20) -> Endpoint:
    return Endpoint(
        host="db.internal", port=5432, measured=True, count=count, limits=tuple(parse_limit(text) for text in limits)
    )


def verdict(endpoint: Endpoint, *names: str, complete: bool = True) -> Verdict:
    return judge(endpoint, outcomes(*names), complete=complete)


def test_a_measured_endpoint_without_limits_must_succeed_always() -> None:
    passed = verdict(measured(count=3), "open", "open", "open")
    failed = verdict(measured(count=3), "open", "timeout", "open")

    assert (passed.status, passed.reasons, passed.notes) == ("passed", (), ())
    assert failed.status == "failed"
    assert failed.reasons == ("success 66.67 % (2 of 3), allowed >= 100 %",)
    assert failed.broken[0].limit.origin == "built-in"


@pytest.mark.parametrize("limit", ["success <= 99%", "success < 100%"])
def test_an_upper_bound_on_success_does_not_switch_the_built_in_limit_off(limit: str) -> None:
    endpoint = Endpoint(host="a", port=1, measured=True, limits=(parse_limit(limit),))

    assert [each.text for each in limits_in_force(endpoint)] == ["success >= 100%", limit]


@pytest.mark.parametrize("limit", ["success >= 1%", "success > 0%", "success == 50%"])
def test_a_lower_bound_on_success_replaces_the_built_in_limit(limit: str) -> None:
    endpoint = Endpoint(host="a", port=1, measured=True, limits=(parse_limit(limit),))

    assert [each.text for each in limits_in_force(endpoint)] == [limit]


def test_the_built_in_limit_stands_beside_others_and_gives_way_to_an_own_one() -> None:
    assert [each.text for each in limits_in_force(measured("p95 < 50ms"))] == ["success >= 100%", "p95 < 50ms"]
    assert [each.text for each in limits_in_force(measured("success >= 50%"))] == ["success >= 50%"]
    assert limits_in_force(REACHED) == ()
    assert limits_in_force(CLOSED) == ()


def test_all_breaches_are_told_at_once_with_value_and_limit() -> None:
    samples = [sample_of(check, "open", 11_900) for check in range(1, 35)]
    samples += [sample_of(check, "open", 1_034_200) for check in (35, 36, 37)]
    samples += [sample_of(check, "timeout", 2_000_000) for check in (38, 39, 40)]
    endpoint = measured("success >= 99%", "p95 < 50ms", "min < 12ms", "errors.timeout <= 2", "outage <= 1s", count=40)

    judged = judge(endpoint, statistics_of(samples), complete=True)

    assert judged.status == "failed"
    assert judged.reasons == (
        "success 92.50 % (37 of 40), allowed >= 99 %",
        "p95 1034.20 ms, allowed < 50 ms",
        "errors.timeout 3, allowed <= 2",
        "outage 2.5 s, allowed <= 1 s",
    )
    assert [result.ok for result in judged.limits] == [False, False, True, False, False]


def test_a_broken_warn_limit_is_told_and_fails_nothing() -> None:
    soft = (parse_limit("max < 5ms"), parse_limit("success >= 10%"), parse_limit("rtt.max < 1ms"))
    endpoint = dataclasses.replace(measured(count=2), warn=soft)

    judged = verdict(endpoint, "open", "open")

    assert (judged.status, judged.reasons, judged.broken) == ("passed", (), ())
    assert judged.notes == (
        "warning: max 10.00 ms, allowed < 5 ms",
        "warning: rtt.max no samples, allowed < 1 ms",
    )
    assert [result.ok for result in judged.warn] == [False, True, False]


def test_a_warn_limit_is_told_beside_what_fails_and_not_where_nothing_was_measured() -> None:
    endpoint = dataclasses.replace(measured(count=2), warn=(parse_limit("errors == 0"),))
    assert verdict(endpoint, "open", "timeout").status == "failed"
    assert verdict(endpoint, "open", "timeout").notes == ("warning: errors 1, allowed == 0",)
    assert verdict(endpoint, "local_error", "local_error").notes == ()


@pytest.mark.parametrize("metric", ["p95", "dns.avg", "rtt.max", "stdev", "jitter", "syn_repeats", "tls.p95"])
@pytest.mark.parametrize("op", ["<=", ">="])
def test_a_metric_without_samples_breaks_its_limit_whichever_way_it_points(metric: str, op: str) -> None:
    unit = "" if metric == "syn_repeats" else "ms"
    endpoint = measured("success >= 0%", f"{metric} {op} 0{unit}", count=2)

    judged = verdict(endpoint, "timeout", "timeout")

    assert judged.status == "failed"
    assert judged.reasons == (f"{metric} no samples, allowed {op} 0{' ms' if unit else ''}",)
    assert judged.broken[0].value is None


def test_every_metric_is_read_from_its_place() -> None:
    statistics = statistics_of(
        [
            sample_of(1, "open", 1000, rtt_ms=0.5, dns_ms=7.0, syn_repeats=0),
            sample_of(2, "open", 3000, rtt_ms=0.25, syn_repeats=1),
            sample_of(3, "refused", 100),
            sample_of(4, "timeout", 3_000_000, syn_repeats=2),
        ]
    )

    def value(text: str) -> float | None:
        return metric_value(parse_limit(text).metric, statistics)

    assert value("success > 0%") == 0.5
    assert value("errors > 0") == 2
    assert value("errors.refused > 0") == 1
    assert value("errors.reset >= 0") == 0
    assert value("consecutive_failures > 0") == 2
    assert value("outage > 0s") == 3.25
    assert value("syn_repeats > 0") == 3
    assert [value(f"{stat} > 0ms") for stat in ("min", "avg", "median", "max", "jitter", "p50")] == [1, 2, 2, 3, 2, 1]
    assert value("stdev > 0ms") == pytest.approx(2**0.5)
    assert (value("rtt.max > 0ms"), value("dns.avg > 0ms")) == (0.5, 7.0)
    assert (value("tls.avg > 0ms"), value("cert.expires_in > 1d")) == (None, None)


def test_a_reached_endpoint_passes_with_its_first_success() -> None:
    judged = verdict(REACHED, "open")

    assert (judged.status, judged.limits, judged.reasons, judged.notes) == ("passed", (), (), ())


def test_a_late_success_says_so() -> None:
    assert verdict(REACHED, "timeout", "open").notes == ("reached at try 2 of 3, after timeout",)
    assert verdict(REACHED, "dns_failed", "reset", "open").notes == ("reached at try 3 of 3, after dns_failed, reset",)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["refused"], "not reached in 1 try: refused"),
        (["timeout", "timeout", "refused"], "not reached in 3 tries: timeout, timeout, refused"),
        (["timeout", "reset", "timeout"], "not reached in 3 tries: timeout, reset, timeout"),
        (["reset", "timeout", "timeout"], "not reached in 3 tries: reset, timeout, timeout"),
        (["timeout"] * 4 + ["reset"], "not reached in 5 tries: 4 x timeout, 1 x reset"),
    ],
)
def test_what_was_not_reached_lists_its_tries_in_order(names: list[str], reason: str) -> None:
    judged = verdict(REACHED, *names)

    assert (judged.status, judged.reasons) == ("failed", (reason,))


@pytest.mark.parametrize("outcome", ["refused", "timeout", "prohibited"])
def test_a_port_that_must_be_closed_passes_when_every_check_says_so(outcome: str) -> None:
    assert verdict(CLOSED, *[outcome] * 20).status == "passed"
    assert verdict(REACHED_CLOSED, outcome).status == "passed"


def test_one_open_check_fails_a_port_that_must_be_closed() -> None:
    judged = verdict(CLOSED, *["refused"] * 19, "open")

    assert (judged.status, judged.reasons) == ("failed", ("open in 1 of 20 checks, expected closed",))


@pytest.mark.parametrize("outcome", ["dns_not_found", "dns_timeout", "host_unreachable", "network_unreachable"])
def test_what_proves_nothing_fails_a_port_that_must_be_closed(outcome: str) -> None:
    judged = verdict(CLOSED, *["refused"] * 18, outcome, outcome)

    assert judged.status == "failed"
    assert judged.reasons == (f"{outcome} in 2 of 20 checks proves nothing, expected refused, timeout or prohibited",)


def test_a_reset_is_a_port_that_was_open() -> None:
    assert verdict(REACHED_CLOSED, "reset").reasons == ("reset in 1 of 1 check, expected closed",)
    assert verdict(REACHED_CLOSED, "reset", "refused").status == "failed"
    assert verdict(REACHED_CLOSED, "open", "refused").status == "failed"


def test_a_reached_port_that_must_be_closed_is_judged_by_its_last_check() -> None:
    assert verdict(REACHED_CLOSED, "dns_failed", "refused").status == "passed"
    judged = verdict(REACHED_CLOSED, "dns_failed", "dns_failed", "dns_timeout")
    assert judged.reasons == ("dns_timeout in 1 of 3 checks proves nothing, expected refused, timeout or prohibited",)


def test_own_limits_of_a_closed_endpoint_are_judged_too() -> None:
    strict = Endpoint(
        host="a", port=1, expect="closed", measured=True, count=2, limits=(parse_limit("errors.timeout == 0"),)
    )

    assert verdict(strict, "refused", "refused").status == "passed"
    assert verdict(strict, "refused", "timeout").reasons == ("errors.timeout 1, allowed == 0",)


def test_a_check_that_this_machine_could_not_make_leaves_a_pass_unproven() -> None:
    judged = verdict(measured(count=3), "open", "local_error", "open")

    assert judged.status == "inconclusive"
    assert judged.reasons == ("1 of 3 checks could not be made by this machine (local_error)",)
    assert judged.limits[0].value == 1.0


def test_limits_broken_on_the_remaining_checks_fail_all_the_same() -> None:
    judged = verdict(measured(count=3), "open", "local_error", "timeout")

    assert judged.status == "failed"
    assert judged.reasons == ("success 50.00 % (1 of 2), allowed >= 100 %",)
    assert judged.notes == ("1 of 3 checks could not be made by this machine (local_error)",)


def test_samples_that_this_machine_kept_from_a_metric_do_not_speak_against_the_target() -> None:
    judged = verdict(measured("stdev < 5ms", count=2), "open", "local_error")

    assert judged.status == "inconclusive"
    assert judged.reasons[1] == "stdev no samples, allowed < 5 ms"


def test_a_closed_endpoint_fails_or_stays_open_to_doubt_beside_local_errors() -> None:
    assert verdict(CLOSED, *["refused"] * 19, "local_error").status == "inconclusive"
    assert verdict(CLOSED, *["open"] * 19, "local_error").status == "failed"
    assert verdict(CLOSED, *["dns_failed"] * 19, "local_error").status == "failed"
    assert verdict(REACHED_CLOSED, "dns_failed", "local_error").status == "inconclusive"
    assert verdict(REACHED_CLOSED, "reset", "local_error").status == "failed"


def test_a_try_that_this_machine_could_not_make_is_not_held_against_the_target() -> None:
    assert verdict(REACHED, "timeout", "local_error").status == "inconclusive"
    assert verdict(REACHED, "local_error", "open").status == "passed"


@pytest.mark.parametrize("endpoint", [measured(count=2), CLOSED, REACHED, REACHED_CLOSED, measured("errors <= 5")])
def test_without_a_judged_check_nothing_passes(endpoint: Endpoint) -> None:
    for complete in (True, False):
        assert verdict(endpoint, complete=complete).status == "inconclusive"
        assert verdict(endpoint, "local_error", "local_error", complete=complete).status == "inconclusive"
    assert verdict(endpoint).reasons == ("no check was recorded",)


def test_an_interrupted_run_is_inconclusive_whatever_the_limits_say() -> None:
    kept = verdict(measured(count=40), *["open"] * 12, complete=False)
    broken = verdict(measured(count=40), *["timeout"] * 12, complete=False)

    assert kept.status == broken.status == "inconclusive"
    assert kept.reasons == broken.reasons == ("interrupted: 12 of 40 checks were made",)
    assert [result.ok for result in kept.limits + broken.limits] == [True, False]


def test_an_interrupted_reach_says_how_many_tries_there_would_have_been() -> None:
    assert verdict(REACHED, "timeout", complete=False).reasons == ("interrupted after 1 of at most 3 tries",)


def test_what_was_reached_before_an_interrupt_was_reached() -> None:
    assert verdict(REACHED, "open", complete=False).status == "passed"


def test_planned_checks_that_were_left_out_are_noted() -> None:
    assert verdict(measured(count=4), "open", "open").notes == ("only 2 of 4 checks were made",)


@given(
    st.lists(st.sampled_from(["open", "timeout", "refused", "reset", "dns_failed", "local_error"]), max_size=8),
    st.sampled_from([measured(), measured("p95 < 5ms", "success >= 50%"), CLOSED, REACHED, REACHED_CLOSED]),
    st.booleans(),
)
@pytest.mark.fault("fuzzing", "any outcomes: verdicts", "a reason wherever it does not pass")
def test_a_verdict_always_explains_itself(names: list[str], endpoint: Endpoint, complete: bool) -> None:
    judged = verdict(endpoint, *names, complete=complete)

    assert (judged.status == "passed") == (judged.reasons == ())
    assert all(text.isprintable() for text in judged.reasons + judged.notes)
    if judged.status == "passed":
        assert not judged.broken
        assert {*names} - {"local_error"}


def staged(check: int, proxy_ms: float | None = None, tls_ms: float | None = None, **more: object) -> Sample:
    return sample_of(check, proxy_ms=proxy_ms, tls_ms=tls_ms, **more)


def test_limits_on_stages_speak_of_them() -> None:
    statistics = statistics_of([staged(1, 5.0, 20.0), staged(2, 7.0, 40.0)])

    values = {text: metric_value(parse_limit(text).metric, statistics) for text in (
        "max < 1s", "tls.max < 1s", "tls.jitter < 1s", "proxy.avg < 1s", "total.min < 1s", "total.max < 1s"
    )}  # fmt: skip

    assert [*values.values()] == [10.0, 40.0, 20.0, 6.0, 35.0, 57.0]


def test_the_total_of_a_plain_connect_is_the_connect() -> None:
    statistics = outcomes("open", "open")

    assert statistics.total is statistics.connect
    assert metric_value(parse_limit("tls.max < 1s").metric, statistics) is None


@pytest.mark.parametrize(
    ("seconds", "status", "reasons"),
    [
        ([20 * 86_400, 15 * 86_400], "passed", ()),
        ([20 * 86_400, 276_480], "failed", ("certificate expires in 3.2 d, allowed >= 14 d",)),
        ([-86_400], "failed", ("certificate expired 1 d ago, allowed >= 14 d",)),
        ([None], "failed", ("cert.expires_in no samples, allowed >= 14 d",)),
    ],
)
def test_a_certificate_is_judged_by_the_least_time_that_it_had(
    seconds: list[int | None], status: str, reasons: tuple[str, ...]
) -> None:
    samples = [staged(check, cert_expires_s=left_s) for check, left_s in enumerate(seconds, 1)]

    judged = judge(measured("cert.expires_in >= 14d"), statistics_of(samples), complete=True)

    assert (judged.status, judged.reasons) == (status, reasons)


def test_an_expired_certificate_is_known_though_its_check_failed() -> None:
    statistics = statistics_of([staged(1, outcome="tls_expired", cert_expires_s=-60)])

    assert metric_value(parse_limit("cert.expires_in >= 1d").metric, statistics) == -60


@pytest.mark.parametrize("name", ["closed_at_once", "tls_verify", "tls_timeout"])
def test_what_was_open_once_fails_what_must_be_closed(name: str) -> None:
    assert verdict(REACHED_CLOSED, name).reasons == (f"{name} in 1 of 1 check, expected closed",)
    assert verdict(REACHED_CLOSED, name, "refused").status == "failed"


@pytest.mark.parametrize("name", ["proxy_refused", "proxy_denied", "proxy_timeout"])
def test_a_proxy_that_makes_no_tunnel_proves_nothing_closed(name: str) -> None:
    judged = verdict(REACHED_CLOSED, name)

    assert judged.reasons == (f"{name} in 1 of 1 check proves nothing, expected refused, timeout or prohibited",)
