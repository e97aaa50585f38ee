"""The writer as a build sees it: what comes, what goes, what stays, and which folders and files it refuses."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import orjson
import pytest

from reportgen.errors import SiteError
from reportgen.formats import run_key
from reportgen.site import folder as folder_module
from reportgen.site import lock as lock_module
from reportgen.site import urls
from reportgen.site.lock import FolderLock
from reportgen.site.writer import SiteWriter, WriteReport
from reportgen.sources.statcache import StatCache

Site = Mapping[str, bytes]


def small_site(*runs: str, text: str = "") -> dict[str, bytes]:
    """Return a whole small site of `runs`, pages linked in every direction; `text` stands on all pages."""
    theme = f"/* {text} */".encode()
    style = f"assets/theme.{sha256(theme)[:8]}.css"
    files = {style: theme, urls.SEARCH_JS: text.encode(), urls.INDEX_JS: text.encode()}
    run_pages = {run: urls.run_page(run_key(run), run) for run in runs}
    experiments = {run[0]: urls.experiment_page(run[0]) for run in runs}
    for run, page in run_pages.items():
        picture = f"picture of {run} {text}".encode()
        record, series = urls.record(run_key(run)), urls.series_js(run_key(run))
        image = urls.artifact(sha256(picture), "p.png")
        files |= {record: f"{run} {text}".encode(), series: text.encode(), image: picture}
        files[page] = html(page, text, style, record, series, image, experiments[run[0]], *run_pages.values())
    for page in experiments.values():
        files[page] = html(page, text, style, *run_pages.values(), *experiments.values(), urls.HOME)
    files[urls.HOME] = html(urls.HOME, text, style, urls.INDEX_JS, *experiments.values(), *run_pages.values())
    return files


def html(path: str, text: str, *targets: str) -> bytes:
    """Return a page at `path` that links all of `targets`, whole if it ends as it should."""
    links = "".join(f'<a href="{urls.relative(target, path)}">x</a>' for target in targets)
    return f"<!doctype html><title>{text}</title>{links}</html>".encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def site_json(files: Mapping[str, str]) -> bytes:
    return orjson.dumps({"format": 1, "files": dict(files), "packs": {}})


def write(out: Path, site: Site) -> WriteReport:
    """Build `site` into `out`."""
    with SiteWriter(out, cache=StatCache(None)) as writer:
        for path, data in site.items():
            writer.stage(path, data)
        return writer.commit(site_json)


def tree(folder: Path) -> dict[str, bytes | str | None]:
    """Return everything in `folder`: files with their bytes, links with their target, folders as None."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of change of everything in `folder`: equal before and after when nothing was touched."""
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in (folder, *sorted(folder.rglob("*")))}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name == "href" and value is not None]


def broken_links(out: Path, starts: Iterable[str]) -> list[str]:
    """Return `page -> target` for each link to nothing on the pages that can be reached from `starts`."""
    broken: list[str] = []
    seen: set[str] = set()
    todo = [page for page in starts if (out / page).exists()]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        parser = _Links()
        parser.feed((out / page).read_text())
        for link in parser.links:
            target = os.path.normpath(PurePosixPath(page).parent / link)
            if not (out / target).is_file():
                broken.append(f"{page} -> {target}")
            elif target.endswith(".html"):
                todo.append(target)
    return broken


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "site"


def hostile(out: Path, **entries: object) -> None:
    """Make `out` a site whose `data/site.json` lists `entries` besides the true ones."""
    write(out, small_site("a1"))
    document = orjson.loads((out / urls.SITE_JSON).read_bytes())
    document["files"] |= entries
    (out / urls.SITE_JSON).write_bytes(orjson.dumps(document))


# ---- coming, staying, going


@pytest.mark.parametrize("exists", [False, True])
def test_first_build_writes_every_file_and_nothing_beside_the_site(out: Path, exists: bool) -> None:
    if exists:
        out.mkdir()
    site = small_site("a1", "b1")
    report = write(out, site)
    assert {path: (out / path).read_bytes() for path in site} == dict(site)
    assert (out / ".nojekyll").read_bytes() == b""
    assert sorted(report.written) == sorted([*site, ".nojekyll", urls.SITE_JSON])
    assert (report.unchanged, report.removed, report.left) == ((), (), ())
    assert [path.name for path in out.parent.iterdir()] == ["site"]
    assert broken_links(out, [urls.HOME]) == []


def test_site_json_lists_every_other_file_with_its_hash(out: Path) -> None:
    site = small_site("a1") | {".nojekyll": b""}
    write(out, site)
    listed = orjson.loads((out / urls.SITE_JSON).read_bytes())["files"]
    assert listed == {path: sha256(data) for path, data in site.items()}


def test_second_build_of_the_same_site_touches_nothing(out: Path) -> None:
    site = small_site("a1", "b1")
    write(out, site)
    before = state(out)
    report = write(out, site)
    assert state(out) == before
    assert (report.written, report.removed) == ((), ())
    assert sorted(report.unchanged) == sorted([*site, ".nojekyll", urls.SITE_JSON])


def test_update_equals_a_clean_build_and_leaves_unchanged_files_alone(out: Path, tmp_path: Path) -> None:
    old, new = small_site("a1", "b1", "c1"), small_site("a1", "d1", "d2")
    write(out, old)
    same = [path for path in old if old[path] == new.get(path)]
    before = {path: (out / path).stat().st_ino for path in same}
    report = write(out, new)
    write(tmp_path / "clean", new)
    assert tree(out) == tree(tmp_path / "clean")
    assert {path: (out / path).stat().st_ino for path in same} == before
    assert sorted(report.removed) == sorted(old.keys() - new.keys())
    assert set(same) <= set(report.unchanged)


def test_files_come_in_the_order_that_keeps_links_whole(out: Path) -> None:
    write(out, small_site("a1", text="old"))
    report = write(out, small_site("a1", "b1", text="new"))
    old = set(small_site("a1", text="old"))
    assert report.written[-1] == urls.SITE_JSON
    assert report.written[-2] == urls.HOME
    replaced = [path in old for path in report.written[:-1]]
    assert replaced == sorted(replaced), "a file at a new path came after a page that may link to it"
    replaced_groups = [path.rpartition("/")[0].split("/")[0] for path in report.written[:-1] if path in old]
    assert list(dict.fromkeys(replaced_groups)) == ["data", "r", "e", ""]


def test_files_go_in_the_order_that_keeps_links_whole(out: Path) -> None:
    write(out, small_site("a1", "b1"))
    report = write(out, {urls.HOME: b"home"})
    gone = [path.split("/")[0] for path in report.removed]
    assert list(dict.fromkeys(gone)) == ["e", "r", "data", "assets", "a"]


def test_folders_that_became_empty_go_with_their_files(out: Path) -> None:
    tile = urls.tile_js(run_key("a1"), 0, 0)
    write(out, small_site("a1") | {tile: b"x"})
    assert (out / tile).is_file()
    write(out, small_site("a1"))
    assert not (out / "data/tiles").exists()
    assert (out / "data").is_dir()


def test_keep_takes_over_what_the_last_build_wrote(out: Path, tmp_path: Path) -> None:
    site = small_site("a1", "b1")
    write(out, site)
    with SiteWriter(out, cache=StatCache(None)) as writer:
        assert writer.previous is not None
        for path, digest in writer.previous.files.items():
            assert writer.has(path, digest)
            writer.keep(path, digest)
        report = writer.commit(site_json)
    assert (report.written, report.removed) == ((), ())


def test_keep_refuses_what_the_site_does_not_hold(out: Path) -> None:
    write(out, small_site("a1"))
    with SiteWriter(out, cache=StatCache(None)) as writer, pytest.raises(SiteError, match="run the build again"):
        writer.keep(urls.HOME, sha256(b"something else"))


def test_what_was_kept_or_staged_can_be_found_before_the_commit(out: Path) -> None:
    write(out, small_site("a1"))
    with SiteWriter(out, cache=StatCache(None)) as writer:
        writer.stage(urls.SEARCH_JS, b"new")
        assert writer.location(urls.SEARCH_JS).read_bytes() == b"new"
        assert writer.location(urls.HOME).read_bytes() == (out / urls.HOME).read_bytes()


def test_build_that_stops_before_its_commit_changes_nothing(out: Path) -> None:
    write(out, small_site("a1"))
    before = state(out)
    with pytest.raises(ValueError, match="no output of a plan"), SiteWriter(out, cache=StatCache(None)) as writer:
        assert writer.stage(urls.HOME, b"half") and writer.stage("../x", b"")
    assert state(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["site"]


def test_two_outputs_at_one_path_are_an_error(out: Path) -> None:
    with SiteWriter(out, cache=StatCache(None)) as writer:
        writer.stage(urls.HOME, b"one")
        writer.stage(urls.HOME, b"one")
        with pytest.raises(SiteError, match=r"two different outputs.*index\.html"):
            writer.stage(urls.HOME, b"two")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "x.html", "r/../index.html", "", "data/site.json"])
def test_path_that_no_plan_makes_is_a_bug_of_the_caller(out: Path, path: str) -> None:
    with SiteWriter(out, cache=StatCache(None)) as writer, pytest.raises(ValueError, match=r"plan|commit"):
        writer.stage(path, b"")
    assert not out.exists()


def test_new_files_get_the_permissions_of_the_user(out: Path) -> None:
    mask = os.umask(0o022)
    try:
        write(out, small_site("a1"))
    finally:
        os.umask(mask)
    assert out.stat().st_mode & 0o777 == 0o755
    assert (out / urls.HOME).stat().st_mode & 0o777 == 0o644


# ---- artifacts


def stage_one(out: Path, source: Path, data: bytes, size_bytes: int | None = None) -> str:
    """Build a site with `source` as an artifact that was recorded with `data`."""
    path = urls.artifact(sha256(data), "x.bin")
    with SiteWriter(out, cache=StatCache(None)) as writer:
        writer.stage(urls.HOME, b"home")
        writer.stage_file(path, str(source), sha256(data), len(data) if size_bytes is None else size_bytes)
        writer.commit(site_json)
    return path


def test_artifact_is_copied_in_pieces(out: Path, tmp_path: Path) -> None:
    data = bytes(range(256)) * 12_289  # three pieces and a bit
    (tmp_path / "x").write_bytes(data)
    path = stage_one(out, tmp_path / "x", data)
    assert (out / path).read_bytes() == data


@pytest.mark.parametrize("now", [b"recorded more", b"rec", b"RECORDED", b"", None])
def test_artifact_that_changed_since_it_was_recorded_stops_the_build(
    out: Path, tmp_path: Path, now: bytes | None
) -> None:
    source = tmp_path / "x"
    if now is not None:
        source.write_bytes(now)
    with pytest.raises(SiteError, match="changed while the site was being built: run the build again"):
        stage_one(out, source, b"recorded")
    assert not out.exists()


def test_artifact_that_grew_to_the_promised_size_is_not_trusted_for_it(out: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"recorded and more")
    with pytest.raises(SiteError, match="changed while"):
        stage_one(out, tmp_path / "x", b"recorded", size_bytes=17)


def test_failed_copy_leaves_nothing_that_a_commit_could_publish(out: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"RECORDED")
    with SiteWriter(out, cache=StatCache(None)) as writer:
        writer.stage(urls.HOME, b"home")
        path = urls.artifact(sha256(b"recorded"), "x.bin")
        with pytest.raises(SiteError):
            writer.stage_file(path, str(tmp_path / "x"), sha256(b"recorded"), 8)
        writer.commit(site_json)
    assert [name for name, data in tree(out).items() if data is not None] == [".nojekyll", urls.SITE_JSON, urls.HOME]


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_artifact_must_be_a_regular_file(out: Path, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "x"
    (tmp_path / "secret").write_bytes(b"secret")
    if kind == "link":
        source.symlink_to("secret")
    elif kind == "folder":
        source.mkdir()
    else:
        os.mkfifo(source)
    with pytest.raises(SiteError, match="changed while"):
        stage_one(out, source, b"secret")


# ---- folders that are not for us, and files in them that are not ours


def test_folder_of_somebody_else_is_refused_and_not_touched(out: Path) -> None:
    (out / "data").mkdir(parents=True)
    (out / "data/thesis.tex").write_text("years of work")
    before = state(out)
    with pytest.raises(SiteError, match=r"neither empty nor a site of reportgen \(it holds 'data'\): choose another"):
        write(out, small_site("a1"))
    assert state(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["site"]


@pytest.mark.parametrize("content", [b"{}", b'{"title": "my own"}', b"{", b"", b'{"format": true, "files": {}}'])
def test_foreign_site_json_does_not_make_a_folder_ours(out: Path, content: bytes) -> None:
    (out / "data").mkdir(parents=True)
    (out / urls.SITE_JSON).write_bytes(content)
    (out / urls.HOME).write_text("my home page")
    with pytest.raises(SiteError, match="neither empty nor a site"):
        write(out, small_site("a1"))
    assert (out / urls.HOME).read_text() == "my home page"


def test_file_instead_of_a_folder_is_refused(out: Path) -> None:
    out.write_text("mine")
    with pytest.raises(SiteError, match="is a file: name a folder"):
        write(out, small_site("a1"))
    assert out.read_text() == "mine"


def test_file_above_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SiteError, match="cannot use"):
        write(tmp_path / "file/site", small_site("a1"))


def test_folder_that_cannot_be_made_or_written_is_refused(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SiteError, match="cannot be written: change its permissions"):
        write(out, small_site("a1"))


def test_checkout_of_an_empty_branch_counts_as_empty(out: Path) -> None:
    (out / ".git").mkdir(parents=True)
    (out / ".git/HEAD").write_text("ref")
    (out / "CNAME").write_text("runs.example.org")
    (out / "assets/plots").mkdir(parents=True)
    write(out, small_site("a1"))
    assert (out / ".git/HEAD").read_text() == "ref"
    assert (out / "CNAME").read_text() == "runs.example.org"
    assert broken_links(out, [urls.HOME]) == []


def test_parents_of_the_folder_are_made(tmp_path: Path) -> None:
    write(tmp_path / "x/y/site", small_site("a1"))
    assert (tmp_path / "x/y/site/index.html").is_file()


def test_foreign_files_survive_every_build(out: Path) -> None:
    write(out, small_site("a1", "b1"))
    foreign = {"robots.txt": "mine", "r/notes.md": "mine", "own/deep/page.html": "mine", "data/runs/x.gz": "mine"}
    for path, text in foreign.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text)
    write(out, small_site("c1"))
    write(out, {urls.HOME: b"nothing"})
    assert {path: (out / path).read_text() for path in foreign} == foreign


def test_file_that_the_user_changed_is_not_deleted(out: Path) -> None:
    old = small_site("a1", "b1")
    write(out, old)
    page = urls.run_page(run_key("b1"), "b1")
    (out / page).write_text("my notes on it")
    report = write(out, small_site("a1"))
    assert report.left == (page,)
    assert (out / page).read_text() == "my notes on it"


def test_changed_or_deleted_page_is_written_again(out: Path, tmp_path: Path) -> None:
    site = small_site("a1")
    write(out, site)
    (out / urls.HOME).write_text("defaced")
    (out / urls.INDEX_JS).unlink()
    report = write(out, site)
    assert sorted(report.written) == sorted([urls.HOME, urls.INDEX_JS])
    write(tmp_path / "clean", site)
    assert tree(out) == tree(tmp_path / "clean")


def test_output_inside_a_source_leaves_the_source_alone(tmp_path: Path) -> None:
    log = tmp_path / "runs/exp/run/events.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("{}\n")
    for site in (small_site("a1"), small_site("b1"), small_site("b1")):
        write(tmp_path / "runs/site", site)
        assert log.read_text() == "{}\n"
        assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["exp", "site"]
    with pytest.raises(SiteError, match="neither empty nor a site"):
        write(tmp_path / "runs", small_site("a1"))


# ---- links and folders where files belong


def test_folder_given_as_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk/real").mkdir(parents=True)
    (tmp_path / "site").symlink_to("disk/real")
    write(tmp_path / "site", small_site("a1"))
    assert (tmp_path / "site").is_symlink()
    assert (tmp_path / "disk/real/index.html").is_file()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["real"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "site"]


def test_link_to_a_folder_that_is_not_there_yet_is_followed(tmp_path: Path) -> None:
    (tmp_path / "site").symlink_to("disk/real")
    write(tmp_path / "site", small_site("a1"))
    assert (tmp_path / "disk/real/index.html").is_file()


@pytest.mark.parametrize("place", ["index.html", "r", "data", "data/site.json", ".nojekyll"])
def test_link_in_the_way_is_refused_and_survives(out: Path, tmp_path: Path, place: str) -> None:
    write(out, small_site("a1", text="old"))
    kept = tmp_path / "kept"
    (out / place).rename(kept)
    (out / place).symlink_to(kept)
    before = (state(tmp_path / "kept"), state(out))
    with pytest.raises(SiteError, match=r"symbolic link|neither empty nor a site"):
        write(out, small_site("a1", text="new"))
    assert (state(tmp_path / "kept"), state(out)) == before


@pytest.mark.parametrize("place", ["index.html", "data/index.js"])
def test_folder_in_the_way_is_refused_before_anything_changes(out: Path, place: str) -> None:
    write(out, small_site("a1", text="old"))
    (out / place).unlink()
    (out / place).mkdir()
    before = state(out)
    with pytest.raises(SiteError, match="is a folder where the site needs to write: move it away"):
        write(out, small_site("a1", text="new"))
    assert state(out) == before


def test_file_in_the_place_of_a_folder_is_refused(out: Path) -> None:
    write(out, {urls.HOME: b"home"})
    (out / "r").write_text("mine")
    with pytest.raises(SiteError, match="is not a folder where the site needs to write"):
        write(out, small_site("a1"))
    assert (out / "r").read_text() == "mine"
    assert (out / urls.HOME).read_bytes() == b"home"


def test_link_at_the_path_of_a_dropped_file_is_neither_followed_nor_deleted(out: Path, tmp_path: Path) -> None:
    write(out, small_site("a1", "b1"))
    page = out / urls.run_page(run_key("b1"), "b1")
    page.rename(tmp_path / "kept.html")
    page.symlink_to(tmp_path / "kept.html")
    report = write(out, small_site("a1"))
    assert report.left == (page.relative_to(out).as_posix(),)
    assert page.is_symlink()
    assert (tmp_path / "kept.html").is_file()


# ---- hostile data/site.json


def test_entries_that_leave_the_folder_are_dropped_and_delete_nothing(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.html"
    victim.write_text("mine")
    digest = sha256(b"mine")
    (out / "r").mkdir(parents=True)
    inside = ["own.html", "r/x.html", "assets/.hidden", ".git/config"]
    paths = ["../victim.html", str(victim), "r/../../victim.html", "", ".", "..", "r", "index.html\n", "a\\b", *inside]
    (out / "r").rmdir()
    hostile(out, **dict.fromkeys(paths, digest))
    for path in inside:
        (out / path).parent.mkdir(exist_ok=True)
        (out / path).write_text("mine")
    with SiteWriter(out, cache=StatCache(None)) as writer:
        assert writer.previous is not None
        assert writer.previous.dropped == len(paths)
        assert [(n.message, n.count) for n in writer.notices] == [
            ("data/site.json and its packs have entries that no build writes", len(paths))
        ]
        assert not any(writer.has(path, digest) for path in paths)
    report = write(out, small_site("b1"))
    assert victim.read_text() == "mine"
    assert {path: (out / path).read_text() for path in inside} == dict.fromkeys(inside, "mine")
    assert not set(report.removed) & set(paths)


@pytest.mark.parametrize("value", [None, 1, "", "f" * 63, "F" * 64, "g" * 64, ["f" * 64], {"sha256": "f" * 64}])
def test_entries_without_a_hash_are_dropped(out: Path, value: object) -> None:
    hostile(out, **{"r/x-aaaaaaaaaa.html": value})
    (out / "r/x-aaaaaaaaaa.html").write_text("mine")
    write(out, small_site("b1"))
    assert (out / "r/x-aaaaaaaaaa.html").read_text() == "mine"


def test_entry_through_a_linked_folder_deletes_nothing(out: Path, tmp_path: Path) -> None:
    tile = "data/tiles/aaaaaaaaaa/0-0.js"
    hostile(out, **{tile: sha256(b"mine")})
    (tmp_path / "elsewhere/aaaaaaaaaa").mkdir(parents=True)
    (tmp_path / "elsewhere/aaaaaaaaaa/0-0.js").write_bytes(b"mine")
    (out / "data/tiles").symlink_to(tmp_path / "elsewhere")
    report = write(out, small_site("b1"))
    assert tile not in report.removed
    assert (tmp_path / "elsewhere/aaaaaaaaaa/0-0.js").read_bytes() == b"mine"
    assert (out / "data/tiles").is_symlink()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": 1, "files": [], "packs": {}}',
        b'{"format": 1, "files": {}, "packs": []}',
        b'{"format": "1", "files": {}, "packs": {}}',
        b'{"files": {}, "packs": {}}',
    ],
)
def test_site_with_a_damaged_site_json_is_built_anew_and_says_so(out: Path, content: bytes) -> None:
    site = small_site("a1")
    write(out, site)
    (out / urls.SITE_JSON).write_bytes(content)
    with SiteWriter(out, cache=StatCache(None)) as writer:
        assert writer.previous is None
        assert re.search("damaged", writer.notices[0].message)
        assert writer.notices[0].hint
    report = write(out, site)
    assert report.written == (urls.SITE_JSON,)


def test_huge_site_json_is_not_read(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(out, small_site("a1"))
    monkeypatch.setattr(folder_module, "MAX_OBJECT_BYTES", (out / urls.SITE_JSON).stat().st_size - 1)
    with SiteWriter(out, cache=StatCache(None)) as writer:
        assert writer.previous is None
        assert "damaged" in writer.notices[0].message


def test_packs_of_the_wrong_shape_are_dropped(out: Path) -> None:
    write(out, small_site("a1"))
    document = orjson.loads((out / urls.SITE_JSON).read_bytes())
    good = {"sha256": "0" * 64, "experiments": []}
    document["packs"] = {
        "../x": good,
        "mixed-0": [],
        "mixed-1": {**good, "sha256": "x"},
        "mixed-2": {"sha256": "0" * 64},
    }
    (out / urls.SITE_JSON).write_bytes(orjson.dumps(document))
    with SiteWriter(out, cache=StatCache(None)) as writer:
        assert writer.previous is not None
        assert writer.previous.packs == {}
        assert writer.previous.dropped == 4


def test_a_pack_that_is_not_there_is_told_and_its_files_are_left_alone(out: Path) -> None:
    write(out, small_site("a1"))
    document = orjson.loads((out / urls.SITE_JSON).read_bytes())
    document["packs"] = {"mixed-0": {"sha256": "0" * 64, "experiments": []}}
    (out / urls.SITE_JSON).write_bytes(orjson.dumps(document))
    with SiteWriter(out, cache=StatCache(None)) as writer:
        assert writer.previous is not None
        assert writer.previous.broken == (f"data/packs/mixed-0-{'0' * 10}.jsonl.gz",)
        assert "packs are missing or damaged" in writer.notices[0].message


def test_site_of_a_newer_version_is_refused(out: Path) -> None:
    write(out, small_site("a1"))
    (out / urls.SITE_JSON).write_bytes(b'{"format": 99, "files": {}, "packs": {}}')
    before = state(out)
    with pytest.raises(SiteError, match=r"written by a newer reportgen \(site format 99.*upgrade"):
        write(out, small_site("b1"))
    assert state(out) == before


def test_pipe_in_the_place_of_site_json_does_not_block(out: Path) -> None:
    (out / "data").mkdir(parents=True)
    os.mkfifo(out / urls.SITE_JSON)
    with pytest.raises(SiteError, match="neither empty nor a site"):
        write(out, small_site("a1"))


# ---- the lock


def test_second_build_waits_once_it_has_said_so(out: Path) -> None:
    messages: list[str] = []
    first = SiteWriter(out, cache=StatCache(None)).__enter__()
    first.stage(urls.HOME, b"first")

    def on_wait(message: str) -> None:
        messages.append(message)
        first.commit(site_json)
        first.__exit__(None, None, None)

    with SiteWriter(out, cache=StatCache(None), on_wait=on_wait) as second:
        assert second.has(urls.HOME, sha256(b"first"))
    assert messages == [f"another build (process {os.getpid()}) is writing '{out}': waiting for it to finish"]


def test_second_build_that_may_not_wait_is_refused(out: Path) -> None:
    with (
        SiteWriter(out, cache=StatCache(None)),
        pytest.raises(SiteError, match=r"another build \(process \d+\) is writing"),
    ):
        SiteWriter(out, cache=StatCache(None), wait=False).__enter__()
    write(out, small_site("a1"))


def test_builds_into_different_folders_do_not_wait(tmp_path: Path) -> None:
    with (
        SiteWriter(tmp_path / "one", cache=StatCache(None)),
        SiteWriter(tmp_path / "two", cache=StatCache(None), wait=False) as other,
    ):
        other.stage(urls.HOME, b"two")
        other.commit(site_json)
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_lock_file_that_a_killed_build_left_does_not_lock(out: Path) -> None:
    (out.parent / ".site.reportgen-lock").write_text("12345")
    write(out, small_site("a1"))
    assert [path.name for path in out.parent.iterdir()] == ["site"]


def test_lock_on_a_file_that_the_one_before_has_deleted_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lock"
    lock_now = lock_module._lock_now
    opened = []

    def delete_between_open_and_lock(descriptor: int) -> bool:
        opened.append(descriptor)
        if len(opened) == 1:
            file.unlink()
        return lock_now(descriptor)

    monkeypatch.setattr(lock_module, "_lock_now", delete_between_open_and_lock)
    lock = FolderLock(file, "site")
    assert lock.acquire(wait=False, on_wait=None)
    with pytest.raises(SiteError, match="another build"):
        FolderLock(file, "site").acquire(wait=False, on_wait=None)
    lock.release()
    assert not file.exists()


def test_file_system_without_locks_is_said_and_used(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(descriptor: int) -> bool:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock_module, "_lock_now", unsupported)
    with SiteWriter(out, cache=StatCache(None)) as writer:
        assert [notice.message for notice in writer.notices] == ["the file system has no locks"]
        writer.stage(urls.HOME, b"home")
        writer.commit(site_json)
    assert [path.name for path in out.parent.iterdir()] == ["site"]


# ---- volumes, where nothing can be moved in from beside


@pytest.fixture
def volume(out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `out` exist and its parent read-only, as far as anybody asks."""
    out.mkdir()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(out.parent) and allowed(path, mode))
    return out


def test_volume_is_staged_in_a_hidden_folder_of_its_own(volume: Path, tmp_path: Path) -> None:
    with SiteWriter(volume, cache=StatCache(None)) as writer:
        writer.stage(urls.HOME, b"home")
        assert sorted(path.name for path in volume.iterdir()) == [".reportgen-lock", ".reportgen-stage"]
    assert list(volume.iterdir()) == []
    for site in (small_site("a1", "b1"), small_site("b1", "c1")):
        write(volume, site)
    write(tmp_path / "elsewhere/clean", small_site("b1", "c1"))
    assert tree(volume) == tree(tmp_path / "elsewhere/clean")
