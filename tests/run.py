"""The one test command: `python -m tests.run [pytest arguments]`.

It finds a Chromium for the browser tests, or installs one, and runs pytest with one process more than there are cores,
since a browser test waits much of its time. Each process is given tests that stand together, which share what they
build, and takes some of another's when it is done. The package is compiled before, since hundreds of tests start it in
a process of its own, and temporary files lie in memory where there is plenty of it (`TMPDIR` puts them elsewhere, where
those of failed tests can be looked at after the run).

The browser is looked for in `REPORTGEN_CHROMIUM`, on `PATH`, and where Playwright keeps its own. Where none is found
and none can be installed, the browser tests are skipped and say so; with `CI=true` such a skip fails the run (see
`conftest.py`).
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
MEMORY = Path("/dev/shm")
"""A file system in memory, where the system has one."""
ENOUGH_BYTES = 4 << 30
"""Room that must be free there, several times of what the tests write."""
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")


def main(arguments: Sequence[str]) -> int:
    """Run the tests and return pytest's exit status."""
    chromium = find_chromium() or install_chromium()
    environment = dict(os.environ)
    if chromium:
        environment["REPORTGEN_CHROMIUM"] = chromium
    chosen = any(a == "-n" or a.startswith(("-n", "--numprocesses", "--pdb")) for a in arguments)
    workers = [] if chosen else [f"-n{(os.cpu_count() or 1) + 1}", "--dist=worksteal"]
    command = [sys.executable, "-m", "pytest", *workers, *arguments]
    compileall.compile_dir(ROOT / "reportgen", quiet=1)
    with temporary_files() as folder:
        if folder:
            environment["TMPDIR"] = folder
        return subprocess.run(command, cwd=ROOT, env=environment).returncode


@contextmanager
def temporary_files() -> Iterator[str | None]:
    """Yield a folder in memory for temporary files, gone afterwards; None where the usual one serves better."""
    named = any(name in os.environ for name in ("TMPDIR", "TEMP", "TMP", "PYTEST_DEBUG_TEMPROOT"))
    if named or not _serves(MEMORY):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="reportgen-tests-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield folder


def _serves(folder: Path) -> bool:
    """Tell whether tests can work in a folder: write a lot, and start the programs that they write."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize >= ENOUGH_BYTES and not system.f_flag & os.ST_NOEXEC


def find_chromium() -> str | None:
    """Return the path of a Chromium that is there, None when there is none."""
    named = os.environ.get("REPORTGEN_CHROMIUM", "")
    if named:
        if not Path(named).is_file():
            sys.exit(f"tests.run: REPORTGEN_CHROMIUM names '{named}', which is no file: mend it or unset it")
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    return _playwright_chromium()


def install_chromium() -> str | None:
    """Install Chromium with the system's package manager or Playwright; return its path, None when neither could."""
    print("tests.run: no Chromium found, installing one", file=sys.stderr)
    if shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "chromium"]):
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)
        if found := shutil.which("chromium"):
            return found
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    return _playwright_chromium()


def _playwright_chromium() -> str | None:
    """Return the path of the Chromium that Playwright has installed, asked for in a process of its own."""
    script = "from playwright.sync_api import sync_playwright as p\nwith p() as b: print(b.chromium.executable_path)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip()
    return found if found and Path(found).is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
