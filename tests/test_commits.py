"""Commits as runs tell of them: their order, and what lies between two."""

from __future__ import annotations

from dataclasses import replace

from reportgen.analysis.commits import MAX_RANGE, Commit, collect_commits, order_commits, range_of
from tests.factories import START
from tests.historyruns import commit_hash, run_at, without_commit


def test_a_commit_is_known_from_any_run_that_tells_of_it() -> None:
    bare = replace(run_at(3, 1.0), commit_time=None, commit_parents=(), commit_subject="", start_time=START - 5)
    known = collect_commits([bare, run_at(3, 1.0, seed=1), without_commit(run_at(4, 1.0))])
    whole = run_at(3, 1.0)
    assert known == {whole.commit: Commit(whole.commit, whole.commit_time or 0, (commit_hash(2),), "Commit number 3")}


def test_without_its_time_a_commit_stands_where_its_first_run_started() -> None:
    runs = [replace(run_at(3, 1.0, seed=s), commit_time=None) for s in (1, 0)]
    assert collect_commits(runs)[commit_hash(3)].time == min(run.start_time for run in runs)


def test_commits_stand_in_order_of_time_and_never_before_a_parent() -> None:
    runs = [replace(run_at(n, 1.0), commit_time=START if n != 2 else START - 999) for n in (5, 3, 2, 4)]
    commits = collect_commits(runs)
    times = {name: c.time for name, c in commits.items()}
    assert order_commits(times, commits) == [commit_hash(n) for n in (2, 3, 4, 5)]
    late_parent = {**commits, commit_hash(3): replace(commits[commit_hash(3)], time=START + 999)}
    times = {name: c.time for name, c in late_parent.items()}
    assert order_commits(times, late_parent) == [commit_hash(n) for n in (2, 3, 4, 5)]


def test_days_without_a_commit_stand_among_commits() -> None:
    commits = collect_commits([run_at(1, 1.0), run_at(3, 1.0)])
    times: dict[object, float] = {name: c.time for name, c in commits.items()}
    times[12_345] = commits[commit_hash(1)].time + 1
    assert order_commits(times, commits) == [commit_hash(1), 12_345, commit_hash(3)]


def test_parents_in_a_circle_lose_no_commit() -> None:
    runs = [run_at(1, 1.0, parents=(2,)), run_at(2, 1.0, parents=(1,)), run_at(3, 1.0, parents=(3,))]
    commits = collect_commits(runs)
    times = {name: c.time for name, c in commits.items()}
    assert order_commits(times, commits) == [commit_hash(3), commit_hash(1), commit_hash(2)]
    assert range_of(commit_hash(9), commit_hash(1), commits, {}) is not None


def test_a_range_of_neighbours_is_one_commit() -> None:
    commits = collect_commits([run_at(1, 1.0), run_at(2, 1.0)])
    found = range_of(commit_hash(1), commit_hash(2), commits, {commit_hash(1): 0, commit_hash(2): 1})
    assert found is not None and found.whole and found.count == 1
    assert [c.observation for c in found.commits] == [1, 0]
    assert found.unmeasured == ()


def test_a_range_names_commits_that_only_others_measured() -> None:
    commits = collect_commits([run_at(n, 1.0) for n in (1, 2, 3, 4)])
    found = range_of(commit_hash(1), commit_hash(4), commits, {commit_hash(1): 0, commit_hash(4): 1})
    assert found is not None and found.whole and found.count == 3
    assert [c.subject for c in found.unmeasured] == ["Commit number 3", "Commit number 2"]


def test_a_range_with_a_hole_says_so_and_names_the_parent_that_is_known() -> None:
    commits = collect_commits([run_at(1, 1.0), run_at(4, 1.0)])
    found = range_of(commit_hash(1), commit_hash(4), commits, {commit_hash(1): 0, commit_hash(4): 1})
    assert found is not None and not found.whole
    assert [(c.commit, c.time is None) for c in found.unmeasured] == [(commit_hash(3), True)]


def test_a_merge_brings_commits_that_nobody_counts() -> None:
    commits = collect_commits([run_at(1, 1.0), run_at(5, 1.0, parents=(1, 4))])
    found = range_of(commit_hash(1), commit_hash(5), commits, {})
    assert found is not None and not found.whole and found.count == 1


def test_a_range_of_unknown_or_equal_commits_is_none() -> None:
    assert range_of("", commit_hash(1), {}, {}) is None
    assert range_of(commit_hash(1), "", {}, {}) is None
    assert range_of(commit_hash(1), commit_hash(1), {}, {}) is None


def test_a_range_ends_somewhere() -> None:
    commits = collect_commits([run_at(n, 1.0) for n in range(1, 200)])
    found = range_of(commit_hash(0), commit_hash(199), commits, {})
    assert found is not None and not found.whole and found.count == MAX_RANGE
