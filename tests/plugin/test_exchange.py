"""What a controller and its workers tell each other arrives whole."""

from __future__ import annotations

import datetime
import errno
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from pytest_netmon.baseline import Baseline, BaselineRun, Reference
from pytest_netmon.distributions import DistributionBuilder
from pytest_netmon.gate.coverage import Collected
from pytest_netmon.gate.exchange import Exchange, Repeated, packed, unpacked
from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.problems import Source
from pytest_netmon.proxying import Proxy
from pytest_netmon.stages import Tls
from pytest_netmon.tolerance import Tolerance
from pytest_netmon.vantage import Vantage
from pytest_netmon.waits import Wait

TIMES = DistributionBuilder()
TIMES.add_many(1500, 3)


#: Nothing in these is as it is where nothing is said, so that what does not arrive is seen.
ENDPOINT = Endpoint(
    host="db.internal",
    port=5432,
    name="db",
    vantage="app",
    measured=True,
    watched=True,
    count=40,
    warmup=2,
    interval_s=0.25,
    timeout_s=2.5,
    wait=Wait(60.0, 0.5, stable=3),
    limits=(parse_limit("p95 < 50ms", "option"),),
    warn=(parse_limit("max < 1s", "defaults"),),
    expect="closed",
    skip="later",
    xfail="caf\u00e9 \udc80",
    redact=True,
    hold_s=0.2,
    tls=Tls(server_name="secret.internal", verify=False, ca_file="ca.pem", min_version="1.3"),
    proxy=Proxy("socks5", "proxy.internal", 1080, "ALL_PROXY"),
    close="rst",
    family="both",
    addresses="all",
    control=True,
    baseline=Tolerance(max_increase=0.5, missing="skip"),
    tags=("core", "prod"),
    source=Source("sub/more.yaml", 3, 5),
)
PLAN = Plan(
    endpoints=[ENDPOINT, Endpoint(host="::1", port=443)],
    max_rate=50,
    max_rate_per_host=5,
    interval_s=0.1,
    timeout_s=1.5,
    files=("netmon.yaml", "sub/more.yaml"),
    included={"sub/more.yaml": "netmon.yaml"},
    warnings=["two of them"],
    deselected=3,
    elsewhere=2,
    vantages={
        "app": Vantage(name="app", kind="via", way="kubectl exec -i deploy/app --", python="python3.12"),
        "node": Vantage(name="node", kind="ssh", way="worker-1", source=Source("netmon.yaml", 9, 3)),
    },
    baseline=Baseline(
        run=BaselineRun("old.json", datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), "ci", True, 1),
        references={("app", "db:5432"): Reference(measured=True, phases={"connect": TIMES.finish()})},
    ),
)


def test_a_plan_arrives_as_it_was_also_what_is_redacted():
    assert unpacked(packed(PLAN)) == PLAN


@pytest.mark.parametrize("value", [ENDPOINT, PLAN], ids=["endpoint", "plan"])
def test_each_field_is_tried(value):
    defaults = {
        each.name: each.default_factory() if each.default is MISSING else each.default for each in fields(value)[2:]
    }
    assert [name for name, default in defaults.items() if getattr(value, name) == default] == []


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
    assert other.take_repeated() == []
    later, earlier = Repeated(files[1], 7, None), Repeated(files[0], 7, "the prober ended")
    exchange.say_repeated(later)
    exchange.say_repeated(earlier)
    assert other.take_repeated() == [earlier, later]
    assert other.take_repeated() == []
