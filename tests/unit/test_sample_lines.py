"""The sample file is read strictly: a value is what a prober wrote, or there is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.prober.protocol import is_sealed, sealed
from pytest_netmon.sample_lines import MOST_LINE_BYTES, MOST_SAMPLE_BYTES, SampleFileError, decode_line
from pytest_netmon.samples import AddressChange, Attempt, Done, End, Gap, Header, Lost, Sample, Warning_

FULL_DETAIL = {
    "errno": "EHOSTUNREACH",
    "icmp": [3, 13],
    "text": "No route to host",
    "attempts": [["2001:db8::1", "timeout", 250000], [None, "refused", 40]],
}
OPEN = [3, 17, 4250113, "open", 20013, 20101, 512, 20009, 0, "10.0.0.7", None]
FAILED = [0, 1, 0, "prohibited", None, 900, None, None, None, "10.0.0.7", FULL_DETAIL]
EVENTS = [
    {"netmon": 1, "started_unix_us": 1782000000000000, "context": {"plan": [1, 2]}},
    {"event": "done", "endpoint": 3},
    {"event": "gap", "at_us": 10, "length_us": 2000000, "cause": "stalled", "missed": 12},
    {"event": "address", "host": "db.internal", "old": ["10.0.0.1"], "new": ["10.0.0.2", "::1"]},
    {"event": "lost", "samples": 7, "text": "No space left on device"},
    {"event": "warning", "text": "descriptors are short"},
    {"event": "end", "reason": "complete"},
]
LINES = [OPEN, FAILED, *EVENTS]


def line_of(value: object) -> bytes:
    return sealed(json.dumps(value).encode() + b"\n")


def decoded(value: object) -> object:
    return decode_line(line_of(value))


def complaint(line: object) -> str:
    """What is said of a value, or of a line without its checksum and newline, when it comes sealed."""
    with pytest.raises(SampleFileError) as caught:
        decode_line(sealed(line + b"\n") if isinstance(line, bytes) else line_of(line))
    return str(caught.value)


def test_an_open_sample_has_its_times_in_milliseconds() -> None:
    assert decoded(OPEN) == Sample(
        endpoint=3,
        check=17,
        start_us=4250113,
        outcome="open",
        connect_ms=20.013,
        clock_ms=20.101,
        dns_ms=0.512,
        rtt_ms=20.009,
        syn_repeats=0,
        address="10.0.0.7",
    )


def test_a_failed_sample_keeps_what_the_system_said() -> None:
    assert decoded(FAILED) == Sample(
        endpoint=0,
        check=1,
        start_us=0,
        outcome="prohibited",
        clock_ms=0.9,
        address="10.0.0.7",
        errno="EHOSTUNREACH",
        icmp=(3, 13),
        message="No route to host",
        attempts=(Attempt("2001:db8::1", "timeout", 250.0), Attempt(None, "refused", 0.04)),
    )


def test_a_sample_keeps_the_times_of_its_stages_and_its_certificate() -> None:
    staged = decoded(changed(10, {"proxy_us": 1500, "tls_us": 20_250, "cert_expires_s": 86_400}))
    assert isinstance(staged, Sample)
    assert (staged.proxy_ms, staged.tls_ms, staged.cert_expires_s) == (1.5, 20.25, 86_400)

    expired = decoded([*FAILED[:3], "tls_expired", *FAILED[4:10], {"cert_expires_s": -1}])
    assert isinstance(expired, Sample)
    assert (expired.proxy_ms, expired.tls_ms, expired.cert_expires_s) == (None, None, -1)


def test_a_sample_ends_after_its_stages() -> None:
    sample = Sample(
        endpoint=0, check=1, start_us=1000, outcome="open", connect_ms=1.5, clock_ms=1.5, proxy_ms=2.0, tls_ms=4.25
    )

    assert sample.end_us == 1000 + 1500 + 2000 + 4250


def test_what_failed_was_timed_to_its_end() -> None:
    sample = Sample(endpoint=0, check=1, start_us=1000, outcome="tls_timeout", clock_ms=3000.0, proxy_ms=2.0)

    assert sample.end_us == 1000 + 3_000_000


def test_a_sample_ends_after_its_name_and_all_its_attempts() -> None:
    sample = Sample(
        endpoint=0,
        check=1,
        start_us=1000,
        outcome="open",
        connect_ms=1.5,
        clock_ms=1.5,
        dns_ms=2.25,
        attempts=(Attempt("::1", "timeout", 250.0),),
    )

    assert sample.end_us == 1000 + 1500 + 2250 + 250_000


def test_events_are_read_as_what_they_are() -> None:
    assert [decoded(event) for event in EVENTS] == [
        Header(1782000000000000, {"plan": [1, 2]}),
        Done(3),
        Gap(at_us=10, length_us=2000000, cause="stalled", missed=12),
        AddressChange("db.internal", ("10.0.0.1",), ("10.0.0.2", "::1")),
        Lost(7, "No space left on device"),
        Warning_("descriptors are short"),
        End("complete"),
    ]


def test_a_line_is_read_with_and_without_its_newline() -> None:
    line = line_of(OPEN)

    assert decode_line(line) == decode_line(line.rstrip())


@pytest.mark.parametrize("line", [b"", b"\n", b"7", b"null", b"[]", b"{}", json.dumps(OPEN).encode(), b"[3,17,4250"])
def test_a_line_without_its_checksum_is_refused(line: bytes) -> None:
    with pytest.raises(SampleFileError, match="checksum is missing or wrong"):
        decode_line(line)


@pytest.mark.parametrize("value", LINES)
@pytest.mark.fault("fuzzing", "any bit of a recorded line flips", "refused, never a wrong number")
def test_no_bit_of_a_line_can_be_flipped_unnoticed(value: object) -> None:
    line = line_of(value)[:-1]
    for bit in range(len(line) * 8):
        flipped = bytearray(line)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not is_sealed(bytes(flipped))


def test_a_redacted_address_change_names_no_host() -> None:
    change = decoded({"event": "address", "host": None, "old": [], "new": []})

    assert change == AddressChange(None, (), ())


def test_an_outcome_of_a_newer_version_is_kept_by_its_name() -> None:
    sample = decoded([0, 1, 0, "tls_expired", None, 5, None, None, None, None, None])

    assert isinstance(sample, Sample)
    assert sample.outcome == "tls_expired"


def changed(position: int, value: object, sample: list[object] = OPEN) -> list[object]:
    return [*sample[:position], value, *sample[position + 1 :]]


@pytest.mark.parametrize("position", [0, 1, 2, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("value", [True, False, -2, 1.5, 1e3, "1", [1], {}, 10**16, 10**30])
def test_what_is_no_number_is_no_measurement(position: int, value: object) -> None:
    assert "expected a whole number from" in complaint(changed(position, value))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_json_has_no_number_for_is_refused(text: str) -> None:
    assert complaint(json.dumps(OPEN).replace("20013", text).encode())
    assert complaint(json.dumps(EVENTS[0]).replace("1782000000000000", text).encode())


@pytest.mark.parametrize(("position", "value"), [(0, None), (1, None), (2, None), (1, -2), (8, 1001)])
def test_indexes_and_numbers_have_their_bounds(position: int, value: object) -> None:
    assert "expected a whole number from" in complaint(changed(position, value))


@pytest.mark.parametrize(
    "outcome", ["", "Open", "open ", "a" * 41, "<b>", "dns-failed", "timeout\n", None, 3, ["open"]]
)
def test_an_outcome_is_a_plain_name(outcome: object) -> None:
    assert complaint(changed(3, outcome, FAILED)) == "expected the name of an outcome"


def test_only_an_open_sample_has_a_connect_time() -> None:
    for sample in (changed(4, None), changed(3, "reset"), changed(3, "open", FAILED)):
        assert complaint(sample) == "a connect time belongs to an open sample, and to no other"


@pytest.mark.parametrize("address", ["", 7, True, ["::1"], "x" * 256])
def test_an_address_is_a_text_of_bounded_size(address: object) -> None:
    assert complaint(changed(9, address)) == "expected an address"


@pytest.mark.parametrize(
    "detail",
    [
        [],
        "x",
        7,
        {"errno": 111},
        {"errno": "EPERM\n"},
        {"errno": ""},
        {"icmp": [3]},
        {"icmp": [3, 256]},
        {"icmp": [3, True]},
        {"icmp": {"type": 3}},
        {"text": ["a"]},
        {"tls_us": -1},
        {"tls_us": 1.5},
        {"tls_us": 10**12 + 1},
        {"proxy_us": True},
        {"proxy_us": "12"},
        {"cert_expires_s": 0.5},
        {"cert_expires_s": -(10**12)},
        {"cert_expires_s": 10**12},
        {"attempts": None},
        {"attempts": {"a": 1}},
        {"attempts": ["a"]},
        {"attempts": [["::1", "refused"]]},
        {"attempts": [["::1", "refused", -1]]},
        {"attempts": [["::1", "Refused!", 1]]},
        {"attempts": [[7, "refused", 1]]},
    ],
)
def test_a_detail_of_another_shape_is_refused(detail: object) -> None:
    assert complaint(changed(10, detail)).startswith("expected")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not a line of JSON in UTF-8"),
        (b"\n", "not a line of JSON in UTF-8"),
        (b"[3,17,425011", "not a line of JSON in UTF-8"),
        (json.dumps(OPEN).encode()[:-3], "not a line of JSON in UTF-8"),
        (json.dumps(OPEN).encode() * 2, "not a line of JSON in UTF-8"),
        (b'{"event":"warning","text":"\xff"}', "not a line of JSON in UTF-8"),
        (b'{"netmon":1,"started_unix_us":1,"context":{"a":NaN}}', "not a line of JSON in UTF-8: NaN"),
        (b"\xff\xfe[\x001\x00]\x00", "not a line of JSON in UTF-8"),
        (json.dumps(OPEN).encode("utf-16"), "not a line of JSON in UTF-8"),
        (b"[" * 50_000, "nested too deeply"),
        (b"[3]", "expected 11 values in a sample, found 1"),
        ([*OPEN, 1], "expected 11 values in a sample, found 12"),
        ({"time": 3}, "expected one of the events"),
        ({"event": "bye"}, "expected one of the events"),
        ({"event": ["done"]}, "expected one of the events"),
        ({"event": "done"}, "expected a whole number"),
        ({"event": "end", "reason": "tired"}, "expected one of complete, stopped, orphaned"),
        ({"event": "end", "reason": []}, "expected one of complete, stopped, orphaned"),
        ({"event": "gap", "at_us": 1, "length_us": 1, "cause": 3, "missed": 0}, "expected a text for cause"),
        ({"event": "address", "host": "a", "old": None, "new": []}, "expected an array for old"),
        ({"netmon": 2, "started_unix_us": 1, "context": {}}, "expected a sample file of version 1"),
        ({"netmon": True, "started_unix_us": 1, "context": {}}, "expected a sample file of version 1"),
        ({"netmon": 1, "started_unix_us": 1}, "expected an object for context"),
        ({"netmon": 1, "started_unix_us": 10**18, "context": {}}, "expected a whole number"),
    ],
)
def test_a_line_that_no_prober_writes_is_refused_with_a_reason(line: object, reason: str) -> None:
    assert complaint(line).startswith(reason)


def test_the_size_of_a_line_is_bounded() -> None:
    assert "a sample of" in complaint(changed(10, {"text": "x" * MOST_SAMPLE_BYTES}))
    assert "a line of" in complaint(b'{"netmon": "' + b"x" * MOST_LINE_BYTES + b'"}')
    assert isinstance(decoded({**EVENTS[0], "context": {"plan": "x" * MOST_SAMPLE_BYTES}}), Header)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.booleans())
def test_anything_else_is_refused_in_the_same_way(line: bytes, seal: bool) -> None:
    try:
        decode_line(sealed(line + b"\n") if seal else line)
    except SampleFileError:
        pass


@given(st.sampled_from([json.dumps(line).encode() for line in LINES]), st.data())
@pytest.mark.fault("fuzzing", "lines made by hand, with a right checksum", "refused or well-formed")
def test_a_line_made_by_hand_is_refused_or_still_well_formed(line: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, min(start + 6, len(line))))
    damaged = line[:start] + data.draw(st.binary(max_size=4)) + line[end:]
    try:
        record = decode_line(sealed(damaged + b"\n"))
    except SampleFileError:
        return
    if isinstance(record, Sample):
        assert (record.connect_ms is not None) == (record.outcome == "open")
        assert type(record.check) is int
        assert record.check >= 1
        times = (record.connect_ms, record.clock_ms, record.dns_ms, record.rtt_ms)
        assert all(time is None or 0 <= time <= 1e9 for time in times)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(LINES), VALUES, st.data())
def test_a_value_of_another_type_is_refused_or_allowed_there(
    line: list[object] | dict[str, object], value: object, data: st.DataObject
) -> None:
    changed_line = line.copy()
    keys = range(len(line)) if isinstance(line, list) else sorted(line)
    changed_line[data.draw(st.sampled_from(keys))] = value  # type: ignore[index,call-overload]
    try:
        decode_line(line_of(changed_line))
    except SampleFileError:
        pass
