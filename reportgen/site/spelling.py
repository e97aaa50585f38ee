"""Finds the name that a mistyped one was meant to be, for error messages."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(name: str, choices: Iterable[str]) -> str:
    """Return ` did you mean 'x'?` (with the space in front) for the choice nearest to `name`, or nothing."""
    import difflib  # an error message is rare, and the command line starts without it

    lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    return f" did you mean '{lower[near[0]]}'?" if near else ""
