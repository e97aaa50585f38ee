"""What all tests share: the command line in a process of its own, the site of the sample runs, and the rule that no
browser test may be skipped in CI.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a machine that is busy is no fault of the code
settings.load_profile("untimed")
pytest_plugins = ["tests.browser"]

ROOT = Path(__file__).parent.parent
"""The repository."""
SAMPLES = ROOT / "sample_runs"
NEVER_SKIPPED = frozenset({"browser", "server"})
"""Markers of tests whose skipping fails a run with `CI=true`."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


def reportgen(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    """Run the command line as a user would, in `cwd`, with the cache folder beside it; `env` adds variables."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "XDG_CACHE_HOME": str(cwd / ".cache"),
        **(env or {}),
    }
    command = [sys.executable, "-m", "reportgen", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8")
    return Ran(done.returncode, done.stdout, done.stderr)


def build_sample_site(out: Path, *options: str | Path, env: Mapping[str, str] | None = None) -> Ran:
    """Build the sample runs into `out` with the options that the README gives; fail the test when that fails."""
    config = SAMPLES / "reportgen.toml"
    ran = reportgen("build", SAMPLES, "-o", out, "--config", config, *options, cwd=out.parent, env=env)
    assert ran.status == 0, f"the build ended with {ran.status}:\n{ran.out}\n{ran.err}"
    return ran


@pytest.fixture(scope="session")
def sample_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a site made of `sample_runs/`; tests read it and leave it as it is.

    All test processes share one folder. Each builds into it: the first writes it, the others wait for its lock and
    then have nothing to write, which is what the builder promises.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    shared = base / "sample"
    shared.mkdir(exist_ok=True)
    build_sample_site(shared / "site")
    return shared / "site"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run with `CI=true` in which a test of a kind that needs a browser or a server was skipped."""
    if os.environ.get("CI", "").lower() != "true" or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = [r.nodeid for r in reporter.stats.get("skipped", []) if NEVER_SKIPPED & set(getattr(r, "keywords", ()))]
    if skipped:
        reporter.write_line("")
        reporter.write_line(f"skipped in CI, where nothing may be missing: {', '.join(skipped)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
