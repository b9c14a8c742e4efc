"""What the processes of a distributed session tell each other: files of one folder, which the controller
makes and whose path its workers are given. A file that is there is whole.
"""

from __future__ import annotations

import functools
import itertools
import json
import operator
import os
import shutil
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_netmon.plan_record import plan_of, record_of
from pytest_netmon.problems import Source
from pytest_netmon.sample_folders import temporary_folder
from pytest_netmon.vantage import Vantage

from .coverage import Collected

if TYPE_CHECKING:
    from pytest_netmon.plan import Plan


@dataclass(frozen=True, slots=True)
class Repeated:
    """An endpoint (its index in the plan) measured anew; `fault` says why samples are missing, None where none are."""

    sample_file: Path
    index: int
    fault: str | None


class Exchange:
    """The folder. samples: the sample file of the session's one campaign, there once it has begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.samples = folder / "samples.ndjson"
        self._ended = folder / "ended"
        self._cancelled = folder / "cancelled"
        self._numbers = itertools.count(1)
        self._taken: set[Path] = set()

    @classmethod
    def make(cls) -> Exchange:
        """Make the folder, readable by this user only. Raises OSError, with a sentence for users."""
        return cls(temporary_folder())

    def say_collected(self, worker: str, collected: Collected) -> None:
        """Say what the tests of a worker are about."""
        told = {
            "wanted": sorted(collected.wanted),
            "selected": sorted(collected.selected),
            "judging": collected.judging,
            "own": sorted(collected.own),
        }
        self._write(self.folder / f"collected-{worker}.json", json.dumps(told))

    def collected(self) -> Collected:
        """What all workers together have said until now."""
        said = (json.loads(path.read_text("ascii")) for path in self.folder.glob("collected-*.json"))
        return functools.reduce(operator.or_, map(_collected_of, said), Collected())

    def say_ended(self, last_words: str) -> None:
        """Say that there is no prober, or no longer; `last_words` say why, if it was before its time."""
        try:
            self._write(self._ended, last_words)
        except OSError:
            self._ended.touch()  # a full disk may have room for a name

    def ended(self) -> str | None:
        """The prober's last words; None while it runs."""
        if not self._ended.exists():
            return None
        return self._ended.read_text("utf-8") or "the prober ended too early"

    def cancel(self) -> None:
        """Say that the session ends: nobody is to wait any longer."""
        self._cancelled.touch()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.exists()

    def new_sample_file(self) -> Path:
        """Where a further campaign of this process is to record its samples."""
        name = f"again-{time.time_ns():020}-{os.getpid()}-{next(self._numbers):06}.ndjson"
        return self.folder / name

    def say_repeated(self, repeated: Repeated) -> None:
        """Say that an endpoint has been measured anew, into a `new_sample_file`."""
        told = {"index": repeated.index, "fault": repeated.fault}
        self._write(repeated.sample_file.with_suffix(".json"), json.dumps(told))

    def take_repeated(self) -> list[Repeated]:
        """What has been measured anew since this was last asked, in the order in which that began."""
        new = [path for path in sorted(self.folder.glob("again-*.json")) if path not in self._taken]
        self._taken.update(new)
        told = {path: json.loads(path.read_text("ascii")) for path in new}
        return [Repeated(path.with_suffix(".ndjson"), each["index"], each["fault"]) for path, each in told.items()]

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, path: Path, text: str) -> None:
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.write_bytes(text.encode("utf-8", "backslashreplace"))
        unfinished.replace(path)


def _collected_of(told: dict[str, Any]) -> Collected:
    return Collected(
        frozenset(map(tuple, told["wanted"])),
        frozenset(map(tuple, told["selected"])),
        {test: tuple(key) for test, key in told["judging"].items()},
        frozenset(told["own"]),
    )


def packed(plan: Plan) -> str:
    """Return `plan` as a text for another process of the session: all of it, also what is redacted and the ways to
    vantages."""
    record = record_of(plan, whole=True)
    endpoints = [
        {**kept, "host": endpoint.host, "tls": endpoint.tls and asdict(endpoint.tls)}
        for kept, endpoint in zip(record["endpoints"], plan.endpoints, strict=True)  # type: ignore[call-overload]
    ]
    others = {each.name: getattr(plan, each.name) for each in fields(plan) if each.name not in record}
    vantages = [asdict(vantage) for vantage in plan.vantages.values()]
    return json.dumps({"plan": {**record, **others, "endpoints": endpoints}, "vantages": vantages})


def unpacked(text: str) -> Plan:
    """Return the plan that `packed` was given."""
    told = json.loads(text)
    vantages = [Vantage(**{**each, "source": each["source"] and Source(**each["source"])}) for each in told["vantages"]]
    return replace(plan_of(told["plan"]), vantages={vantage.name: vantage for vantage in vantages})
