"""The file of a baseline, which is the results of an earlier run."""

from __future__ import annotations

from pathlib import Path

from ..baseline import Baseline
from ..problems import Problem, Source
from ..results import MOST_BYTES, baseline_of, run_of_results
from ..safe import for_terminal
from .places import Problems


def load_baseline(name: str, option: str, base: Path, problems: Problems) -> Baseline | None:
    """Return the baseline in the file `name`, relative to `base`; None where it cannot be read, which is noted of the
    option that named it."""
    shown = for_terminal(name, None)
    try:
        with (base / name).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        return baseline_of(run_of_results(data.decode("utf-8-sig")), name)
    except OSError as error:
        told = f"cannot read {shown or 'a file without a name'}: {for_terminal(error.strerror or str(error))}"
    except UnicodeDecodeError as error:
        told = f"{shown}: byte {error.start}: no UTF-8"
    except ValueError as error:  # also DocumentError, and a NUL in the name
        told = f"{shown}: {for_terminal(str(error), None)}"
    problems.append(Problem(Source(option), "", f"{told} (expected a baseline: the netmon.json of an earlier run)"))
    return None
