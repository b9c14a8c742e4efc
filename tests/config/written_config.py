"""Configurations as a test writes them: text to a plan, or to the lines that a user would read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_netmon.config.load import Overrides, load_plan
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.problems import ConfigurationError


class Written:
    """A folder of configuration files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def load(self, *names: str, env: dict[str, str] | None = None, **options: object) -> Plan:
        """The plan of files that were written before."""
        overrides = Overrides(**options)  # type: ignore[arg-type]
        return load_plan([self.folder / name for name in names], overrides, env=env or {}, base=self.folder)

    def plan(self, text: str | bytes, env: dict[str, str] | None = None, **options: object) -> Plan:
        """The plan of one file, netmon.yaml, with this text."""
        self.write("netmon.yaml", text)
        return self.load("netmon.yaml", env=env, **options)

    def lines(self, *names: str, env: dict[str, str] | None = None, **options: object) -> list[str]:
        """The problems of files that were written before, as a user reads them."""
        with pytest.raises(ConfigurationError) as raised:
            self.load(*names, env=env, **options)
        return str(raised.value).splitlines()

    def problems(self, text: str | bytes, env: dict[str, str] | None = None, **options: object) -> list[str]:
        """The problems of one file, netmon.yaml, with this text, as a user reads them."""
        self.write("netmon.yaml", text)
        return self.lines("netmon.yaml", env=env, **options)

    def endpoint(self, text: str, env: dict[str, str] | None = None, **options: object) -> Endpoint:
        """The only endpoint of one file, netmon.yaml, with this text."""
        (endpoint,) = self.plan(text, env, **options).endpoints
        return endpoint


def limits_of(endpoint: Endpoint) -> list[str]:
    return [limit.text for limit in endpoint.limits]
