"""What a run notes of its surroundings. Nothing in here may fail the training, slow its start, or publish secrets.

`code` reads git and the command line, `environment` the interpreter and its packages, `job` which pod, batch job or
pipeline the run is, `redaction` knows what a secret looks like, `names` makes names for runs. More kinds of
surroundings (hardware, system metrics) get a module each and a line in `read_surroundings`.
"""

from __future__ import annotations

from typing import Any

_known: list[dict[str, Any]] | None = None


def read_surroundings() -> list[dict[str, Any]]:
    """Return the `code` and `env` events of this process.

    They are read once a process: what runs is what was loaded at its start, whatever happens to the files later.
    """
    global _known
    if _known is None:
        try:
            _known = _read()
        except Exception as error:  # noqa: BLE001 - the outer edge of capture: whatever is odd here, training goes on
            _known = [{"event": "env", "problem": f"{type(error).__name__}: {error}"}]
    return _known


def known_surroundings() -> list[dict[str, Any]] | None:
    """Return what `read_surroundings` has read already, else None."""
    return _known


def _read() -> list[dict[str, Any]]:
    import sys
    from pathlib import Path

    from reportgen.capture.code import read_code
    from reportgen.capture.environment import read_environment

    main_file = getattr(sys.modules.get("__main__"), "__file__", None)
    program = Path(main_file).absolute() if main_file else None
    return [
        {"event": "code", **read_code(program, getattr(sys, "argv", None) or [""])},
        {"event": "env", **read_environment()},
    ]
