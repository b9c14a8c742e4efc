"""What a run leaves with the CI system that it runs under: the summary of its job, annotations.

Nothing here fails a run: what could not be left is said.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .files import ArtifactError, append_text, write_whole

if TYPE_CHECKING:
    from .reports.annotations import Runner
    from .run import Run

#: Less room than this is not worth a summary that is cut.
_LEAST_BYTES = 16 * 1024


@dataclass(frozen=True)
class Left:
    """commands: lines for the runner, each to be written at the start of a line. trouble: what could not be left, and
    why; None where all was."""

    commands: tuple[str, ...] = ()
    trouble: str | None = None


def leave_summary(run: Run, env: Mapping[str, str]) -> Left:
    """Add the run to the job's summary where `env` says that there is one: to the file GITHUB_STEP_SUMMARY, or, under
    Azure Pipelines (TF_BUILD), with a file of its own that the command names."""
    try:
        if env.get("GITHUB_STEP_SUMMARY"):
            return _append_to(Path(env["GITHUB_STEP_SUMMARY"]), run)
        if env.get("TF_BUILD") and env.get("AGENT_TEMPDIRECTORY"):
            return _write_beside(Path(env["AGENT_TEMPDIRECTORY"]), run)
    except ArtifactError as error:
        return Left(trouble=f"no job summary: {error}")
    return Left()


def failure_annotations(run: Run, env: Mapping[str, str], started_in: Path) -> list[str]:
    """Return the commands that show failures at their lines of the configuration, in Azure's words where `env` says
    so, else in GitHub's. `started_in`: what the paths that users gave are relative to."""
    from .reports.annotations import annotation_lines

    runner: Runner = "azure" if env.get("TF_BUILD") else "github"
    root = env.get("BUILD_SOURCESDIRECTORY" if runner == "azure" else "GITHUB_WORKSPACE")
    return annotation_lines(run, runner, lambda file: _in_repository(started_in / file, file, root))


def _append_to(path: Path, run: Run) -> Left:
    from .reports.markdown_report import MOST_BYTES, markdown_summary

    room_bytes = MOST_BYTES - _size_of(path)
    if room_bytes < _LEAST_BYTES:
        return Left(trouble="no job summary: other steps' words have used up its room (1,024 KiB)")
    append_text(path, markdown_summary(run, room_bytes))
    return Left()


def _write_beside(folder: Path, run: Run) -> Left:
    from .reports.annotations import upload_summary_line
    from .reports.markdown_report import markdown_summary

    path = folder.absolute() / f"netmon-summary-{secrets.token_hex(4)}.md"
    write_whole(path, [markdown_summary(run)])
    return Left((upload_summary_line(str(path)),))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # what is in the way will be said when it is written to


def _in_repository(path: Path, named: str, root: str | None) -> str:
    """The path from the root of the repository; as it was named where it is elsewhere."""
    if root is None:
        return named
    try:
        return path.resolve().relative_to(Path(root).resolve()).as_posix()
    except (ValueError, OSError):
        return named
