"""`python -m reportgen` is the command `reportgen`."""

from __future__ import annotations

from reportgen.cli import main

if __name__ == "__main__":
    main(prog_name="reportgen")
