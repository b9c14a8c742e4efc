"""Limits: what may be written, what it means, what is said of a slip."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_netmon.limits import (
    PHASES,
    STATS,
    Limit,
    LimitError,
    holds,
    least_count,
    merge_limits,
    parse_limit,
    shown_limit,
    shown_measured,
    shown_validity,
    shown_value,
)
from pytest_netmon.outcomes import LOCAL_ERROR, OPEN, OUTCOMES


def limit(text: str) -> Limit:
    return parse_limit(text)


def complaint(text: str) -> LimitError:
    with pytest.raises(LimitError) as caught:
        parse_limit(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "name", "unit", "op", "value"),
    [
        ("success >= 99%", "success", "ratio", ">=", 0.99),
        ("success == 100 %", "success", "ratio", "==", 1.0),
        ("success >= 99.95%", "success", "ratio", ">=", 0.9995),
        ("p95 < 50ms", "connect.p95", "ms", "<", 50),
        ("p95<50ms", "connect.p95", "ms", "<", 50),
        ("  connect.p99.9   <=  1.5 s ", "connect.p99.9", "ms", "<=", 1500),
        ("p100 < .5ms", "connect.p100", "ms", "<", 0.5),
        ("p0.1 < 1ms", "connect.p0.1", "ms", "<", 1),
        ("dns.avg < 1m", "dns.avg", "ms", "<", 60_000),
        ("rtt.jitter <= 3ms", "rtt.jitter", "ms", "<=", 3),
        ("max > 0ms", "connect.max", "ms", ">", 0),
        ("total.median < 1s", "total.median", "ms", "<", 1000),
        ("errors <= 3", "errors", "count", "<=", 3),
        ("errors.refused == 0", "errors.refused", "count", "==", 0),
        ("errors.dns_timeout <= 1", "errors.dns_timeout", "count", "<=", 1),
        ("consecutive_failures < 2", "consecutive_failures", "count", "<", 2),
        ("outage <= 1.5m", "outage", "s", "<=", 90),
        ("outage <= 250ms", "outage", "s", "<=", 0.25),
        ("syn_repeats == 0", "syn_repeats", "count", "==", 0),
        ("cert.expires_in > 14d", "cert.expires_in", "s", ">", 14 * 86400),
    ],
)
def test_a_limit_is_read_in_the_unit_of_its_metric(text: str, name: str, unit: str, op: str, value: float) -> None:
    read = limit(text)

    assert (read.metric.name, read.metric.unit, read.op, read.value) == (name, unit, op, value)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("connect.p95<050.0 ms", "p95 < 50ms"),
        ("p95.0 < 1.50s", "p95 < 1.5s"),
        ("success>=100.0%", "success >= 100%"),
        ("errors<=007", "errors <= 7"),
        ("dns.p05 < .5 ms", "dns.p5 < 0.5ms"),
        ("p99.90 < 100ms", "p99.9 < 100ms"),
        ("p95 < 1500ms", "p95 < 1500ms"),
    ],
)
def test_the_text_of_a_limit_is_its_normal_form(written: str, normal: str) -> None:
    assert limit(written).text == normal


def test_the_same_metric_has_the_same_name_however_it_is_written() -> None:
    assert limit("p95 < 1ms").metric == limit("connect.p95.0 < 1ms").metric


def test_a_limit_remembers_where_it_came_from() -> None:
    assert parse_limit("p95 < 50ms", "option").origin == "option"


@pytest.mark.parametrize(
    ("text", "expected", "offset"),
    [
        ("", "expected a limit such as 'p95 < 50ms', found nothing", 0),
        ("p95 < 50", "expected a unit: write 50ms or 50s", 8),
        ("outage < 5", "expected a unit: write 5s or 5m", 10),
        ("success >= 99", "expected a unit: write 99%", 13),
        ("cert.expires_in > 14", "expected a unit: write 14d", 20),
        ("errors < 3%", "errors is a count and takes no unit, found '%'", 10),
        ("syn_repeats < 3ms", "syn_repeats is a count and takes no unit, found 'ms'", 15),
        ("errors <= 1.5", "expected a whole number such as 0 or 3 for errors, found '1.5'", 10),
        ("errors <= -1", "expected a whole number such as 0 or 3 for errors, found '-1'", 10),
        ("p95 < -5ms", "expected a duration such as 50ms or 1.5s for p95, found '-5ms'", 6),
        ("p95 < fast", "expected a duration such as 50ms or 1.5s for p95, found 'fast'", 6),
        ("p95 <", "expected a duration such as 50ms or 1.5s for p95, found nothing", 5),
        ("success >= 101%", "expected a percentage from 0% to 100%, found '101%'", 11),
        ("success >= 99ms", "expected the unit % for success, found 'ms'", 13),
        ("p95 < 50%", "expected one of the units ms, s, m, h, d for p95, found '%'", 8),
        ("p0 < 5ms", "expected a percentile above p0 and up to p100, found 'p0'", 0),
        ("dns.p101 < 5ms", "expected a percentile above p0 and up to p100, found 'p101'", 4),
        ("p95 below 50ms", "expected one of < <= > >= == after 'p95', found 'below 50ms'", 4),
        ("p95 != 50ms", "expected one of < <= > >= == after 'p95', found '!='", 4),
        ("dns < 50ms", "expected a statistic of dns, such as dns.p95", 0),
        ("success.p95 < 50ms", "expected success alone, found 'success.p95'", 0),
        ("connect.success > 1%", "success takes no phase: leave 'connect.' out", 0),
        ("dns.errors.timeout == 0", "errors takes no phase: leave 'dns.' out", 0),
        ("errors.local_error == 0", "local_error is this machine's own fault, left out of all limits", 7),
        ("errors < 0", "'errors < 0' can never hold", 7),
        ("p95 < 0ms", "'p95 < 0ms' can never hold", 4),
        ("success > 100%", "'success > 100%' can never hold", 8),
    ],
)
def test_a_slip_is_told_with_what_was_expected_and_where(text: str, expected: str, offset: int) -> None:
    error = complaint(text)

    assert (str(error), error.offset) == (expected, offset)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("succes >= 99%", "success"),
        ("consecutive_failure < 3", "consecutive_failures"),
        ("medain < 5ms", "median"),
        ("mean < 5ms", "avg"),
        ("stddev < 5ms", "stdev"),
        ("conect.p95 < 5ms", "connect.p95"),
        ("dns.averge < 5ms", "avg"),
        ("error.refused == 0", "errors.refused"),
        ("errors.refusd == 0", "refused"),
        ("cert.expires > 14d", "cert.expires_in"),
        ("p95 =< 5ms", "<="),
        ("p95 ≤ 5ms", "<="),
        ("success = 100%", "=="),
        ("p95 < 5msec", "ms"),
        ("p95 < 5MS", "ms"),
        ("outage < 5 minutes", "m"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_one_that_was_meant(text: str, meant: str) -> None:
    assert str(complaint(text)).endswith(f"(did you mean {meant}?)")


def test_a_certificate_may_have_expired_so_its_time_left_may_be_below_zero() -> None:
    assert limit("cert.expires_in < 0d").value == 0


def test_an_open_check_is_no_error_to_limit() -> None:
    assert "found 'open'" in str(complaint("errors.open == 0"))


def test_a_complaint_shows_hostile_text_escaped_and_short() -> None:
    message = str(complaint("p95\x1b]0;pwned\x07 < 5ms"))

    assert message.isprintable()
    assert len(str(complaint("x" * 199))) < 200
    assert "found 5000 characters" in str(complaint("x" * 5000))


@example(".0\x1b")
@given(st.text(max_size=60) | st.from_regex(r"[a-z0-9.]{0,8} ?[<>=]{0,3} ?[0-9.]{0,5}[a-z%]{0,3}", fullmatch=True))
@pytest.mark.fault("fuzzing", "any text as a limit", "a limit or a printable complaint")
def test_any_text_is_a_limit_or_a_printable_complaint(text: str) -> None:
    refused = None
    try:
        assert 0 <= parse_limit(text).value < math.inf
    except LimitError as error:
        refused = error

    assert refused is None or str(refused).isprintable()
    assert refused is None or 0 <= refused.offset <= len(text)


PERCENTILES = st.decimals(min_value="0.01", max_value=100, places=2).map(lambda p: f"p{p}")
TIMINGS = st.builds(
    "{}.{} {} {}{}".format,
    st.sampled_from(PHASES),
    st.sampled_from(STATS) | PERCENTILES,
    st.sampled_from(["<=", ">", ">=", "=="]),
    st.decimals(min_value=0, max_value=10**6, places=3),
    st.sampled_from(["ms", "s", "m", "h", "d"]),
)
COUNTS = st.builds(
    "{} {} {}".format,
    st.sampled_from(["errors", "errors.timeout", "consecutive_failures", "syn_repeats"]),
    st.sampled_from(["<=", ">", ">=", "=="]),
    st.integers(0, 10**9),
)
RATES = st.builds("success >= {}%".format, st.decimals(min_value=0, max_value=100, places=4))


@given(TIMINGS | COUNTS | RATES)
def test_the_normal_form_says_the_same_again(text: str) -> None:
    first = parse_limit(text)

    assert parse_limit(first.text) == first


@given(st.integers(0, 10**6), st.integers(1, 10**6))
@pytest.mark.fault("fuzzing", "any times and rates against a limit", "compared exactly: no rounding decides a verdict")
def test_a_rate_is_compared_as_an_exact_fraction(successful: int, ten_thousandths: int) -> None:
    """Against integers: successful/n >= L/10000 exactly when successful * 10000 >= L * n."""
    for checks in (successful or 1, successful + 1, 3 * successful + 7):
        allowed = ten_thousandths % 10_001
        written = parse_limit(f"success >= {allowed // 100}.{allowed % 100:02}%")

        assert holds(written, successful / checks) == (successful * 10_000 >= allowed * checks)


def test_a_rate_that_is_just_what_is_allowed_is_allowed() -> None:
    for hundredths in range(10_001):
        written = parse_limit(f"success >= {hundredths // 100}.{hundredths % 100:02}%")

        assert holds(written, hundredths / 10_000), written.text


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 999))
@pytest.mark.fault("fuzzing", "any times and rates against a limit", "compared exactly: no rounding decides a verdict")
def test_a_time_is_compared_to_the_microsecond(total_us: int, allowed_us: int, count: int) -> None:
    written = parse_limit(f"avg <= {allowed_us // 1000}.{allowed_us % 1000:03}ms")

    assert holds(written, total_us / (count * 1000)) == (total_us <= allowed_us * count)


@pytest.mark.parametrize(("op", "below", "equal", "above"), [
    ("<", True, False, False),
    ("<=", True, True, False),
    ("==", False, True, False),
    (">=", False, True, True),
    (">", False, False, True),
])  # fmt: skip
def test_each_operator_holds_where_it_should(op: str, below: bool, equal: bool, above: bool) -> None:
    written = limit(f"p95 {op} 0.3ms")

    assert (holds(written, 0.299), holds(written, 0.3), holds(written, 0.301)) == (below, equal, above)


@pytest.mark.parametrize(("text", "least"), [
    ("p50 < 1ms", 2),
    ("p90 < 1ms", 10),
    ("p95 < 1ms", 20),
    ("p99 < 1ms", 100),
    ("p99.9 < 1ms", 1000),
    ("p100 < 1ms", None),
    ("max < 1ms", None),
    ("median < 1ms", None),
    ("success >= 99%", None),
    ("stdev < 1ms", 2),
    ("dns.jitter < 1ms", 2),
])  # fmt: skip
def test_the_least_count_that_gives_a_metric_a_meaning(text: str, least: int | None) -> None:
    assert least_count(limit(text)) == least


@given(st.integers(1, 999))
def test_the_least_count_is_the_first_whose_rank_is_not_the_last(tenths: int) -> None:
    least = least_count(limit(f"p{tenths // 10}.{tenths % 10} < 1ms"))
    ranks_below_the_last = (n for n in itertools.count(1) if -(-tenths * n // 1000) < n)

    assert least == next(ranks_below_the_last)


def merged(inherited: str, own: str) -> list[str]:
    def read(texts: str) -> tuple[Limit, ...]:
        return tuple(limit(text) for text in texts.split(",") if text)

    return [each.text for each in merge_limits(read(inherited), read(own))]


@pytest.mark.parametrize(("inherited", "own", "in_force"), [
    ("p95 < 50ms", "p95 < 80ms", ["p95 < 80ms"]),
    ("p95 < 50ms", "connect.p95 <= 80ms", ["p95 <= 80ms"]),
    ("p95 < 50ms", "p95 > 1ms", ["p95 < 50ms", "p95 > 1ms"]),
    ("p95 < 50ms", "p99 < 80ms", ["p95 < 50ms", "p99 < 80ms"]),
    ("p95 < 50ms", "dns.p95 < 80ms", ["p95 < 50ms", "dns.p95 < 80ms"]),
    ("errors > 0,errors < 9", "errors == 3", ["errors == 3"]),
    ("errors == 3", "errors < 9", ["errors < 9"]),
    ("success >= 99%,p95 < 5ms,max < 9ms", "p95 < 1ms", ["success >= 99%", "max < 9ms", "p95 < 1ms"]),
    ("", "p95 < 5ms,p95 < 4ms", ["p95 < 5ms", "p95 < 4ms"]),
    ("p95 < 5ms,p95 < 4ms", "", ["p95 < 5ms", "p95 < 4ms"]),
])  # fmt: skip
def test_an_own_limit_replaces_the_inherited_of_its_metric_and_direction(
    inherited: str, own: str, in_force: list[str]
) -> None:
    assert merged(inherited, own) == in_force


@pytest.mark.parametrize(("text", "value", "shown"), [
    ("success >= 99%", 0.925, "92.50 %"),
    ("success >= 99%", 1.0, "100.00 %"),
    ("success >= 99%", 0.0, "0.00 %"),
    ("success >= 99%", 0.999999, "99.9999 %"),
    ("success >= 99%", 0.000001, "0.0001 %"),
    ("p95 < 50ms", 1034.2, "1034.20 ms"),
    ("errors < 5", 3, "3"),
    ("outage < 5s", 12.5, "12.5 s"),
    ("outage < 5s", 30.0, "30 s"),
    ("outage < 5s", 0.256, "0.26 s"),
    ("p95 < 50ms", None, "no samples"),
    ("cert.expires_in >= 14d", 3.2 * 86_400, "3.2 d"),
    ("cert.expires_in >= 14d", -2.5 * 86_400, "-2.5 d"),
    ("cert.expires_in >= 14d", 5 * 3_600, "5 h"),
    ("cert.expires_in >= 14d", -90, "-1.5 m"),
    ("cert.expires_in >= 14d", 0, "0 s"),
])  # fmt: skip
def test_a_measured_value_is_shown_for_people(text: str, value: float | None, shown: str) -> None:
    assert shown_value(limit(text).metric, value) == shown


@pytest.mark.parametrize(("text", "value", "shown"), [
    ("p95 < 50ms", 1034.2, "1034.20 ms"),
    ("max <= 50ms", 50.001, "50.001 ms"),
    ("max < 50ms", 50.0, "50.00 ms"),
    ("success >= 99%", 0.98999, "98.999 %"),
    ("success >= 100%", 0.999999, "99.9999 %"),
    ("outage <= 5s", 5.001, "5.001 s"),
    ("cert.expires_in >= 14d", 14 * 86_400 - 1, "13.99999 d"),
    ("cert.expires_in >= 14d", 3.2 * 86_400, "3.2 d"),
    ("p95 < 50ms", None, "no samples"),
])  # fmt: skip
def test_a_breach_is_never_rounded_away(text: str, value: float | None, shown: str) -> None:
    assert shown_measured(limit(text), value) == shown


@pytest.mark.parametrize(("text", "shown"), [
    ("success >= 99%", ">= 99 %"),
    ("p95 < 50ms", "< 50 ms"),
    ("errors.refused == 0", "== 0"),
    ("outage <= 1.5m", "<= 1.5 m"),
])  # fmt: skip
def test_what_is_allowed_is_shown_with_a_space_before_its_unit(text: str, shown: str) -> None:
    assert shown_limit(limit(text)) == shown


def test_every_failing_outcome_can_be_limited() -> None:
    for name in OUTCOMES.keys() - {OPEN, LOCAL_ERROR}:
        assert limit(f"errors.{name} == 0").metric.outcome == name


@pytest.mark.parametrize(("seconds", "told"), [
    (3.2 * 86_400, "expires in 3.2 d"), (-2 * 86_400, "expired 2 d ago"), (-90, "expired 1.5 m ago"),
])  # fmt: skip
def test_a_certificate_that_has_expired_is_told_so(seconds: float, told: str) -> None:
    assert shown_validity(seconds) == told
