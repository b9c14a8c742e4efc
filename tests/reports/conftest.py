"""Property tests here have no deadline: a busy machine is no failure."""

from __future__ import annotations
