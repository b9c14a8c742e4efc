"""Runs for tests of the HTML report, and its page taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.problems import Source
from pytest_netmon.reports.html_report import html_chunks
from pytest_netmon.run import Run
from pytest_netmon.samples import Attempt, Gap

_VOID = {"meta", "br", "line", "input", "path", "rect"}
#: What an endpoint may be called by someone who means harm. Each would set the title of the page.
HOSTILE = (
    '<script>document.title="owned"</script>',
    '"><img src=x onerror=document.title="owned">',
    "'\"`{{7*7}}{% raw %}",
    "</style></script></title><svg onload=document.title='owned'>",
    "a\u202egnp.exe",
    "x" * 10_000,
    'javascript:document.title="owned"',
    "-->&lt;script&gt;",
    "\x1b]0;owned\x07",
    "\ud800",
)


@dataclass
class Page:
    """tags: each with its attributes, in order. texts: what stands between them, by the tag that it stands in."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def texts_of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    @property
    def text(self) -> str:
        return "\n".join(text for tag, text in self.texts if tag not in ("style", "script"))


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.page.texts.append((self._open[-1], data.strip()))

    def close(self) -> None:
        super().close()
        assert self._open == [""], f"left open: {self._open}"


def page_of(run: Run) -> Page:
    """The page of a run, each tag closed where it should be."""
    parser = _Parser()
    parser.feed("".join(html_chunks(run)))
    parser.close()
    return parser.page


def steady(ms: float, count: int = 40) -> list[dict[str, object]]:
    return [opened(ms + number % 5 / 10) for number in range(count)]


def mixed_run() -> Run:
    """One endpoint of each kind."""
    lossy = [*[opened(1020.0, syn_repeats=1)] * 2, *steady(9.0, 35), *[failed("timeout", clock_ms=2000.0)] * 3]
    others = [
        (reached("cache.internal", 6379), [failed("refused", clock_ms=0.4, errno="ECONNREFUSED")]),
        (replace(reached("admin.internal", 22), expect="closed"), [opened(3.2)]),
        (reached("vpn.internal", 443), [failed("local_error", errno="EMFILE", message="Too many open files")]),
        (replace(reached("old.internal", 21), xfail="firewall change pending"), [failed("prohibited", icmp=(3, 13))]),
        (measured("queue.internal", 5672, "p95 < 50ms"), steady(3.0)),
        (reached("late.internal", 8080), [failed("timeout", clock_ms=3000.0), opened(5.1)]),
        (replace(reached("gate.internal", 22), expect="closed"), [failed("refused", clock_ms=0.5)]),
    ]
    return run_of(
        [(measured("db.internal", 5432, "success >= 99%", "p95 < 50ms"), lossy), *others],
        replace(reached("later.internal", 99), skip="not before July"),
        gaps=(Gap(6_000_000, 800_000, "stalled", 3),),
        warnings=("2 endpoints have a timeout of 1s or less",),
    )


def hostile_run(texts: tuple[str, ...] = HOSTILE) -> Run:
    """A run in which every text that is not ours is one of `texts`."""
    probed = []
    for number, text in enumerate(texts, 1):
        source = Source(text, number)
        refused = failed("refused", errno="ECONNREFUSED", message=text)
        attempt = Attempt(text, "timeout", 250.0)
        probed += [
            (measured(text, number, "p95 < 5ms", name=text, source=source, vantage=text), steady(12.0)),
            (reached(text, 1000 + number, name=text, source=source), [refused, failed("prohibited", message=text)]),
            (reached(text, 2000 + number, name=text, xfail=text), [refused]),
            (reached(text, 3000 + number, name=text), [opened(2.0, address=text, attempts=(attempt,))]),
        ]
    skipped = reached(texts[0], 4000, name=texts[-1], skip=texts[0])
    run = run_of(
        probed, skipped, warnings=texts, machine={"host": " ".join(text[:60] for text in texts), texts[0]: texts[-1]}
    )
    return replace(run, tool_version=texts[0], plan=replace(run.plan, files=texts))


def many_run(endpoints: int, checks: int) -> Run:
    probed = []
    for number in range(endpoints):
        samples = steady(5.0 + number % 17, checks)
        if number % 25 == 3:
            samples[-4:] = [failed("timeout", clock_ms=2000.0)] * 4
        endpoint = measured(f"host-{number}.internal", 443, "p95 < 50ms", "success >= 99%", count=checks)
        probed.append((endpoint, samples))
    return run_of(probed)
