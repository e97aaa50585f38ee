"""Themes: the search path, options, the names of static files, and what is said of a theme that is wrong."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reportgen.errors import ThemeError
from reportgen.site import render as render_module
from reportgen.site import theme, urls
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import ASSET_TYPES, MANIFEST_KEYS, OPTION_KEYS, Theme, load_theme, theme_chain, theme_options
from tests import themedoc

DOC = (Path(__file__).parent.parent / "docs" / "themes.md").read_text(encoding="utf-8")
DEFAULT = theme.themes_folder() / "default"

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return what makes an installed theme out of its manifest and its files; no other theme is installed."""
    installed = tmp_path / "installed"
    installed.mkdir()
    monkeypatch.setattr(theme, "themes_folder", lambda: installed)

    def make_theme(name: str, manifest: str = "", **files: str | bytes) -> Path:
        (installed / name).mkdir()
        (installed / name / "theme.toml").write_text(manifest, encoding="utf-8")
        write(installed / name, files)
        return installed / name

    return make_theme


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below `folder`."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def render(resolved: Theme, template: str) -> str:
    """Return a page without content."""
    return Renderer(SiteInfo("Site"), resolved).render(template, None, path="index.html").decode()


# ---- what is installed


def test_the_default_theme_is_installed_and_whole() -> None:
    resolved = load_theme("default")
    assert resolved.folders == (str(DEFAULT),)
    assert {"theme.css", "layout.css"} <= set(resolved.assets)
    assert all(urls.is_site_path(path) for path in resolved.assets.values())
    assert "theme.toml" not in resolved.assets


def test_every_option_of_an_installed_theme_is_described() -> None:
    for name in theme.installed_themes():
        chain = theme_chain(name)
        assert chain[0].description
        assert all(option.description for option in theme_options(chain).values())


def test_a_theme_travels_to_a_worker() -> None:
    resolved = load_theme("default")
    assert pickle.loads(pickle.dumps(resolved)) == resolved


def test_without_the_default_theme_the_installation_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "themes").mkdir()
    monkeypatch.setattr(theme.reportgen, "__file__", str(tmp_path / "package" / "__init__.py"))  # type: ignore[attr-defined]
    with pytest.raises(ThemeError, match="install reportgen again"):
        theme.themes_folder()


# ---- the search path


def test_a_file_comes_from_the_nearest_folder(make: Make, tmp_path: Path) -> None:
    make("base", **{"templates/a.html": "a base", "templates/b.html": "b base", "templates/c.html": "c base"})
    make("child", 'extends = "base"', **{"templates/a.html": "a child", "templates/b.html": "b child"})
    own = write(tmp_path / "own", {"templates/a.html": "a own"})
    resolved = load_theme("child", overrides=[own])
    assert [render(resolved, f"{t}.html") for t in "abc"] == ["a own", "b child", "c base"]


def test_the_first_override_folder_wins(make: Make, tmp_path: Path) -> None:
    make("base", **{"static/x.css": "base"})
    first = write(tmp_path / "1", {"static/x.css": "first"})
    second = write(tmp_path / "2", {"static/x.css": "second"})
    assert load_theme("base", overrides=[first, second]).read_asset("x.css") == b"first"


def test_a_template_may_extend_the_one_that_it_overrides(make: Make, tmp_path: Path) -> None:
    make("base", **{"templates/run.html": "[{% block main %}base{% endblock %}]"})
    make("child", 'extends = "base"', **{"templates/run.html": "({% block main %}child{% endblock %})"})
    own = write(
        tmp_path / "own",
        {"templates/run.html": '{% extends "base/run.html" %}{% block main %}own, {{ super() }}{% endblock %}'},
    )
    assert render(load_theme("child", overrides=[own]), "run.html") == "[own, base]"


def test_the_digest_covers_files_that_another_one_hides(make: Make, tmp_path: Path) -> None:
    base = make("base", **{"templates/run.html": "1"})
    own = write(tmp_path / "own", {"templates/run.html": '{% extends "base/run.html" %}'})
    before = load_theme("base", overrides=[own]).digest
    write(base, {"templates/run.html": "2"})
    assert load_theme("base", overrides=[own]).digest != before


def test_the_digest_covers_options_and_static_files_but_not_the_place(make: Make, tmp_path: Path) -> None:
    base = make("base", "[options]\nx = 1", **{"static/a.css": "a", "templates/a.html": "a"})
    plain = load_theme("base").digest
    assert load_theme("base", options={"x": 2}).digest != plain
    write(base, {"static/a.css": "b"})
    changed = load_theme("base").digest
    assert changed != plain
    own = write(tmp_path / "own", {"static/a.css": "a"})
    elsewhere = shutil.copytree(own, tmp_path / "elsewhere")
    assert load_theme("base", overrides=[own]).digest == load_theme("base", overrides=[elsewhere]).digest


def test_hidden_files_are_no_part_of_a_theme(make: Make) -> None:
    make("base", **{"static/.DS_Store": "x", "static/.git/x.css": "x", "static/a.css": "x"})
    assert list(load_theme("base").assets) == ["a.css"]


# ---- static files


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("theme.css", r"assets/theme\.[0-9a-f]{8}\.css"),
        ("vendor/uPlot.min.js", r"assets/vendor-uplot\.min\.[0-9a-f]{8}\.js"),
        ("_Über mich.PNG", r"assets/ber-mich\.[0-9a-f]{8}\.png"),
        ("--.svg", r"assets/file\.[0-9a-f]{8}\.svg"),
        ("x" * 200 + ".js", r"assets/x{50}\.[0-9a-f]{8}\.js"),
    ],
)
def test_a_static_file_is_published_under_a_plain_name_with_its_hash(make: Make, file: str, path: str) -> None:
    make("base", **{f"static/{file}": "x"})
    published = load_theme("base").assets[file]
    assert re.fullmatch(path, published)
    assert urls.is_site_path(published)


def test_what_no_page_loads_is_not_published(make: Make) -> None:
    make("base", **{"static/vendor/LICENSE": "x", "static/vendor/README.md": "x", "static/x.html": "x"})
    assert load_theme("base").assets == {}


def test_a_url_in_a_style_sheet_names_the_published_file(make: Make) -> None:
    make(
        "base",
        **{
            "static/css/a.css": (
                'a{b:url(../img/x.svg#y)}/* url(no.png) */c{d:url("data:image/png;base64,x") url(#z)'
                " URL( '../i.png' )}"
            ),
            "static/img/x.svg": "<svg/>",
            "static/i.png": b"\x89PNG",
        },
    )
    resolved = load_theme("base")
    svg, png = (resolved.assets[name].removeprefix("assets/") for name in ("img/x.svg", "i.png"))
    assert resolved.read_asset("css/a.css").decode() == (
        f'a{{b:url("{svg}#y")}}c{{d:url("data:image/png;base64,x") url(#z) url("{png}")}}'
    )


def test_own_scripts_and_style_sheets_are_published_without_comments_and_libraries_as_they_came(make: Make) -> None:
    script = "// says what\nvar a = `x  ${1}  //y`;\n\n/* more */\n"
    style = "/* why */\na {\n  color: red;\n}\n"
    make(
        "base",
        **{"static/a.js": script, "static/vendor/a.js": script, "static/a.css": style, "static/vendor/a.css": style},
    )
    resolved = load_theme("base")
    assert resolved.read_asset("a.js").decode() == "var a=`x  ${1}  //y`;"
    assert resolved.read_asset("a.css").decode() == "a{color:red}"
    assert resolved.read_asset("vendor/a.js").decode() == script
    assert resolved.read_asset("vendor/a.css").decode() == style


def test_scripts_and_style_sheets_of_a_users_folder_are_published_as_they_are(make: Make, tmp_path: Path) -> None:
    make("base", **{"static/a.js": "// theirs\n", "static/a.css": "a { }"})
    files = {"static/a.js": "x.filter((a) => /\\/\\//.test(a)); // mine\n", "static/a.css": "/* mine */ b { }\n"}
    resolved = load_theme("base", overrides=[write(tmp_path / "look", files)])
    assert {f"static/{name}": resolved.read_asset(name).decode() for name in ("a.js", "a.css")} == files


def test_a_style_sheet_gets_a_new_name_when_a_picture_in_it_changes(make: Make) -> None:
    base = make("base", **{"static/a.css": "a{b:url(x.png)}", "static/x.png": b"1"})
    before = load_theme("base").assets["a.css"]
    write(base, {"static/x.png": b"2"})
    assert load_theme("base").assets["a.css"] != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a{b:url(x.png)}", r"static/a\.css: url\(x\.png\) names no file of the theme: add 'static/x\.png'"),
        (b"a{b:url(../x.png)}", r"names no file of the theme"),
        (b'@import "b.css";', r"static/a\.css: @import is not supported"),
        (b"a{b:'\xff'}", r"static/a\.css: not UTF-8 at byte 6"),
    ],
)
def test_a_style_sheet_that_would_be_broken_in_the_site_is_an_error(make: Make, content: bytes, message: str) -> None:
    make("base", **{"static/a.css": content})
    with pytest.raises(ThemeError, match=message):
        load_theme("base")


def test_an_unknown_static_file_names_the_nearest(make: Make) -> None:
    make("base", **{"static/layout.css": "x", "templates/a.html": "{{ asset('layuot.css') }}"})
    with pytest.raises(ThemeError, match=r"unknown static file 'layuot\.css': did you mean 'layout\.css'\?"):
        render(load_theme("base"), "a.html")


# ---- options


OPTIONS = """
[options]
flag = true
count = 3
[options.ratio]
default = 0.5
[options.density]
default = "normal"
choices = ["normal", "compact"]
description = "Height of rows."
"""


def test_options_have_their_defaults_and_take_values(make: Make) -> None:
    make("base", OPTIONS)
    assert load_theme("base").options == {"flag": True, "count": 3, "ratio": 0.5, "density": "normal"}
    given: dict[str, str | int | float | bool] = {"flag": False, "density": "compact", "ratio": 2}
    assert load_theme("base", options=given).options == {"flag": False, "count": 3, "ratio": 2.0, "density": "compact"}


def test_a_child_changes_the_default_and_keeps_the_choices(make: Make) -> None:
    make("base", OPTIONS)
    make("child", 'extends = "base"\n[options]\ndensity = "compact"\nown = "x"')
    options = theme_options(theme_chain("child"))
    assert list(options) == ["flag", "count", "ratio", "density", "own"]
    assert options["density"].default == "compact"
    assert options["density"].choices == ("normal", "compact")
    with pytest.raises(ThemeError, match="unknown value 'wide'"):
        load_theme("child", options={"density": "wide"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("densty", "x", "unknown theme option 'densty': did you mean 'density'? theme 'base' knows count, density,"),
        ("density", "compct", "theme option 'density': unknown value 'compct': did you mean 'compact'? choose one of"),
        ("density", 3, "theme option 'density': must be a string, not an integer"),
        ("flag", "yes", "theme option 'flag': must be true or false, not a string"),
        ("count", True, "theme option 'count': must be an integer, not true or false"),
        ("count", 1.5, "theme option 'count': must be an integer, not a number"),
    ],
)
def test_a_wrong_option_is_an_error(make: Make, name: str, value: str | float, message: str) -> None:
    make("base", OPTIONS)
    with pytest.raises(ThemeError) as caught:
        load_theme("base", options={name: value})
    assert str(caught.value).startswith(message)


# ---- what is wrong with a theme


def test_an_unknown_theme_lists_what_is_installed(make: Make) -> None:
    make("default")
    make("dark", 'extends = "default"')
    with pytest.raises(ThemeError) as caught:
        load_theme("drak")
    assert str(caught.value) == "unknown theme 'drak': did you mean 'dark'? installed: dark, default"


@pytest.mark.parametrize("name", ["", "..", "../installed/base", "base/"])
def test_a_theme_is_a_name_and_not_a_path(make: Make, name: str) -> None:
    make("base")
    if name == "":
        assert theme_chain(name) == ()
    else:
        with pytest.raises(ThemeError, match="unknown theme"):
            load_theme(name)


def test_an_unknown_parent_names_the_manifest(make: Make) -> None:
    make("child", 'extends = "nope"')
    with pytest.raises(ThemeError, match=r"unknown theme 'nope': .*extended by .*child.theme\.toml"):
        load_theme("child")


def test_a_cycle_is_an_error(make: Make) -> None:
    make("a", 'extends = "b"')
    make("b", 'extends = "a"')
    with pytest.raises(ThemeError, match=r"theme 'a' extends itself: mend `extends` in .*b.theme\.toml"):
        load_theme("a")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("nam = 'x'", "unknown key 'nam': did you mean 'name'? known: description, extends, name, options"),
        ("name = 'other'", "name: must be the name of its folder, 'base'"),
        ("extends = 1", "extends: must be a string"),
        ("options = 1", "options: must be a table"),
        ("options.x = []", "options.x: must be a string, number or boolean, or a table with such a `default`"),
        ("options.x.choices = []", "options.x: must be a string, number or boolean, or a table with such a `default`"),
        ("options.x = {default = 1, chioces = []}", "options.x: unknown key 'chioces': did you mean 'choices'?"),
        ("options.x = {default = 1, choices = [2]}", "options.x: `choices` must be of the default's type and hold"),
        ("options.x = {default = 1, choices = [1, '2']}", "options.x: `choices` must be of the default's type"),
        ("options.x = {default = 1, choices = 1}", "options.x: `choices` must be an array"),
        ("broken", "Expected '=' after a key"),
    ],
)
def test_a_broken_manifest_says_what_is_wrong(make: Make, manifest: str, message: str) -> None:
    folder = make("base", manifest)
    with pytest.raises(ThemeError) as caught:
        load_theme("base")
    assert str(caught.value).startswith(f"{folder / 'theme.toml'}: {message}")


def test_an_override_folder_must_look_like_one(make: Make, tmp_path: Path) -> None:
    make("base")
    with pytest.raises(ThemeError, match=r"does not exist: create it or remove it from theme_dirs"):
        load_theme("base", overrides=[tmp_path / "nope"])
    with pytest.raises(ThemeError, match="has neither 'templates' nor 'static'"):
        load_theme("base", overrides=[write(tmp_path / "flat", {"base.html": ""})])
    with pytest.raises(ThemeError, match=r"has a theme\.toml"):
        load_theme("base", overrides=[write(tmp_path / "theme", {"theme.toml": "", "static/x.css": ""})])


# ---- the page that describes them


def test_the_docs_list_the_keys_of_a_manifest() -> None:
    section = DOC.split("## `theme.toml`\n")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \|", section) == [*MANIFEST_KEYS, *OPTION_KEYS]


def test_the_docs_list_the_options_of_the_default_theme() -> None:
    section = DOC.split("## Options of the theme `default`\n")[1].split("\n## ")[0]
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", section)
    assert rows == [
        (name, f'`"{o.default}"`', ", ".join(f'`"{c}"`' for c in o.choices), o.description)
        for name, o in theme_options(theme_chain("default")).items()
    ]


def test_the_docs_list_the_types_of_static_files_that_are_published() -> None:
    sentence = DOC.split("Published are the files that end in ")[1].split(".\n")[0]
    assert set(re.findall(r"`(\.\w+)`", sentence)) == ASSET_TYPES


def test_the_docs_list_the_installed_themes() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (?:`(\w+)` )?\| (.+) \|$", DOC.partition("\n## ")[0])
    manifests = map(theme.read_manifest, theme.installed_themes().values())
    assert rows == [(m.name, m.extends, m.description) for m in manifests]


def template_rows() -> list[tuple[str, str, str]]:
    """Return template, class of its page and blocks as the docs list them."""
    section = DOC.split("## Templates and blocks\n")[1].split("\n## ")[0]
    return re.findall(r"(?m)^\| `([\w.]+)`: [^|]* \|([^|]*)\|([^|]*)\|$", section)


def test_the_docs_list_exactly_the_templates_and_their_blocks() -> None:
    described = {name: re.findall(r"`(\w+)`", blocks) for name, _, blocks in template_rows()}
    there = {file.name: themedoc.blocks(file.name) for file in (DEFAULT / "templates").glob("*.html")}
    assert described == there, "`python -m tests.themedoc` writes the blocks of the templates that are listed"


def test_the_docs_say_what_each_block_of_the_frame_is_for() -> None:
    section = DOC.split("Blocks of `base.html`")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \| \S.* \|$", section) == themedoc.blocks("base.html")


def test_the_docs_list_every_type_that_a_template_gets_with_its_fields() -> None:
    listed = themedoc.HEADING + DOC.partition(themedoc.HEADING)[2]
    assert listed == themedoc.section(DOC), "`python -m tests.themedoc` writes this section"


def test_the_docs_name_the_class_of_every_page() -> None:
    listed = {name: re.findall(r"`(\w+)\.(\w+)`", page) for name, page, _ in template_rows()}
    for name, found in listed.items():
        source = (DEFAULT / "templates" / name).read_text(encoding="utf-8")
        assert len(found) == ('{% extends "base.html" %}' in source)
        for module, kind in found:
            page = getattr(importlib.import_module(f"reportgen.site.pages.{module}"), kind)
            assert dataclasses.is_dataclass(page)


def test_the_docs_list_the_filters_that_templates_have() -> None:
    sentence = DOC.split("beside Jinja's own, the filters ")[1].split("which write")[0]
    listed = re.findall(r"`(\w+)`", sentence)
    source = inspect.getsource(render_module)
    assert listed == re.findall(r"(?m)^        (\w+)=text\.", source)


def test_the_first_example_in_the_docs_works(tmp_path: Path) -> None:
    example = re.findall(r"```jinja\n(.*?)```", DOC, re.DOTALL)[0]
    own = write(tmp_path / "look", {"templates/base.html": example, "static/custom.css": "a {}"})
    resolved = load_theme("default", overrides=[own])
    page = render(resolved, "base.html")
    assert resolved.assets["custom.css"] in page
    assert resolved.assets["theme.css"] in page
