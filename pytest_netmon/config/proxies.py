"""Which proxy a target is checked through: from what a file, an option and the environment say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ..problems import Problem, Source
from ..proxying import (
    A_PROXY,
    PASSWORD_VARIABLE,
    USER_VARIABLE,
    Proxy,
    credentials_of,
    environment_proxy,
    parse_proxy,
    variable_of,
)
from ..unexpected import Unexpected
from .places import Value, from_variable

ProxyChoice = Proxy | Literal["env", "none"]

_ENVIRONMENT = Source("environment")


def read_proxy(value: Value) -> ProxyChoice:
    """Return `env`, `none` or the proxy that a URL names."""
    if value == "env":
        return "env"
    if value == "none":
        return "none"
    if isinstance(value, bool) or value is None:
        raise Unexpected(f"env, none or {A_PROXY}", "write proxy: none to go direct")
    if not isinstance(value, str) or not value.strip():
        raise Unexpected(f"env, none or {A_PROXY}")
    try:
        return parse_proxy(value)
    except Unexpected as unexpected:
        raise Unexpected(unexpected.expected.replace(A_PROXY, f"env, none or {A_PROXY}"), unexpected.hint) from None


class Proxies:
    """Turns choices into proxies; what is wrong with the environment is noted once, in `problems`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._env = env

    def of(self, choice: ProxyChoice | None, host: str, port: int) -> Proxy | None:
        """Return the proxy of a target, None where it is checked directly."""
        if choice is None or choice == "none":
            return None
        proxy = self._named(host, port) if choice == "env" else choice
        if proxy is not None:
            self._check_credentials(proxy)
        return proxy

    def _named(self, host: str, port: int) -> Proxy | None:
        try:
            return environment_proxy(host, port, self._env)
        except Unexpected as unexpected:
            variable = variable_of(self._env) or ""
            self._note(variable, unexpected.told(from_variable([variable])))
            return None

    def _check_credentials(self, proxy: Proxy) -> None:
        try:
            credentials_of(proxy, self._env)
        except Unexpected as unexpected:
            names = proxy.variable or f"{USER_VARIABLE}, {PASSWORD_VARIABLE}"
            self._note(names, unexpected.told("one that cannot be sent"))

    def _note(self, names: str, text: str) -> None:
        problem = Problem(_ENVIRONMENT, names, text)
        if problem not in self.problems:
            self.problems.append(problem)
