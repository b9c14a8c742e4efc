"""Endpoints selected by their tags. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..plan import Endpoint
from ..problems import Problem, Source
from ..unexpected import Unexpected
from .places import Problems
from .shown import did_you_mean


@dataclass(frozen=True, slots=True)
class Selection:
    """wanted: an endpoint must have one of these tags, where there are any. unwanted: and none of these.
    source: of both."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]
    source: Source

    def takes(self, endpoint: Endpoint) -> bool:
        """Say whether the endpoint is selected; a control always is."""
        if endpoint.control:
            return True
        has_one = not self.wanted or any(tag in endpoint.tags for tag in self.wanted)
        return has_one and not any(tag in endpoint.tags for tag in self.unwanted)


def select(endpoints: Sequence[Endpoint], selection: Selection, problems: Problems) -> list[Endpoint]:
    """Return the endpoints that are selected. A tag that no endpoint has is a problem, and so is a selection that
    leaves none: a gate that checks nothing must not be green."""
    known = {tag: None for endpoint in endpoints for tag in endpoint.tags}
    unknown = [tag for tag in (*selection.wanted, *selection.unwanted) if tag not in known]
    for tag in dict.fromkeys(unknown):
        expected = f"a tag of some target ({', '.join(sorted(known))})" if known else "a tag, but no target has any"
        text = Unexpected(expected, did_you_mean(tag, known)).told(f"'{tag}'")
        problems.append(Problem(selection.source, "", text))
    chosen = [endpoint for endpoint in endpoints if selection.takes(endpoint)]
    targets = [endpoint for endpoint in chosen if not endpoint.control]
    if endpoints and not targets and not unknown and (selection.wanted or selection.unwanted):
        problems.append(Problem(selection.source, "", "expected tags that leave a target to check, got none left"))
    return chosen
