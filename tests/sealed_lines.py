"""Lines of a sample file written by hand, with their checksums."""

from __future__ import annotations

import json

from pytest_netmon.prober.protocol import sealed


def line_of(value: object) -> str:
    """The line for a value (an array or an object), or for its JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return sealed(f"{text}\n".encode()).decode()
