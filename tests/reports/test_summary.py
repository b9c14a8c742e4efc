"""What a terminal shows before, during and after a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Plan
from pytest_netmon.reports.layout import fitted, in_columns, listed, width_of
from pytest_netmon.reports.summary import MOST_ROWS, header_lines, progress_line, summary_lines
from pytest_netmon.samples import Gap

REFUSED = failed("refused", clock_ms=1.0, errno="ECONNREFUSED", message="Connection refused")
OURS = failed("local_error", errno="EMFILE")


def mixed_run(**fields):
    return run_of(
        [
            (reached("cache.internal", 6379), [opened(0.42)]),
            (reached("queue", 5672), [failed("timeout"), opened(0.5)]),
            (reached("admin", 22, expect="closed"), [REFUSED]),
            (reached("api", 443, xfail="change pending"), [REFUSED]),
            (reached("busy", 443), [OURS]),
            (measured("db", 5432, "p95 < 50ms"), [opened(11.9)] * 36 + [opened(1034.2, syn_repeats=1)] * 4),
        ],
        **fields,
    )


def test_the_table_shows_what_failed_first_and_what_was_measured():
    assert summary_lines(mixed_run(), 200) == [
        "endpoint             verdict       success  median ms   p95 ms   max ms  SYN repeats",
        "db:5432              FAILED          40/40      11.90  1034.20  1034.20            4"
        "  p95 1034.20 ms, allowed < 50 ms",
        "busy:443             INCONCLUSIVE      0/0          -        -        -            -"
        "  1 of 1 check could not be made by this machine (local_error)",
        "api:443              xfailed           0/1          -        -        -            -  change pending; refused",
        "cache.internal:6379  passed            1/1       0.42        -     0.42            0",
        "queue:5672           passed            1/2       0.50        -     0.50            0"
        "  reached at try 2 of 3, after timeout",
        "admin:22             passed         closed          -        -        -            -  refused",
    ]


def test_no_line_is_wider_than_the_terminal_and_a_cut_one_ends_in_an_ellipsis():
    lines = summary_lines(mixed_run(), 112)
    assert max(map(len, lines)) == 112
    assert lines[2].endswith("...")
    assert lines[4] == "cache.internal:6379  passed            1/1       0.42        -     0.42            0"


def test_what_a_reader_must_know_is_broken_into_lines_and_never_cut():
    warning = "db:5432: answered in 9 us: something on the same machine did (a container), not necessarily the target"
    run = mixed_run(warnings=(warning,), partial=True)
    lines = summary_lines(run, 60)
    assert max(map(len, lines)) <= 60
    assert " ".join(line.strip() for line in lines[7:]) == (
        f"the run was cut off: figures are of what was measured until then warning: {warning}"
    )
    assert lines[9].startswith("warning: ")
    assert lines[10].startswith("  ")
    assert not any("warning: " in line for line in summary_lines(run, 60, with_warnings=False))


def test_a_column_that_finds_no_room_is_left_out_whole():
    lines = summary_lines(mixed_run(), 80)
    assert lines[0] == "endpoint             verdict       success  median ms   p95 ms   max ms"
    assert not any("..." in line for line in lines)


def test_where_room_is_short_causes_go_before_the_repeated_syns_of_what_failed():
    lost = (reached("db", 5432), [failed("timeout", syn_repeats=1)])
    lines = summary_lines(run_of([lost, (reached("api", 443), [REFUSED])]), 80)
    assert "SYN repeats" not in lines[0]
    assert [line.split()[-1] for line in lines[1:]] == ["timeout", "refused"]
    passed = (reached("slow", 443), [opened(1010.0, syn_repeats=1)])
    assert "SYN repeats" in summary_lines(run_of([lost, passed]), 80)[0]
    assert "SYN repeats" in summary_lines(run_of([lost]), 100)[0]


def test_where_next_to_nothing_of_a_note_would_show_the_main_cause_of_a_failure_is_named():
    lines = summary_lines(mixed_run(), 90)
    assert lines[1].endswith("  1034.20  limit")
    assert lines[2] == "busy:443             INCONCLUSIVE      0/0          -        -        -  local_error"
    assert lines[3] == "api:443              xfailed           0/1          -        -        -"
    assert lines[6] == "admin:22             passed         closed          -        -        -  refused"


def test_syn_repeats_have_a_column_only_where_there_were_some():
    assert "SYN repeats" not in summary_lines(run_of([(reached("db", 1), [opened(1.0)])]), 200)[0]
    assert "SYN repeats" in summary_lines(run_of([(reached("db", 1), [opened(1.0, syn_repeats=1)])]), 200)[0]


def test_many_rows_are_cut_and_the_rest_is_counted():
    passed = [(reached(f"host-{number}", 80), [opened(1.0)]) for number in range(MOST_ROWS + 179)]
    lines = summary_lines(run_of([*passed, (reached("bad", 80), [REFUSED])]), 100)
    assert len(lines) == MOST_ROWS + 2
    assert lines[1].startswith("bad:80")
    assert lines[-1] == "and 180 more passed"


def test_when_very_many_fail_the_rest_is_counted_by_verdict():
    bad = [(reached(f"bad-{number}", 80), [REFUSED]) for number in range(MOST_ROWS + 2)]
    lines = summary_lines(run_of([*bad, (reached("good", 80), [opened(1.0)])]), 100)
    assert lines[-1] == "and 2 more FAILED, 1 more passed"


def test_a_long_name_does_not_push_the_figures_out_of_sight():
    lines = summary_lines(run_of([(reached("x" * 63 + ".example", 80), [opened(1.0)])]), 200)
    assert lines[1].startswith("x" * 45 + "...  passed")


def test_wide_characters_keep_the_columns_straight():
    run = run_of([(reached(name="データベース"), [opened(1.0)]), (reached(name="db"), [opened(1.0)])])
    first, second = summary_lines(run, 100)[1:]
    assert first.replace("データベース", "############") == second.replace("db:5432", "############:5432").replace(
        " " * 10 + "  passed", "  passed"
    )


def test_a_hostile_name_cannot_steer_the_terminal():
    run = run_of([(reached(name="\x1b[2J\u202eevil"), [REFUSED])], warnings=("\x1b]0;title\x07",))
    assert "\x1b" not in "".join(summary_lines(run, 200))
    assert "\\x1b[2J\\u202eevil:5432" in summary_lines(run, 200)[1]


def test_below_the_table_stands_what_a_reader_must_know():
    run = mixed_run(
        partial=True,
        gaps=(Gap(0, 1_500_000, "stalled", 3), Gap(9_000_000, 1_000_000, "stalled", 4)),
        lost_samples=1,
        warnings=("told before", "the prober ended too early"),
        plan=Plan(endpoints=[], warnings=["told before"]),
    )
    assert summary_lines(run, 200)[7:] == [
        "the run was cut off: figures are of what was measured until then",
        "the checker itself stood still for 2.5 s in all: 7 checks left out",
        "1 sample could not be recorded",
        "warning: the prober ended too early",
    ]


def test_each_broken_warn_limit_has_a_line_below_the_table_up_to_twenty():
    soft = (parse_limit("max < 5ms"),)
    results = [(measured(f"h{n}", 1, count=1, warn=soft), [opened(10)]) for n in range(22)]
    lines = summary_lines(run_of(results), 80)
    warnings = [line for line in lines if "warning" in line]
    assert warnings[0] == "h0:1: warning: max 10.00 ms, allowed < 5 ms"
    assert warnings[19:] == ["h19:1: warning: max 10.00 ms, allowed < 5 ms", "and 2 more warnings"]


def test_without_results_there_is_no_table():
    assert summary_lines(run_of([]), 80) == []


def plan_of(*endpoints, **fields) -> Plan:
    return Plan(endpoints=list(endpoints), files=("netmon.yaml",), **fields)


def test_the_header_says_how_much_how_long_how_fast_and_from_where():
    ports = [measured("api", port) for port in range(8001, 8005)]
    others = [reached("db", port) for port in range(1, 9)]
    assert header_lines(plan_of(*ports, *others), 12) == [
        "netmon: 12 endpoints (8 reached, 4 measured), planned 9.8 s at up to 16.0 checks/s from netmon.yaml"
    ]


@pytest.mark.parametrize(
    ("plan", "selected", "line"),
    [
        (plan_of(reached()), 1, "netmon: 1 endpoint (1 reached) from netmon.yaml"),
        (
            plan_of(reached(), reached("b"), reached("c", skip="no")),
            1,
            "netmon: 1 of 3 endpoints (2 reached, 1 skipped) from netmon.yaml",
        ),
        (plan_of(measured(count=1)), 1, "netmon: 1 endpoint (1 measured), planned 0.0 s from netmon.yaml"),
        (Plan(endpoints=[reached()]), 1, "netmon: 1 endpoint (1 reached)"),
        (Plan(endpoints=[reached()], files=("a\x1b", "b")), 1, "netmon: 1 endpoint (1 reached) from a\\x1b, b"),
    ],
)
def test_the_header_leaves_out_what_there_is_not(plan, selected, line):
    assert header_lines(plan, selected) == [line]


def test_warnings_of_the_plan_follow_the_header():
    plan = plan_of(reached(), warnings=["db:1 stands twice", "\x1b"])
    assert header_lines(plan, 1)[1:] == ["netmon: warning: db:1 stands twice", "netmon: warning: \\x1b"]


def test_progress_says_how_far_and_how_long():
    assert progress_line(5, 12, 93, 4.12, 9.75) == "netmon: 5 of 12 endpoints, 93 checks, 4.1 s of 9.8 s"
    assert progress_line(0, 1, 1, 12.0, 9.75) == "netmon: 0 of 1 endpoint, 1 check, 12.0 s"


@given(st.text(max_size=30), st.integers(3, 30))
def test_a_fitted_text_never_exceeds_its_width_and_keeps_its_start(text, width):
    cut = fitted(text, width)
    assert width_of(cut) <= max(width, 0)
    assert cut == text or (cut.endswith("...") and text.startswith(cut[:-3]))


@given(st.lists(st.tuples(st.text("ab字 ́", max_size=8), st.text("ab", max_size=8)), min_size=1), st.booleans())
def test_columns_start_at_the_same_place(rows, right):
    widest = max(width_of(first) for first, _ in rows)
    for (first, second), line in zip(rows, in_columns(rows, right=[0] if right else []), strict=True):
        assert line.rstrip().endswith(second)
        if second:
            assert width_of(line) == widest + 2 + len(second)
        assert first.strip() in line


@pytest.mark.parametrize(
    ("items", "more", "text"),
    [([4], 0, "4"), ([4, 7], 0, "4 and 7"), ([4, 7, 31], 0, "4, 7 and 31"), ([1, 2, 3, 4, 5], 7, "1, 2, 3 and 9 more")],
)
def test_lists_read_as_sentences(items, more, text):
    assert listed(items, 3, more) == text
