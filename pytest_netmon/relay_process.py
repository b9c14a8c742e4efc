"""The relay's process: started where a plan has vantages, told its job, ended."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from .prober_process import ProberProcess

# Loads this package and execnet from their own folders: with -I, nothing of the working folder gets in its way.
_BOOTSTRAP = """\
import importlib.util, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
for name, folder in zip(("pytest_netmon", "execnet"), sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
from pytest_netmon.relay.main import main
sys.exit(main())
"""


class RelayProcess(ProberProcess):
    """A relay that waits for its job. Raises OSError where it cannot be started, ImportError without execnet."""

    _name = "the relay"

    def _arguments(self) -> Sequence[str]:
        execnet = importlib.util.find_spec("execnet")
        if execnet is None or execnet.origin is None:
            raise ImportError("vantages need execnet: pip install 'pytest-netmon[vantages]'")
        return _BOOTSTRAP, str(Path(__file__).parent), str(Path(execnet.origin).parent)
