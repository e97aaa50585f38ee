"""The worker processes that the command line lends to a build."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reportgen.errors import ReportgenError

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from multiprocessing.context import BaseContext


def default_jobs() -> int:
    """Return the number of cores that this process may use."""
    if sys.platform == "win32":
        return min(os.cpu_count() or 1, 61)  # more handles than Windows can wait for
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def worker_pool(jobs: int) -> Iterator[Callable[[], Executor] | None]:
    """Yield what starts a pool of `jobs` processes when it is called, so that a build with no work pays for none.

    With one job it yields None: everything runs in this process. Whatever ends the block, jobs that have not begun
    are dropped and the processes are waited for. A worker that dies becomes a `ReportgenError`.
    """
    if jobs == 1:
        yield None
        return
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    pools: list[Executor] = []

    def start() -> Executor:
        pools.append(ProcessPoolExecutor(jobs, mp_context=_context(), initializer=_prepare))
        return pools[-1]

    try:
        yield start
    except BrokenProcessPool as error:
        raise ReportgenError(
            "a worker process ended unexpectedly, often for want of memory: try again with --jobs 1"
        ) from error
    finally:
        for pool in pools:
            pool.shutdown(wait=True, cancel_futures=True)


def _context() -> BaseContext | None:
    """Return how workers start: the platform's way, but no fork from Python 3.12 on, which warns of numpy's threads."""
    import multiprocessing

    methods = multiprocessing.get_all_start_methods()
    return (
        multiprocessing.get_context("forkserver") if sys.version_info >= (3, 12) and "forkserver" in methods else None
    )


def _prepare() -> None:
    """Begin a worker: Ctrl-C is left to the parent, since a worker that dies of it prints a traceback over its line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # what is loaded stays: the collector need not look at it again and again
