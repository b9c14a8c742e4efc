"""Whatever stands in files, options and variables: a plan or a ConfigurationError, and no secret in either."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.config.load import Overrides, load_plan
from pytest_netmon.plan import Plan
from pytest_netmon.problems import ConfigurationError
from pytest_netmon.safe import for_terminal

SECRET = "S3CRETS3CRET"


def load(data: bytes, env: dict[str, str], **options: object) -> Plan | ConfigurationError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "netmon.yaml"
        path.write_bytes(data)
        try:
            return load_plan([path], Overrides(**options), env=env, base=Path(folder))  # type: ignore[arg-type]
        except ConfigurationError as error:
            return error


_KEYS = st.sampled_from(
    [
        *(
            "targets",
            "defaults",
            "include",
            "max_rate",
            "host",
            "name",
            "ports",
            "count",
            "interval",
            "timeout",
            "limits",
        ),
        *("expect", "skip", "xfail", "redact", "hots", "x y", "<<", "redis://u:p@h"),
    ]
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 70000),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["db:5432", "[::1]:80", "https://x", "p95 < 50ms", "success >= 99%", "1-9", "250ms", "closed", "${X}"]
    ),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_TARGETS = st.lists(_SCALARS | st.dictionaries(_KEYS, _VALUES, max_size=5), max_size=4)
_DOCUMENTS = st.fixed_dictionaries({"targets": _TARGETS}, optional={"defaults": _VALUES, "include": _VALUES}) | _VALUES


@given(document=_DOCUMENTS)
@pytest.mark.fault("fuzzing", "any document as netmon.yaml", "a plan or a list of problems, never a traceback")
def test_any_document_is_a_plan_or_a_list_of_problems(document: object) -> None:
    result = load(yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "replace"), {"X": "db:1"})
    if isinstance(result, ConfigurationError):
        for problem in result.problems:
            assert for_terminal(problem.text, None, lines=True) == problem.text
            assert len(problem.text) < 600
        return
    assert result.endpoints
    assert len({endpoint.id for endpoint in result.endpoints}) == len(result.endpoints)


@given(data=st.binary(max_size=200))
@pytest.mark.fault("fuzzing", "any bytes as netmon.yaml", "a plan or a list of problems, never a traceback")
def test_any_bytes_are_a_plan_or_a_list_of_problems(data: bytes) -> None:
    load(b"targets:\n  - " + data, {})


@given(
    targets=st.lists(st.text(max_size=20), max_size=2),
    ports=st.lists(st.text(max_size=8), max_size=1),
    limits=st.lists(st.text(max_size=15), max_size=1),
    count=st.none() | st.text(max_size=5),
    interval=st.none() | st.text(max_size=5),
)
@pytest.mark.fault("fuzzing", "any options", "a plan or a list of problems, never a traceback")
def test_any_options_are_a_plan_or_a_list_of_problems(
    targets: list[str], ports: list[str], limits: list[str], count: str | None, interval: str | None
) -> None:
    overrides = Overrides(
        targets=tuple(targets), ports=tuple(ports), limits=tuple(limits), count=count, interval=interval
    )
    try:
        endpoints = load_plan([], overrides, env={}, base=Path()).endpoints
    except ConfigurationError:
        return
    assert endpoints


_URLS = st.builds(
    "{}://{}:{}{}@{}{}".format,
    st.sampled_from(["redis", "https", "mongodb", "foo", "jdbc:mysql"]),
    st.sampled_from(["user", "", "u%40", "a/b"]),
    st.sampled_from([SECRET, SECRET + "/", "12/" + SECRET, SECRET + "#x", SECRET + "@", "a," + SECRET]),
    st.sampled_from(["", "?", "\\"]),
    st.sampled_from(["cache", "cache:6379", "cache:x", "a,b", "", "[::1]:1", "bad host"]),
    st.sampled_from(["", "/0", f"/?token={SECRET}", f"/{SECRET}", f"#{SECRET}"]),
)
_HOLDERS = st.sampled_from(
    [
        "targets: ['${URL}']",
        "targets:\n  - ${URL}\n",
        "targets: ['${URL},db:1', 'db:1,${URL}', 'x${URL}']",
        "targets: [{host: '${URL}'}]",
        "targets: [{host: '${URL}', ports: [1]}]",
        "targets: [{host: 'db:1', name: '${URL}'}]",
        "targets: [{host: db, ports: ['${URL}']}]",
        "targets: [{host: 'db:1', count: '${URL}', interval: '${URL}', timeout: '${URL}'}]",
        "targets: [{host: 'db:1', limits: ['${URL}', 'p95 < ${URL}']}]",
        "targets: [{host: 'db:1', expect: '${URL}', skip: '${URL}', redact: '${URL}'}]",
        "defaults: {ports: '${URL}'}\nmax_rate: '${URL}'\ntargets: '${URL}'",
        "include: ['${URL}']",
        "targets: [{host: '${URL}', redact: true, name: db}]",
        "'${URL}'",
    ]
)


@given(url=_URLS, holder=_HOLDERS)
@pytest.mark.fault("secrets", "user, password, path, query of a URL: messages", "never kept, never shown")
def test_no_secret_of_a_url_is_ever_kept_or_shown(url: str, holder: str) -> None:
    result = load(holder.encode(), {"URL": url})
    shown = str(result) + repr(result.problems) if isinstance(result, ConfigurationError) else repr(result)
    assert SECRET.lower() not in shown.lower()
    options = Overrides(targets=(url,), ports=(url,), limits=(url,), count=url, interval=url, timeout=url, max_rate=url)
    try:
        shown = repr(load_plan([], options, env={}, base=Path()))
    except ConfigurationError as error:
        shown = str(error) + repr(error.problems)
    assert SECRET.lower() not in shown.lower()


@given(url=_URLS)
def test_no_secret_of_a_url_written_in_the_file_is_ever_shown(url: str) -> None:
    texts = (
        *(f"targets:\n  - {url}\n", f"targets:\n  - {url}:\n", f"{url}: {url}\n", f"? {url}"),
        *(
            f"targets: [{url}]",
            f"targets: [{{{url}}}]",
            f"targets: [{{host: {url}, ports: [{url}]}}]",
            f"{{{url}: {{a: {url}}}}}",
        ),
        *(f"include: [{url}]\n", f"targets: [{{host: db, limits: [{url}]}}]", f"targets: [db, {url}, {url}]"),
    )
    for text in texts:
        result = load(text.encode(), {})
        shown = str(result) + repr(result.problems) if isinstance(result, ConfigurationError) else repr(result)
        assert SECRET.lower() not in shown.lower()
