"""Files with certificates that a configuration names: found beside it, and looked into before anything is checked."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Iterator
from pathlib import Path

from ..safe import for_terminal
from ..unexpected import Unexpected
from .places import Place, Problems

#: The bundle of a whole system has 0.2 MiB.
_MOST_BYTES = 16 << 20


def find_ca_files(root: Place, folder: Path, problems: Problems) -> None:
    """Put the whole path into each `ca_file` of a document that lies in `folder`. What cannot be used is noted."""
    for tls in _tls_places(root):
        place = tls["ca_file"]
        if place.broken or not isinstance(place.value, str):
            continue
        path = folder / place.value
        try:
            _look_into(path)
        except (OSError, ValueError) as error:
            told = Unexpected("a file with certificates in PEM", _reason(error)).told(place.found)
            problems.append(place.problem(told))
            tls["ca_file"] = dataclasses.replace(place, broken=True)
        else:
            tls["ca_file"] = dataclasses.replace(place, value=str(path.absolute()))


def _tls_places(root: Place) -> Iterator[dict[str, Place]]:
    """The mappings under `tls` that name a file."""
    lists = (root.get("targets"), root.get("controls"))
    holders = [root.get("defaults"), *(item for each in lists if each is not None for item in each.items())]
    for holder in holders:
        tls = None if holder is None else holder.get("tls")
        if tls is not None and isinstance(tls.value, dict) and "ca_file" in tls.value:
            yield tls.value


def _look_into(path: Path) -> None:
    """Raises OSError, and ValueError for what is no file with certificates."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("this is no regular file")
    if found.st_size > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES >> 20} MiB")
    with path.open("rb"):
        pass  # of a file that may not be read OpenSSL says less
    import ssl  # 15 ms, and only where a file is named

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=str(path))
    except ssl.SSLError:
        raise ValueError("there is no certificate in it") from None


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is none of this name beside the configuration"
    if isinstance(error, PermissionError):
        return "reading it is not permitted"
    words = error.strerror if isinstance(error, OSError) else str(error)
    return for_terminal(words or type(error).__name__)
