"""What a controller and its workers tell each other arrives whole."""

from __future__ import annotations

import errno
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_netmon.gate.coverage import Collected
from pytest_netmon.gate.exchange import Exchange, Repeated, packed, unpacked
from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.problems import Source
from pytest_netmon.vantage import Vantage


def test_a_plan_arrives_as_it_was_with_redacted_hosts_too():
    plan = Plan(
        endpoints=[
            Endpoint(host="db.internal", port=5432, name="db", redact=True, tags=("core",), skip="later"),
            Endpoint(
                host="::1",
                port=443,
                measured=True,
                count=40,
                limits=(parse_limit("p95 < 50ms", "netmon.yaml:3:5"),),
                source=Source("sub/more.yaml", 3, 5),
                xfail="caf\u00e9 \udc80",
            ),
        ],
        files=("netmon.yaml", "sub/more.yaml"),
        included={"sub/more.yaml": "netmon.yaml"},
        warnings=["two of them"],
        deselected=3,
        elsewhere=2,
        interval_s=0.1,
        timeout_s=1.5,
        vantages={
            "app": Vantage(name="app", kind="via", way="kubectl exec -i deploy/app --", python="python3.12"),
            "node": Vantage(name="node", kind="ssh", way="worker-1", source=Source("netmon.yaml", 9, 3)),
        },
    )
    assert unpacked(packed(plan)) == plan
    assert all(getattr(plan, field.name) != field.default for field in fields(Plan) if "max" not in field.name)


def test_what_all_workers_have_collected_is_put_together():
    here, there = ("local", "db:5432"), ("paris", "db:5432")
    one = Collected(frozenset({here}), frozenset({here}), {"netmon.yaml::test_tcp[db:5432]@group": here})
    other = Collected(
        frozenset(), frozenset({there}), {"test_own.py::test_\\udc80": there}, frozenset({"test_own.py::test_\\udc80"})
    )
    exchange = Exchange.make()
    try:
        for worker, collected in (("gw0", one), ("gw1", other)):
            Exchange(exchange.folder).say_collected(worker, collected)
        assert exchange.collected() == one | other
        assert exchange.collected().selected == {here, there}
    finally:
        exchange.remove()
    assert not exchange.folder.exists()


def test_the_end_and_a_cancellation_are_known_once_they_are_said(tmp_path: Path):
    exchange, other = Exchange(tmp_path), Exchange(tmp_path)
    assert (other.ended(), other.is_cancelled) == (None, False)
    exchange.say_ended("status -9")
    exchange.cancel()
    assert (other.ended(), other.is_cancelled) == ("status -9", True)


def test_the_end_is_known_where_the_disk_has_no_room_for_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    exchange = Exchange(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        exchange.say_ended("status -9")
    assert exchange.ended() == "the prober ended too early"


def test_what_was_measured_anew_is_known_only_once_it_is_said_and_in_its_order(tmp_path: Path):
    exchange, other = Exchange(tmp_path), Exchange(tmp_path)
    files = [exchange.new_sample_file() for _ in range(2)]
    for file in files:
        file.touch()
    assert other.repeated() == []
    later, earlier = Repeated(files[1], 7, None), Repeated(files[0], 7, "the prober ended")
    exchange.say_repeated(later)
    exchange.say_repeated(earlier)
    assert other.repeated() == [earlier, later]
