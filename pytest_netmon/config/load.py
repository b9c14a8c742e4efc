"""The entry of the configuration: files and options to a plan, or every problem in them at once."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..plan import DEFAULT_INTERVAL_S, DEFAULT_MAX_RATE, DEFAULT_MAX_RATE_PER_HOST, DEFAULT_TIMEOUT_S, Plan
from ..plan_checks import plan_warnings, validate_plan
from ..problems import ConfigurationError, Problem, Source
from .doubles import without_doubles
from .endpoints import first_given, make_endpoints
from .entries import Section
from .options import Overrides, read_options, read_tags
from .places import Problems
from .selection import select
from .settings import Settings
from .vantages import narrowed, needed, read_places

__all__ = ["Overrides", "find_default", "load_plan"]

DEFAULT_NAMES = ("netmon.yaml", "netmon.yml")

MOST_PROBLEMS = 200

EXAMPLE = """\
targets:
  - db.internal:5432
  - https://api.example.com
  - host: cache.internal
    ports: [6379]
    limits: [success >= 99%, p95 < 50ms]"""


def find_default(folder: Path) -> Path | None:
    """Return the configuration file of a folder, None where there is none.

    Raises ConfigurationError where both names are there. The file need not be readable.
    """
    found = [folder / name for name in DEFAULT_NAMES if os.path.lexists(folder / name)]
    if len(found) > 1:
        text = f"expected one of {' and '.join(DEFAULT_NAMES)}, got both: keep one of them"
        raise ConfigurationError([Problem(Source(found[1].name), "", text)])
    return found[0] if found else None


def load_plan(files: Sequence[Path], overrides: Overrides, *, env: Mapping[str, str], base: Path) -> Plan:
    """Return the plan that files and options come to.

    files: their endpoints stand in this order, before those of the options; an included file's
    before those of the file that includes it. env: where variables come from. base: the folder
    from which messages name files.

    Of several rates the option's counts, else the lowest of all files. The plan's own interval and
    timeout are the options', else those of the first file's defaults.

    Raises ConfigurationError with all problems of all files, in the order of their places.
    """
    problems = Problems()
    options = read_options(overrides, problems)
    names, sections = _read_files(files, env, base, problems)
    plan = Plan(endpoints=[], files=names)
    _fill(plan, options, sections, overrides, problems, env)
    _compare(plan, overrides, base, problems)
    if problems:
        raise ConfigurationError(_shortened(_in_order(problems)))
    if all(endpoint.control for endpoint in plan.endpoints):
        raise ConfigurationError([_no_targets(plan, overrides)])
    plan.warnings += plan_warnings(plan)
    return plan


def _read_files(
    files: Sequence[Path], env: Mapping[str, str], base: Path, problems: Problems
) -> tuple[tuple[str, ...], list[Section]]:
    """Return the names of all files, those that the user named first, and what they say."""
    if not files:
        return (), []
    from .files import read_files, shown_path  # yaml and jsonschema: 0.2 s

    sections = read_files(files, env, base, problems)
    named = [shown_path(path, base) for path in files]
    return tuple(dict.fromkeys([*named, *(section.name for section in sections)])), sections


def _fill(
    plan: Plan,
    options: Section,
    sections: list[Section],
    overrides: Overrides,
    problems: Problems,
    env: Mapping[str, str],
) -> None:
    """Give the plan its endpoints and values; note what is wrong with it as a whole."""
    entries = [entry for section in (*sections, options) for entry in (*section.controls, *section.entries)]
    places = read_places([section.vantages for section in sections], overrides, problems)
    problems += places.unknown([*(section.defaults for section in sections), *(entry.own for entry in entries)])
    endpoints, warnings = make_endpoints(entries, options.defaults, overrides.option("port"), problems, env, places)
    if not all(section.defaults_are_sound for section in (*sections, options)):
        return
    distinct = without_doubles(endpoints)
    problems += distinct.problems
    tagged = select(distinct.endpoints, read_tags(overrides, problems), problems)
    plan.endpoints += narrowed(tagged, places, overrides, problems)
    plan.vantages = needed(plan.endpoints, places, problems)
    plan.deselected = len(distinct.endpoints) - len(tagged)
    plan.elsewhere = len(tagged) - len(plan.endpoints)
    plan.warnings += [*warnings, *distinct.warnings]
    plan.included = {section.name: section.included_by for section in sections if section.included_by}
    first = next((section.defaults for section in sections if section.name == plan.files[0]), Settings())
    plan.interval_s = first_given(DEFAULT_INTERVAL_S, (options.defaults.interval_s, first.interval_s))
    plan.timeout_s = first_given(DEFAULT_TIMEOUT_S, (options.defaults.timeout_s, first.timeout_s))
    plan.max_rate = _rate(options.max_rate, [section.max_rate for section in sections], DEFAULT_MAX_RATE)
    plan.max_rate_per_host = _rate(
        options.max_rate_per_host, [section.max_rate_per_host for section in sections], DEFAULT_MAX_RATE_PER_HOST
    )
    if plan.endpoints:
        problems += {(problem.source, problem.text): problem for problem in reversed(validate_plan(plan))}.values()


def _compare(plan: Plan, overrides: Overrides, base: Path, problems: Problems) -> None:
    """Give the plan its baseline; settings without one are told, and so is one with which nothing is compared."""
    option = overrides.option("baseline")
    compared = [endpoint for endpoint in plan.checked if endpoint.is_compared]
    if overrides.baseline is None:
        if compared:
            plan.warnings.append(
                f"nothing is compared without an earlier run, whatever baseline says: give {option}=FILE"
            )
        return
    from .baseline_file import load_baseline

    plan.baseline = load_baseline(overrides.baseline, option, base, problems)
    if plan.endpoints and not compared and not problems:
        text = "expected a target to compare with it, one that is to be open and no control, got none"
        problems.append(Problem(Source(option), "", text))


def _rate(option: float | None, of_files: list[float | None], built_in: float) -> float:
    if option is not None:
        return option
    return min((rate for rate in of_files if rate is not None), default=built_in)


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort by place; files in the order in which they were read."""
    files: dict[str, int] = {}
    for problem in problems:
        files.setdefault(problem.source.file, len(files))
    return sorted(problems, key=lambda each: (files[each.source.file], each.source.line, each.source.column))


def _shortened(problems: list[Problem]) -> list[Problem]:
    """Leave out what nobody reads: some other YAML file, named by mistake, is wrong in thousands of places."""
    if len(problems) <= MOST_PROBLEMS:
        return problems
    first_left_out = problems[MOST_PROBLEMS]
    text = f"and {len(problems) - MOST_PROBLEMS} more problems from here on: is this the right file?"
    return [*problems[:MOST_PROBLEMS], Problem(first_left_out.source, "", text)]


def _no_targets(plan: Plan, overrides: Overrides) -> Problem:
    option = overrides.target_hint or f"{overrides.option('target')}=HOST:PORT"
    start = f"A netmon.yaml to start from:\n\n{EXAMPLE}"
    if plan.files:
        return Problem(Source(plan.files[0]), "", f"expected targets here or in {option}, got none. {start}")
    return Problem(Source(DEFAULT_NAMES[0]), "", f"expected this file or {option}, got neither. {start}")
