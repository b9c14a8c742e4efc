"""Lines of the sample file as values, trusting nothing in them. Pure.

The prober appends to the sample file (NDJSON, UTF-8), others read it. `prober/protocol.py`
writes down the lines; `decode_line` turns them into values and trusts nothing in them: a file may
be cut, damaged or made by hand, and a wrong number would be worse than none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NoReturn, TypedDict

from .outcomes import OPEN
from .prober.protocol import VERSION, is_sealed
from .samples import (
    WAITING,
    AddressChange,
    Attempt,
    Done,
    End,
    Event,
    Gap,
    Header,
    Lateness,
    Lost,
    Near,
    Record,
    Sample,
    VantageState,
    WaitOver,
    Warning_,
)

#: A sample has at most a few attempts and one message; a header holds the whole plan.
MOST_SAMPLE_BYTES = 64 << 10
MOST_LINE_BYTES = 16 << 20
#: 30 years, 10 days: more than any campaign, any timeout. Floats hold both exactly, also times 1000.
MOST_TIME_US = 10**15
MOST_SPENT_US = 10**12
MOST_NUMBER = 10**12
#: Year 9999, which is as far as datetime goes.
MOST_UNIX_US = 253_402_300_799 * 10**6
#: As long a time from any moment to that year's end, or back.
MOST_CERT_S = 253_402_300_799
_MOST_ADDRESS = 255
_SAMPLE_LENGTH = 11
_END_REASONS = ("complete", "stopped", "orphaned")
_VANTAGE_STATES = ("began", "ended", "lost")
_OUTCOME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_HEADER_START = re.compile(rb'{"netmon":(\d{1,9}),"started_unix_us":(\d{1,18}),"base_ns":\d{1,20},"context":{')
_ERRNO = re.compile(r"-?[A-Za-z0-9_]{1,40}\Z")


class SampleFileError(ValueError):
    """A line that no prober of this version writes; the text says what is wrong with it."""


def decode_line(line: bytes, *, with_context: bool = True) -> Record:
    """Return what a whole line of a sample file says; its newline may still be there. Of a header whose context nobody
    asks for only the start is read, where it is as a prober writes it.

    Raises SampleFileError for anything that `prober/protocol.py` does not allow: another checksum, a number that is
    negative, a fraction, a boolean or beyond all bounds, an `open` sample without a connect time,
    another version. Keys that are not known in objects are passed over.
    """
    if len(line) > MOST_LINE_BYTES:
        _malformed(f"a line of {len(line)} characters")
    if not is_sealed(line):
        _malformed("no line of a sample file, or damaged: its checksum is missing or wrong")
    if not with_context and (start := _HEADER_START.match(line)):
        return _header({"netmon": int(start[1]), "started_unix_us": int(start[2]), "context": {}})
    value = _parsed(line)
    if type(value) is list:
        del value[-1]  # the checksum
        if len(line) > MOST_SAMPLE_BYTES:
            _malformed(f"a sample of {len(line)} characters")
        return sample_of(value)
    if type(value) is dict:
        return _header(value) if "netmon" in value else _event(value)
    raise SampleFileError("expected an array or an object")


def _parsed(line: bytes) -> object:
    try:
        return _DECODER.decode(line.decode("utf-8"))
    except RecursionError:
        raise SampleFileError("nested too deeply") from None
    except ValueError as error:  # also UnicodeDecodeError, and int() on too many digits
        raise SampleFileError(f"not a line of JSON in UTF-8: {error}") from None


def sample_of(fields: list[object]) -> Sample:
    """Return the sample that the values of a line say. Raises SampleFileError."""
    if len(fields) != _SAMPLE_LENGTH:
        _malformed(f"expected {_SAMPLE_LENGTH} values in a sample, found {len(fields)}")
    endpoint, check, start_us, outcome, connect_us, clock_us, dns_us, rtt_us, syn_repeats, address, detail = fields
    if (connect_us is not None) != (outcome == OPEN):
        _malformed("a connect time belongs to an open sample, and to no other")
    sample_outcome = _outcome(outcome)
    of_detail = _NO_DETAIL if detail is None else _detail(detail)
    return Sample(
        endpoint=_whole("endpoint", endpoint),
        check=_whole("check", check, least=WAITING),
        start_us=_whole("start_us", start_us, most=MOST_TIME_US),
        outcome=sample_outcome,
        connect_ms=None if connect_us is None else _whole("connect_us", connect_us, most=MOST_SPENT_US) / 1000,
        clock_ms=None if clock_us is None else _whole("clock_us", clock_us, most=MOST_SPENT_US) / 1000,
        dns_ms=None if dns_us is None else _whole("dns_us", dns_us, most=MOST_SPENT_US) / 1000,
        rtt_ms=None if rtt_us is None else _whole("rtt_us", rtt_us, most=MOST_SPENT_US) / 1000,
        syn_repeats=None if syn_repeats is None else _whole("syn_repeats", syn_repeats, most=1000),
        address=None if address is None else _address(address),
        **of_detail,
    )


class _Detail(TypedDict, total=False):
    """What stands in a sample's last value, by the names of `Sample`."""

    errno: str | None
    icmp: tuple[int, int] | None
    message: str | None
    attempts: tuple[Attempt, ...]
    proxy_ms: float | None
    tls_ms: float | None
    cert_expires_s: int | None
    part: str | None


_NO_DETAIL = _Detail()


def _detail(value: object) -> _Detail:
    if type(value) is not dict:
        _malformed("expected an object or null for detail")
    errno, icmp, text = value.get("errno"), value.get("icmp"), value.get("text")
    if errno is not None and not (type(errno) is str and _ERRNO.match(errno)):
        _malformed("expected the name of an error for errno")
    attempts = _list("attempts", value.get("attempts", []))
    part = value.get("part")
    proxy_us, tls_us, cert_s = value.get("proxy_us"), value.get("tls_us"), value.get("cert_expires_s")
    return _Detail(
        errno=errno,
        icmp=None if icmp is None else _icmp(icmp),
        message=None if text is None else _text("text", text),
        attempts=tuple([_attempt(attempt) for attempt in attempts]),
        proxy_ms=None if proxy_us is None else _whole("proxy_us", proxy_us, most=MOST_SPENT_US) / 1000,
        tls_ms=None if tls_us is None else _whole("tls_us", tls_us, most=MOST_SPENT_US) / 1000,
        cert_expires_s=None if cert_s is None else _whole("cert_expires_s", cert_s, -MOST_CERT_S, MOST_CERT_S),
        part=None if part is None else _address(part),
    )


def _icmp(value: object) -> tuple[int, int]:
    pair = _list("icmp", value)
    if len(pair) != 2:
        _malformed("expected a type and a code for icmp")
    return _whole("icmp", pair[0], most=255), _whole("icmp", pair[1], most=255)


def _attempt(value: object) -> Attempt:
    fields = _list("attempts", value)
    if len(fields) != 3:
        _malformed("expected an address, an outcome and a time for each attempt")
    address, outcome, clock_us = fields
    return Attempt(
        address=None if address is None else _address(address),
        outcome=_outcome(outcome),
        clock_ms=_whole("clock_us", clock_us, most=MOST_SPENT_US) / 1000,
    )


def _header(value: dict[str, object]) -> Header:
    version, context = value["netmon"], value.get("context")
    if type(version) is not int or version != VERSION:
        _malformed(f"expected a sample file of version {VERSION}")
    if type(context) is not dict:
        _malformed("expected an object for context")
    return Header(_whole("started_unix_us", value.get("started_unix_us"), most=MOST_UNIX_US), context)


def _event(value: dict[str, object]) -> Event:
    name = value.get("event")
    if type(name) is not str or name not in _EVENTS:
        _malformed(f"expected one of the events {', '.join(_EVENTS)}")
    return _EVENTS[name](value)


def _done(value: dict[str, object]) -> Done:
    samples = value.get("samples")
    return Done(_whole("endpoint", value.get("endpoint")), None if samples is None else _whole("samples", samples))


def _wait_over(value: dict[str, object]) -> WaitOver:
    met = value.get("met")
    if type(met) is not bool:
        _malformed("expected true or false for met")
    return WaitOver(
        endpoint=_whole("endpoint", value.get("endpoint")),
        met=met,
        took_us=_whole("took_us", value.get("took_us"), most=MOST_TIME_US),
        latest=tuple([_outcome(outcome) for outcome in _list("latest", value.get("latest"))]),
        failing=tuple([_address(part) for part in _list("failing", value.get("failing", []))]),
        tries=None if value.get("tries") is None else _whole("tries", value["tries"]),
    )


def _gap(value: dict[str, object]) -> Gap:
    return Gap(
        at_us=_whole("at_us", value.get("at_us"), most=MOST_TIME_US),
        length_us=_whole("length_us", value.get("length_us"), most=MOST_TIME_US),
        cause=_text("cause", value.get("cause")),
        missed=_whole("missed", value.get("missed")),
    )


def _address_change(value: dict[str, object]) -> AddressChange:
    host = value.get("host")
    return AddressChange(
        host=None if host is None else _text("host", host),
        old=tuple([_address(address) for address in _list("old", value.get("old"))]),
        new=tuple([_address(address) for address in _list("new", value.get("new"))]),
    )


def _lost(value: dict[str, object]) -> Lost:
    return Lost(_whole("samples", value.get("samples")), _text("text", value.get("text")))


def _warning(value: dict[str, object]) -> Warning_:
    return Warning_(_text("text", value.get("text")))


def _near(value: dict[str, object]) -> Near:
    return Near(_whole("endpoint", value.get("endpoint")), _whole("connect_us", value.get("connect_us")))


def _lateness(value: dict[str, object]) -> Lateness:
    figures = ("starts", "median_us", "p99_us", "max_us")
    return Lateness(*(_whole(name, value.get(name), most=MOST_TIME_US) for name in figures))


def _end(value: dict[str, object]) -> End:
    reason = value.get("reason")
    if type(reason) is not str or reason not in _END_REASONS:
        _malformed(f"expected one of {', '.join(_END_REASONS)} for reason")
    return End(reason)


def _vantage_state(value: dict[str, object]) -> VantageState:
    state, text, machine, round_trip_us = (value.get(key) for key in ("state", "text", "machine", "round_trip_us"))
    if state not in _VANTAGE_STATES or (state == "ended" and text not in _END_REASONS):
        _malformed(f"expected one of {', '.join(_VANTAGE_STATES)} for state")
    if machine is not None and type(machine) is not dict:
        _malformed("expected an object for machine")
    return VantageState(
        name=_text("name", value.get("name")),
        state=_text("state", state),
        text=None if text is None else _text("text", text),
        machine=None if machine is None else {key: _text("machine", each) for key, each in machine.items()},
        round_trip_us=None if round_trip_us is None else _whole("round_trip_us", round_trip_us),
    )


_EVENTS: dict[str, Callable[[dict[str, object]], Event]] = {
    "done": _done,
    "waited": _wait_over,
    "gap": _gap,
    "address": _address_change,
    "lost": _lost,
    "warning": _warning,
    "near": _near,
    "lateness": _lateness,
    "end": _end,
    "vantage": _vantage_state,
}


def _whole(name: str, value: object, least: int = 0, most: int = MOST_NUMBER) -> int:
    if type(value) is not int or not least <= value <= most:  # True is an int, but not of this type
        _malformed(f"expected a whole number from {least} to {most} for {name}")
    return value


def _outcome(value: object) -> str:
    if type(value) is not str or not _OUTCOME.match(value):
        _malformed("expected the name of an outcome")
    return value


def _address(value: object) -> str:
    if type(value) is not str or not 0 < len(value) <= _MOST_ADDRESS:
        _malformed("expected an address")
    return value


def _text(name: str, value: object) -> str:
    if type(value) is not str:
        _malformed(f"expected a text for {name}")
    return value


def _list(name: str, value: object) -> list[object]:
    if type(value) is not list:
        _malformed(f"expected an array for {name}")
    return value


def _malformed(reason: str) -> NoReturn:
    raise SampleFileError(reason)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
