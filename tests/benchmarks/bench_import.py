"""What `import reportgen` costs a training script: `python -m tests.benchmarks.bench_import`.

Each statement runs in fresh interpreters with compiled modules. Counted is their CPU time, because other programs take
turns on the machine; that of an interpreter that imports nothing is taken off, and `import orjson`, which the logger
cannot do without, is the limit to compare with.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

TURNS = 15
ROOT = Path(__file__).parent.parent.parent
STATEMENTS = {
    "nothing": "pass",
    "import orjson": "import orjson",
    "import json, re, hashlib": "import json, re, hashlib",
    "import reportgen": "import reportgen",
    "… and reportgen.start_run": "import reportgen; reportgen.start_run",
}
LIMIT_MS, LIMIT_MODULES = 40, 120


def time_statement(statement: str, compiled: str) -> float:
    """Return the CPU milliseconds of one interpreter that runs `statement`; `compiled` is the folder for bytecode."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment["PYTHONPYCACHEPREFIX"] = compiled
    subprocess.run((sys.executable, "-c", statement), check=True, cwd=ROOT, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def count_modules(statement: str) -> int:
    """Return how many modules `statement` loads in a fresh interpreter."""
    script = f"import sys; before = len(sys.modules)\n{statement}\nprint(len(sys.modules) - before)"
    done = subprocess.run((sys.executable, "-c", script), check=True, cwd=ROOT, capture_output=True, text=True)
    return int(done.stdout)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        for statement in STATEMENTS.values():
            time_statement(statement, folder)
        turns = [{label: time_statement(code, folder) for label, code in STATEMENTS.items()} for _ in range(TURNS)]
    print(f"{'statement':28} {'ms':>7} {'x orjson':>9} {'modules':>8}")
    limit = median(turn["import orjson"] - turn["nothing"] for turn in turns)
    for label, statement in STATEMENTS.items():
        cost = median(turn[label] - turn["nothing"] for turn in turns)
        modules = count_modules(statement)
        verdict = (
            "" if cost <= LIMIT_MS and modules <= LIMIT_MODULES else f"  over {LIMIT_MS} ms or {LIMIT_MODULES} modules"
        )
        print(f"{label:28} {cost:7.1f} {cost / limit:9.2f} {modules:8}{verdict}")


if __name__ == "__main__":
    main()
