"""pytest's command line and ini, read once: which files, which options, where reports go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_netmon.config.load import Overrides, find_default

REPORT_FOLDER = "netmon-report"
#: In place of a file's path in the ids of endpoints that no file names.
NO_FILE = "netmon"
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Settings:
    """files: absolute, in the order in which they were named, each once. bare_ids: tests asked for by
    ids that name no file (`netmon::test_tcp[db:5432]`). overrides: options, which go before what
    files say. report_folder: None for no artifacts."""

    files: tuple[Path, ...]
    bare_ids: tuple[str, ...]
    overrides: Overrides
    report_folder: Path | None

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """Read pytest's configuration; no file is opened. Exact ids without a file leave pytest's arguments.

        Raises ConfigurationError where the rootdir has two files to choose from.
        """
        files = _files(config)
        return cls(
            files=files,
            bare_ids=() if files else _take_bare_ids(config),
            overrides=_overrides(config),
            report_folder=report_folder(config),
        )


def report_folder(config: pytest.Config) -> Path | None:
    """Where artifacts go, None for nowhere."""
    named = config.option.netmon_report
    folder = REPORT_FOLDER if named is None else named.strip()
    return config.invocation_params.dir / folder if folder else None


def path_of(argument: str) -> str:
    """`deploy/netmon.yaml::test_tcp[[::1]:443]` -> `deploy/netmon.yaml`, as pytest takes its arguments apart."""
    return argument.partition("[")[0].partition("::")[0]


def _files(config: pytest.Config) -> tuple[Path, ...]:
    """Named by options and arguments; else by ini; else netmon.yaml in the rootdir, unless targets are options."""
    started_in = config.invocation_params.dir
    arguments = [name for name in map(path_of, config.args) if name.endswith(_YAML)]
    named = [started_in / name for name in [*(config.option.netmon_config or []), *arguments]]
    named = named or config.getini("netmon_config")
    if not named and not config.option.netmon_target:
        found = find_default(config.rootpath)
        named = [found] if found else []
    # As pytest makes its paths absolute: symbolic links stay as they were named.
    return tuple(dict.fromkeys(Path(os.path.abspath(path)) for path in named))  # noqa: PTH100


def _take_bare_ids(config: pytest.Config) -> tuple[str, ...]:
    """Take `netmon::test_tcp[...]` out of pytest's arguments, where it would be looked for as a file."""
    bare = tuple(argument for argument in config.args if argument.startswith(f"{NO_FILE}::"))
    config.args[:] = [argument for argument in config.args if argument not in bare]
    return bare


def _overrides(config: pytest.Config) -> Overrides:
    option = config.option
    return Overrides(
        targets=tuple(option.netmon_target or ()),
        ports=tuple(option.netmon_port or ()),
        count=option.netmon_count,
        interval=option.netmon_interval,
        timeout=option.netmon_timeout,
        wait=option.netmon_wait,
        proxy=option.netmon_proxy,
        family=option.netmon_family,
        addresses=option.netmon_addresses,
        limits=tuple(option.netmon_limit or ()),
        max_rate=option.netmon_max_rate,
        max_rate_per_host=option.netmon_max_rate_per_host,
        tags=tuple(option.netmon_tag or ()),
        baseline=option.netmon_baseline,
        vantages=tuple(option.netmon_vantage or ()),
    )
