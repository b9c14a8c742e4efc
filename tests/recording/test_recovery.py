"""A sample file left by an interrupted run gives back every sample in it, judged by its own plan."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sealed_lines import line_of
from servers import Servers

from pytest_netmon.campaign import Campaign
from pytest_netmon.judging import recover
from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import PlanRecordError, plan_of, record_of
from pytest_netmon.problems import Source
from pytest_netmon.recording import Recording, in_check_order
from pytest_netmon.run import Run
from pytest_netmon.sample_lines import SampleFileError
from pytest_netmon.samples import Sample

PLAN = Plan(
    endpoints=[
        Endpoint(host="db.internal", port=5432, source=Source("netmon.yaml", 3, 5)),
        Endpoint(
            host="10.0.0.1", port=22, name="bastion", measured=True, count=40, interval_s=0.1, redact=True,
            limits=(parse_limit("p95 < 50ms", "option"), parse_limit("success >= 99%")),
        ),
        Endpoint(host="::1", port=80, expect="closed", skip="not yet", xfail="firewall"),
    ],
    files=("netmon.yaml",),
    warnings=["one"],
)  # fmt: skip


def test_a_plan_is_kept_whole_but_for_the_host_of_a_redacted_endpoint() -> None:
    kept = plan_of(record_of(PLAN))
    assert kept.endpoints[0] == PLAN.endpoints[0]
    assert kept.endpoints[1] == dataclasses.replace(PLAN.endpoints[1], host="bastion")
    assert kept.endpoints[2] == PLAN.endpoints[2]
    assert (kept.files, kept.warnings, kept.max_rate) == (PLAN.files, PLAN.warnings, PLAN.max_rate)


def test_a_plan_of_an_older_version_is_read_without_what_that_did_not_know() -> None:
    record: dict[str, Any] = record_of(PLAN)
    for endpoint in record["endpoints"]:
        for name in ("warn", "tags", "warmup", "close", "watched", "wait"):
            del endpoint[name]
    (first, _, _) = plan_of(record).endpoints

    assert first == PLAN.endpoints[0]


@pytest.mark.parametrize("record", [None, 3, [], {}, {"endpoints": [1], "files": []}, {"endpoints": [{}], "files": []}])
def test_what_is_no_plan_is_said_so(record: object) -> None:
    with pytest.raises(PlanRecordError, match="no plan is kept in it"):
        plan_of(record)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Path]]:
    """A finished run of two endpoints, and a copy of its sample file."""
    path = tmp_path_factory.mktemp("run") / "samples.ndjson"
    with Servers() as servers:
        server, closed = servers.open(), servers.closed()
        plan = Plan(
            endpoints=[
                Endpoint(host=server.host, port=server.port, measured=True, count=20, interval_s=0.002),
                Endpoint(host=closed.host, port=closed.port),
            ]
        )
        campaign = Campaign(plan, [0, 1], sample_file=path)
        campaign.start()
        campaign.wait_all()
        yield campaign.run(), path
        campaign.close()


def test_a_whole_sample_file_gives_back_the_run_as_it_was(recorded: tuple[Run, Path]) -> None:
    run, path = recorded
    again = recover(path)
    assert [result.statistics for result in again.results] == [result.statistics for result in run.results]
    assert [result.verdict for result in again.results] == [result.verdict for result in run.results]
    assert [result.samples for result in again.results] == [result.samples for result in run.results]
    assert again.started_at == run.started_at
    assert not again.partial


def test_a_header_is_read_as_far_as_its_reader_asks_for_it(recorded: tuple[Run, Path]) -> None:
    _, path = recorded
    whole, start = Recording(path), Recording(path, with_context=False)
    assert whole.poll() == start.poll() > 0
    assert whole.header is not None
    assert set(whole.header.context) == {"plan", "selected", "machine"}
    assert start.header == dataclasses.replace(whole.header, context={})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
@pytest.mark.fault("fuzzing", "a sample file cut off anywhere", "every whole line comes back, marked partial")
def test_a_cut_off_sample_file_gives_back_every_whole_line(
    recorded: tuple[Run, Path], tmp_path: Path, share: float
) -> None:
    _, path = recorded
    data = path.read_bytes()
    cut = tmp_path / "cut.ndjson"
    cut.write_bytes(data[: round(len(data) * share)])
    lines = cut.read_bytes().split(b"\n")[:-1]
    if not lines:
        with pytest.raises(SampleFileError, match="first line of a sample file"):
            recover(cut)
        return
    again = recover(cut)
    assert sum(len(result.samples) for result in again.results) == sum(line.startswith(b"[") for line in lines)
    assert again.partial == (sum(b'"done"' in line for line in lines) < 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.fault(
    "fuzzing",
    "a sample file with bits flipped, bytes removed, put in, doubled",
    "a clear error, or samples that were measured",
)
def test_of_a_damaged_sample_file_no_wrong_number_is_taken(
    recorded: tuple[Run, Path], tmp_path: Path, data: st.DataObject
) -> None:
    """Bits flipped, bytes overwritten, removed and put in, pieces doubled: an error that names the file, or, where it
    is to be salvaged, samples that were measured, with a word about the rest."""
    run, path = recorded
    damaged = tmp_path / "damaged.ndjson"
    content = bytearray(path.read_bytes())
    # Mostly one piece of damage, mostly behind the header: without that nothing can be read.
    first = data.draw(st.sampled_from([content.index(b"\n")] * 7 + [0]))
    for _ in range(data.draw(st.sampled_from([1, 1, 1, 2, 4]))):
        place = data.draw(st.integers(min(first, len(content) - 1), len(content) - 1))
        how = data.draw(st.sampled_from(["flip", "write", "remove", "insert", "double"]))
        end = min(len(content), place + data.draw(st.integers(1, 600)))
        if how == "flip":
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "write":
            content[place] = data.draw(st.integers(0, 255))
        elif how == "remove":
            del content[place:end]
        elif how == "insert":
            content[place:place] = data.draw(st.binary(min_size=1, max_size=9))
        else:
            content[end:end] = content[place:end]
    damaged.write_bytes(bytes(content))
    measured = {result.index: {sample.check: sample for sample in result.samples} for result in run.results}
    for salvage in (False, True):
        try:
            again = recover(damaged, salvage=salvage)
        except SampleFileError:
            continue
        for result in again.results:
            assert all(measured[result.index][sample.check] == sample for sample in result.samples)


def written(path: Path, endpoint: Endpoint, *lines: object) -> Path:
    """A sample file of one endpoint that is done."""
    context = {"plan": record_of(Plan(endpoints=[endpoint])), "selected": [0], "machine": {}}
    header = {"netmon": 1, "started_unix_us": 1, "context": context}
    path.write_text("".join(map(line_of, [header, *lines, {"event": "done", "endpoint": 0}])))
    return path


def sample(check: int, outcome: str = "open") -> list[object]:
    return [0, check, check, outcome, 40 if outcome == "open" else None, 40, None, None, 0, "10.0.0.1", None]


@pytest.mark.fault("disk", "samples that a full disk took", "inconclusive: no green verdict without them")
def test_samples_that_a_full_disk_took_leave_no_green_verdict(tmp_path: Path) -> None:
    lost = {"event": "lost", "samples": 2, "text": "No space left on device"}
    counted = Endpoint(host="10.0.0.1", port=80, measured=True, count=4)
    run = recover(written(tmp_path / "counted", counted, sample(1), sample(4), lost))
    (result,) = run.results
    assert (result.verdict.status, run.partial, result.complete) == ("inconclusive", True, False)
    assert result.verdict.reasons[0] == "samples are missing: they could not be recorded"

    tried = Endpoint(host="10.0.0.1", port=80)
    (result,) = recover(written(tmp_path / "tried", tried, sample(1, "timeout"), lost)).results
    assert result.verdict.status == "inconclusive"


@pytest.mark.fault("disk", "a failed check whose line is damaged", "inconclusive, not green")
def test_a_failed_check_whose_line_is_damaged_leaves_no_green_verdict(tmp_path: Path) -> None:
    counted = Endpoint(host="10.0.0.1", port=80, measured=True, count=2)
    path = written(tmp_path / "samples.ndjson", counted, sample(1), sample(2, "timeout"))
    assert recover(path).results[0].verdict.status == "failed"
    path.write_bytes(path.read_bytes().replace(b'"timeout", null', b'"timeouT", null'))
    (result,) = recover(path, salvage=True).results
    assert result.verdict.status == "inconclusive"
    assert result.verdict.reasons[0].startswith(f"samples are missing: 1 line of {path} cannot be read")


def test_a_sample_of_a_dead_address_that_is_lost_leaves_no_green_verdict(tmp_path: Path) -> None:
    """How many addresses a name has is not known from the plan: the prober says how many samples there were."""
    endpoint = Endpoint(host="db.internal", port=80, addresses="all")
    of_part = [*sample(1)[:-1], {"part": "10.0.0.1"}]
    path = written(tmp_path / "samples.ndjson", endpoint, of_part)
    path.write_text(path.read_text().rpartition("{")[0] + line_of({"event": "done", "endpoint": 0, "samples": 2}))
    (result,) = recover(path).results
    assert result.verdict.status == "inconclusive"
    path.write_text(path.read_text().rpartition("{")[0] + line_of({"event": "done", "endpoint": 0, "samples": 1}))
    (result,) = recover(path).results
    assert result.verdict.status == "passed"


def test_what_answered_too_soon_for_another_machine_is_one_warning_however_many_did(tmp_path: Path) -> None:
    context = {"plan": record_of(Plan(endpoints=[Endpoint(host="10.0.0.1", port=port) for port in range(1, 9)]))}
    header = {"netmon": 1, "started_unix_us": 1, "context": {**context, "selected": [0], "machine": {}}}
    near = [{"event": "near", "endpoint": index, "connect_us": 9 + index} for index in (*range(7), 99)]
    path = tmp_path / "samples.ndjson"
    path.write_text("".join(map(line_of, [header, sample(1), *near])))
    (warning,) = recover(path).warnings
    assert warning.startswith(
        f"{', '.join(f'10.0.0.1:{port}' for port in range(1, 6))}, 2 more: answered in 9 to 15 us: "
    )
    path.write_text("".join(map(line_of, [header, sample(1), near[2]])))
    (warning,) = recover(path).warnings
    assert warning.startswith("10.0.0.1:3: answered in 11 us: something on the same machine did")


def test_a_file_that_is_something_else_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    shutil.copy(__file__, path)
    with pytest.raises(SampleFileError, match=r"notes\.txt: byte 0"):
        recover(path)


@given(st.lists(st.integers(1, 60), unique=True))
def test_samples_come_in_the_order_of_their_checks_however_they_ended(checks: list[int]) -> None:
    samples = [Sample(endpoint=0, check=check, start_us=check, outcome="open") for check in checks]
    assert [sample.check for sample in in_check_order(samples)] == sorted(checks)


def test_a_plan_of_many_endpoints_is_recovered_although_its_line_is_long(tmp_path: Path) -> None:
    plan = Plan(endpoints=[Endpoint(host=f"host-{number}.internal", port=80) for number in range(12_000)])
    path = tmp_path / "samples.ndjson"
    context = {"plan": record_of(plan), "selected": [11999], "machine": {}}
    header = line_of({"netmon": 1, "started_unix_us": 1, "context": context})
    assert len(header) > 2 << 20
    sample = line_of([11999, 1, 5, "open", 40, 90, None, 40, 0, "127.0.0.1", None])
    path.write_text(header + sample + line_of({"event": "done", "endpoint": 11999}))
    (result,) = recover(path).results
    assert (result.endpoint.host, result.verdict.status) == ("host-11999.internal", "passed")


def test_a_run_ends_where_its_last_check_did_although_the_machine_slept_meanwhile(tmp_path: Path) -> None:
    """The clock of this process stands still while the machine is suspended."""
    plan = Plan(endpoints=[Endpoint(host="10.0.0.1", port=80, measured=True, count=2)])
    path = tmp_path / "samples.ndjson"
    header = line_of({"netmon": 1, "started_unix_us": 1_782_000_000_000_000, "context": {}})
    path.write_text(header + line_of([0, 1, 3600000000, "open", 40, 90, None, 40, 0, "10.0.0.1", None]))
    campaign = Campaign(plan, [0], sample_file=path)
    run = campaign.run()
    campaign.close()

    assert (run.ended_at - run.started_at).total_seconds() == pytest.approx(3600, abs=1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_move_its_parents_place_in_the_file(recorded: tuple[Run, Path]) -> None:
    _, path = recorded
    recording = Recording(path)
    recording.poll()
    assert recording._file is not None
    place = os.lseek(recording._file.fileno(), 0, os.SEEK_CUR)
    child = os.fork()
    if child == 0:
        recording.poll()
        if recording._file is not None:
            recording._file.seek(0)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.lseek(recording._file.fileno(), 0, os.SEEK_CUR) == place
