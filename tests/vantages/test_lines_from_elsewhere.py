"""Lines from another place: taken only if they are about what it was asked for, their times put on the clock here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.prober.protocol import sealed
from pytest_netmon.prober.samplefile import SampleFile
from pytest_netmon.rates import most_samples, most_seconds, rates_by_vantage
from pytest_netmon.relay.lines import MOST_REMARKS, Lines, LinesError
from pytest_netmon.sample_lines import decode_line
from pytest_netmon.samples import Sample, Warning_
from pytest_netmon.waits import Wait

OPEN = b'[3,1,500,"open",40,90,null,40,0,"127.0.0.1",null]\n'


def lines_of(*indexes: int) -> Lines:
    return Lines("app", frozenset(indexes))


def event(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"


def test_a_sample_is_moved_to_the_clock_here() -> None:
    lines = lines_of(3)
    lines.shift_us = 1_000
    (line,) = lines.take(OPEN)
    sample = decode_line(sealed(line))
    assert isinstance(sample, Sample)
    assert (sample.start_us, sample.connect_ms, sample.address) == (1_500, 0.04, "127.0.0.1")


def test_no_time_is_before_the_start_of_the_campaign() -> None:
    lines = lines_of(3)
    lines.shift_us = -10_000
    (line,) = lines.take(OPEN)
    assert line.startswith(b"[3,1,0,")


@pytest.mark.parametrize(
    "batch",
    [
        OPEN.replace(b"[3,", b"[4,"),
        OPEN.replace(b"40,90", b"-40,90"),
        OPEN.replace(b'"open"', b'"refused"'),
        OPEN.replace(b"500", b"5e2"),
        OPEN.rstrip(b"\n"),
        OPEN[:20] + b"\n",
        b"[]\n",
        b"hello\n",
        b'"done"\n',
        b"\xff\xfe\n",
        event(event="done", endpoint=4),
        event(event="near", endpoint=4, connect_us=1),
        event(event="waited", endpoint=4),
        event(event="lost", samples=-1, text="x"),
        event(event="address", host="db", old="x", new=[]),
        event(event="gap", length_us="x", missed=1),
        event(event="lateness"),
        event(netmon=1, started_unix_us=0, context={}),
    ],
)
def test_what_no_prober_sends_is_refused(batch: bytes) -> None:
    with pytest.raises(LinesError):
        list(lines_of(3).take(batch))


def test_no_more_samples_are_taken_than_were_asked_for() -> None:
    lines = Lines("app", frozenset([3]), 2)
    assert len(list(lines.take(OPEN * 2))) == 2
    with pytest.raises(LinesError, match="more samples than it was asked for"):
        list(lines.take(OPEN))


def test_it_can_neither_end_the_recording_nor_speak_for_another_place() -> None:
    lines = lines_of(3)
    vantage = event(event="vantage", name="other", state="lost", text="x")
    late = event(event="lateness", starts=9, median_us=9_000, p99_us=80_000, max_us=90_000)
    assert list(lines.take(event(event="end", reason="complete") + vantage + late)) == []
    assert lines.end_reason == "complete"


def test_how_late_its_clock_was_is_told_where_only_that_clock_timed_a_check() -> None:
    late = event(event="lateness", starts=9, median_us=9_000, p99_us=80_000, max_us=90_000)
    by_clock = OPEN.replace(b"40,90,null,40,0,", b"90,90,null,null,null,")
    assert list(lines_of(3).take(OPEN + late)) == [OPEN]
    _, told = lines_of(3).take(by_clock + late)
    assert b"from app: connect times are those of the checker's own clock" in told
    assert b"80.0 ms (p99)" in told
    assert list(lines_of(3).take(by_clock + late.replace(b"80000", b"800"))) == [by_clock]


def test_what_it_remarks_is_told_with_its_name_harmless_and_not_without_end() -> None:
    lines = lines_of(3)
    told = [decode_line(sealed(line)) for line in lines.take(event(event="warning", text="\x1b[31mred") * 100)]
    assert len(told) == MOST_REMARKS
    assert told[0] == Warning_("from app: \\x1b[31mred")
    assert isinstance(told[-1], Warning_)
    assert told[-1].text.endswith("further remarks from there are left out")
    (gap,) = lines_of().take(event(event="gap", at_us=1, length_us=2_100_000, cause="stalled", missed=3))
    assert b"from app: the checker there stood still for 2.1 s: 3 checks left out" in gap


@settings(max_examples=40, deadline=None)
@given(
    st.binary()
    | st.builds(
        lambda rows: b"".join(json.dumps(row).encode() + b"\n" for row in rows),
        st.lists(
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                lambda each: (
                    st.lists(each)
                    | (st.dictionaries(st.sampled_from(["event", "endpoint", "text", "netmon"]) | st.text(), each))
                ),
            )
        ),
    )
)
def test_any_bytes_are_taken_or_refused(batch: bytes) -> None:
    try:
        taken = list(lines_of(3).take(batch))
    except LinesError:
        return
    for line in taken:
        decode_line(sealed(line))


@pytest.mark.fault(
    "vantages",
    "a disk takes half a line of one of two writers",
    "whole lines of both",
)
def test_two_writers_keep_lines_whole_where_a_disk_takes_half_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "samples")
    first = SampleFile(path, {"netmon": 1}, shared=True)
    second = SampleFile(path, None, shared=True)
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[: len(data) - 7]))
    first.sample(OPEN)
    first.sample(OPEN.replace(b"[3,", b"[4,"))
    first.flush(1)
    monkeypatch.setattr(os, "write", real)
    second.sample(OPEN.replace(b"[3,", b"[5,"))
    second.flush(1)
    assert first.close()
    assert second.close()
    lines = Path(path).read_bytes().splitlines(keepends=True)[1:]
    assert [line[:3] for line in lines] == [b"[3,", b"[5,", b"[4,"]
    for line in lines:
        decode_line(line)


@pytest.mark.fault(
    "vantages",
    "one of two writers is stopped while it writes",
    "the other goes on",
)
def test_a_writer_that_was_stopped_in_mid_line_holds_up_no_other(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = str(tmp_path / "samples")
    file = SampleFile(path, {"netmon": 1}, shared=True)
    with open(path, "ab") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        file.sample(OPEN)
        file.flush(1)
        assert Path(path).read_bytes().count(b"\n") == 1
    file.flush(2)
    assert file.close()
    assert Path(path).read_bytes().count(b"\n") == 2


def plan_of(*endpoints: Endpoint, **settings: float) -> Plan:
    return Plan(endpoints=list(endpoints), **settings)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["local", "app", "node"]), st.sampled_from(["a", "b", "c"]), st.floats(0.1, 100.0)),
        min_size=1,
        max_size=20,
    )
)
def test_shares_of_the_rates_never_come_to_more_than_the_rates(shares: list[tuple[str, str, float]]) -> None:
    endpoints = [
        Endpoint(host=host, port=number + 1, vantage=vantage, measured=True, count=5, interval_s=interval_s)
        for number, (vantage, host, interval_s) in enumerate(shares)
    ]
    plan = plan_of(*endpoints, max_rate=1000.0, max_rate_per_host=300.0)
    rates = rates_by_vantage(plan, range(len(endpoints)))
    assert sum(each.max_rate for each in rates.values()) <= 1000.0 * 1.001
    for host in "abc":
        at = {vantage for vantage, name, _ in shares if name == host}
        given_rates = [rates[vantage].host_rates.get(host, 300.0) for vantage in at]
        assert sum(given_rates) <= 300.0 * 1.001
    for vantage, each in rates.items():
        sustained = sum(1 / endpoint.interval_s for endpoint in endpoints if endpoint.vantage == vantage)
        assert each.max_rate >= sustained * 0.999


def test_checks_without_end_are_given_all_the_time_there_is() -> None:
    endpoint = Endpoint(host="a", port=1, vantage="app", measured=True, watched=True, count=None)
    (rates,) = rates_by_vantage(plan_of(endpoint), [0]).values()
    assert most_seconds([endpoint], rates) is None
    finite = Endpoint(host="a", port=1, vantage="app", measured=True, count=100, interval_s=1.0)
    most_s = most_seconds([finite], rates)
    assert most_s is not None
    assert most_s > 200
    assert most_samples([endpoint]) is None
    waiting = Endpoint(host="a", port=1, vantage="app", wait=Wait(60.0, 0.25, 2), count=3)
    assert most_samples([finite, waiting]) == 100 + 3 + 240 + 3
