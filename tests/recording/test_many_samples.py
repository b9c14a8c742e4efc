"""More samples than places are kept for: they are found all the same, while the file grows and afterwards."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sealed_lines import line_of

from pytest_netmon import recording as recording_module
from pytest_netmon.recording import MOST_ADDRESS_CHANGES, MOST_GAPS, Recording
from pytest_netmon.sample_lines import SampleFileError

HEADER = line_of({"netmon": 1, "started_unix_us": 1, "context": {}})


def sample_line(endpoint: int, check: int) -> str:
    return line_of(f'[{endpoint},{check},{check},"open",40,90,null,40,0,"127.0.0.1",null]')


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    endpoints=st.lists(st.integers(0, 12), max_size=60),
    most=st.integers(1, 40),
    kept=st.integers(1, 40),
    events=st.sampled_from(["", line_of('{"event":"warning","text":"[1,2"}')]),
)
def test_every_sample_is_found_however_few_places_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoints: list[int], most: int, kept: int, events: str
) -> None:
    monkeypatch.setattr(recording_module, "MOST_PLACES", most)
    monkeypatch.setattr(recording_module, "MOST_KEPT_PLACES", kept)
    path = tmp_path / "samples.ndjson"
    path.write_text(HEADER)
    recording = Recording(path)
    written: dict[int, int] = {}
    for endpoint in endpoints:
        written[endpoint] = written.get(endpoint, 0) + 1
        with path.open("a") as file:
            file.write(events + sample_line(endpoint, written[endpoint]))
        recording.poll()
        assert [sample.check for sample in recording.of(endpoint)] == [*range(1, written[endpoint] + 1)]
    for endpoint in range(13):
        found = [*recording.of(endpoint)]
        assert [(sample.endpoint, sample.check) for sample in found] == [
            (endpoint, check) for check in range(1, written.get(endpoint, 0) + 1)
        ]
    recording.close()


def test_a_file_that_became_shorter_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "MOST_PLACES", 1)
    monkeypatch.setattr(recording_module, "MOST_KEPT_PLACES", 1)
    path = tmp_path / "samples.ndjson"
    path.write_text(HEADER + sample_line(0, 1) + sample_line(0, 2))
    recording = Recording(path)
    recording.poll()
    path.write_text(HEADER)

    with pytest.raises(SampleFileError, match="the file has changed since it was read"):
        list(recording.of(0))


def test_of_a_name_that_never_stays_only_the_latest_changes_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "samples.ndjson"
    changes = [
        line_of({"event": "address", "host": "db", "old": [f"10.0.{number >> 8}.{number & 255}"], "new": ["10.1.0.1"]})
        for number in range(MOST_ADDRESS_CHANGES + 5)
    ]
    path.write_text(HEADER + "".join(changes))
    recording = Recording(path)
    recording.poll()

    assert len(recording.address_changes) == MOST_ADDRESS_CHANGES
    assert recording.address_changes[-1].old == ("10.0.3.236",)


def test_lines_that_a_power_cut_damaged_are_passed_over_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "samples.ndjson"
    damaged = [
        sample_line(0, 2)[:9] + "\0" * 5000 + "\n",
        "\0" * 30 + sample_line(0, 3),
        sample_line(0, 4).replace("40", "41"),
    ]
    first = len(HEADER + sample_line(0, 1))
    path.write_text(HEADER + sample_line(0, 1) + "".join(damaged) + sample_line(0, 5) + sample_line(0, 6)[:20])
    with pytest.raises(SampleFileError, match=f"byte {first}"):
        Recording(path).poll()

    for most_places in (100, 1):
        monkeypatch.setattr(recording_module, "MOST_PLACES", most_places)
        monkeypatch.setattr(recording_module, "MOST_KEPT_PLACES", most_places)
        recording = Recording(path, salvage=True)
        recording.poll()
        assert [sample.check for sample in recording.of(0)] == [1, 5]
        assert recording.damage is not None
        assert recording.damage.startswith(
            f"3 lines of {path} cannot be read and are left out, the first at byte {first}:"
        )


def test_what_never_was_a_sample_file_is_not_salvaged(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello\n" * 5)
    with pytest.raises(SampleFileError, match="byte 0"):
        Recording(path, salvage=True).poll()
    path.write_text(HEADER + "hello\n" * (recording_module.MOST_DAMAGED + 1))
    with pytest.raises(SampleFileError, match="no line of a sample file"):
        Recording(path, salvage=True).poll()


def test_gaps_past_ten_thousand_are_one(tmp_path: Path) -> None:
    path = tmp_path / "samples.ndjson"
    gaps = [
        line_of({"event": "gap", "at_us": at * 100, "length_us": 10, "cause": "late", "missed": 1})
        for at in range(MOST_GAPS + 5)
    ]
    path.write_text(HEADER + "".join(gaps))
    recording = Recording(path)
    recording.poll()

    assert len(recording.gaps) == MOST_GAPS
    assert sum(gap.missed for gap in recording.gaps) == MOST_GAPS + 5
    assert recording.gaps[-1].length_us == 5 * 100 + 10


@given(st.lists(st.integers(1, 40), unique=True, max_size=12), st.sets(st.integers(0, 12)))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_endpoint_that_is_done_has_the_same_figures_also_where_more_samples_follow(
    tmp_path: Path, checks: list[int], ends: set[int]
) -> None:
    done, path = line_of('{"event":"done","endpoint":0}'), tmp_path / "samples.ndjson"
    lines = [(done if at in ends else "") + sample_line(0, check) for at, check in enumerate(checks)]
    found = []
    for text in ("".join(lines), "".join(line.removeprefix(done) for line in lines)):
        path.write_text(HEADER + text + sample_line(1, 1))
        recording = Recording(path)
        recording.poll()
        found.append((recording.statistics_of(0), recording.glance_of(0), recording.samples_of(0)))
        assert recording.glance_of(0) == recording.statistics_of(0).glance
    assert found[0] == found[1]


def test_where_nothing_was_recorded_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert list(Recording(tmp_path / "never-made").of(0)) == []


@pytest.mark.parametrize(("kept", "most_bytes"), [(10**9, 32), (1000, 2)])
def test_a_finished_sample_takes_a_few_bytes_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, most_bytes: int
) -> None:
    """Its line stays in the file: what is kept is where that stands, and of very many not even that."""
    monkeypatch.setattr(recording_module, "MOST_KEPT_PLACES", kept)
    path, count = tmp_path / "samples.ndjson", 10_000
    recording = Recording(path)

    def write(first: int) -> None:
        lines = (f'[0,{n},{n},"open",{n % 50},90,null,40,0,"127.0.0.1",null]' for n in range(first, first + count))
        with path.open("a") as file:
            file.writelines(map(line_of, lines))

    path.write_text(HEADER)
    write(1)
    recording.poll()
    write(count + 1)
    tracemalloc.start()
    try:
        recording.poll()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    recording.close()
    assert recording.checks == 2 * count
    assert grown / count <= most_bytes
