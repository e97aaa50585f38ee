"""What a run noted of its surroundings, as one line and as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

NAMED_PACKAGES: Final = ("torch", "tensorflow", "jax", "flax", "lightning", "transformers", "scikit-learn", "numpy")
"""Packages worth naming in one line, the most telling first."""
_MAX_NAMED: Final = 2
_MAX_VALUE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Environment:
    """Surroundings of a run."""

    said: str
    """`Python 3.12.7, torch 2.9.1, Linux-6.8-x86_64`; may be empty."""
    facts: tuple[tuple[str, str], ...]
    """Name, nested names joined with `.`, and value."""
    packages: tuple[tuple[str, str], ...]
    """Name and version, by name."""


def make_environment(env: Mapping[str, Any]) -> Environment | None:
    """Return the surroundings, None when the run noted nothing. Any JSON value may stand anywhere in `env`."""
    noted = env.get("packages")
    packages = {str(k): _text(v) for k, v in noted.items()} if isinstance(noted, Mapping) else {}
    kept = {name: value for name, value in env.items() if name != "packages" or not isinstance(value, Mapping)}
    facts = tuple(_iter_facts(kept, ""))
    if not facts and not packages:
        return None
    named = [f"{name} {packages[name]}" for name in NAMED_PACKAGES if name in packages][:_MAX_NAMED]
    python, platform = env.get("python"), env.get("platform")
    said = [f"Python {python}"] if isinstance(python, str) else []
    said += named
    said += [platform] if isinstance(platform, str) else []
    return Environment(", ".join(said), facts, tuple(sorted(packages.items(), key=lambda p: (p[0].lower(), p[0]))))


def _iter_facts(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value and prefix.count(".") < 4:
            yield from _iter_facts(value, f"{prefix}{name}.")
        elif value is not None and value not in ("", [], {}):
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
