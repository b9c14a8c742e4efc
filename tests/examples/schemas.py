"""Files of other systems against the schemas of those systems, as check-jsonschema ships them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
GITHUB = ROOT / ".github"


def complaints(schema: str, path: Path) -> str:
    """Return what a schema has against a file, nothing where it is valid."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed (extra: test)")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
