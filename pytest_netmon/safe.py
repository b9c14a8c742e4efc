"""Foreign text made harmless for where it goes, one function a sink. Pure.

Foreign is what we did not write: host names, YAML values, messages of the system and the resolver.
"""

from __future__ import annotations
