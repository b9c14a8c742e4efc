"""pytest-netmon: can this machine reach what it needs, fast enough, and if not, why?

The names here are the public API. They are imported when first used: this module is on the way
of every import, also the prober's, and itself imports neither pytest nor anything of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .distributions import Distribution
    from .limits import Limit, parse_limit
    from .plan import Endpoint, Plan
    from .problems import ConfigurationError, Problem, Source
    from .run import Result, Run
    from .samples import Sample
    from .statistics import Statistics
    from .verdict import LimitResult, Verdict

__version__ = "0.1.0"

_HOMES = {
    "ConfigurationError": "problems",
    "Distribution": "distributions",
    "Endpoint": "plan",
    "Limit": "limits",
    "LimitResult": "verdict",
    "Plan": "plan",
    "Problem": "problems",
    "Result": "run",
    "Run": "run",
    "Sample": "samples",
    "Source": "problems",
    "Statistics": "statistics",
    "Verdict": "verdict",
    "parse_limit": "limits",
}

__all__ = [
    "ConfigurationError",
    "Distribution",
    "Endpoint",
    "Limit",
    "LimitResult",
    "Plan",
    "Problem",
    "Result",
    "Run",
    "Sample",
    "Source",
    "Statistics",
    "Verdict",
    "__version__",
    "parse_limit",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
