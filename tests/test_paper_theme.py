"""The theme `paper`: a site of its own, made of nothing but what differs from the default theme."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reportgen.site.theme import installed_themes, load_theme
from tests.browser import OpenPage, disk_address
from tests.conftest import build_sample_site
from tests.linkcheck import check_site
from tests.test_browser_site import kinds_of_page, pages_of

PAPER = installed_themes()["paper"]
TOKENS = (PAPER.parent / "default" / "static" / "theme.css").read_text(encoding="utf-8")
STYLE = (PAPER / "static" / "paper.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def paper_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("paper") / "site"
    build_sample_site(site, "--theme", "paper")
    return site


def kinds(site: Path) -> list[str]:
    """Return one page of each folder's kinds: enough to see a style sheet on."""
    return list({(path.rpartition("/")[0], "compare" in path): path for path in kinds_of_page(site)}.values())


def test_it_consists_of_a_style_sheet_and_the_template_that_links_it() -> None:
    files = sorted(f.relative_to(PAPER).as_posix() for f in PAPER.rglob("*") if f.is_file())
    assert files == ["static/paper.css", "templates/base.html", "theme.toml"]
    paper, default = load_theme("paper"), load_theme("default")
    assert set(paper.assets) - set(default.assets) == {"paper.css"}
    assert paper.options == default.options


def test_its_style_sheet_has_the_last_word_on_every_page(paper_site: Path) -> None:
    assert check_site(paper_site) == []
    for path in pages_of(paper_site):
        head = (paper_site / path).read_text(encoding="utf-8").partition("</head>")[0]
        sheets = re.findall(r'<link rel="stylesheet" href="[^"]*assets/([\w-]+)\.', head)
        assert sheets[-1] == "paper", path


def pairs(text: str) -> dict[str, tuple[str, str]]:
    """Return the light and the dark value of each colour that a style sheet sets."""
    found = re.findall(r"--([\w-]+): var\(--light, (#\w+)\) var\(--dark, (#\w+)\)", text)
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(d * 2 for d in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_dark_colours_are_those_of_the_default_theme() -> None:
    default = pairs(TOKENS)
    assert {name: dark for name, (_, dark) in pairs(STYLE).items()} == {n: default[n][1] for n in pairs(STYLE)}


@pytest.mark.parametrize("theme", ["default", "paper"])
@pytest.mark.parametrize("mode", [0, 1])
def test_what_is_drawn_and_written_stands_out(theme: str, mode: int) -> None:
    colours = {
        name: pair[mode] for name, pair in {**pairs(TOKENS), **(pairs(STYLE) if theme == "paper" else {})}.items()
    }
    written = ["ink", "ink-2", "ink-3", "good", "bad", "warn", *(f"t{slot}" for slot in range(1, 11))]
    drawn = ["ctl", "axis", "focus", *(f"s{slot}" for slot in range(1, 11))]
    assert [name for name in written if contrast(colours[name], colours["bg"]) < 4.45] == []
    assert [name for name in drawn if contrast(colours[name], colours["bg"]) < 2.95] == []


# ---- in a browser


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_kind_of_page_is_silent_accessible_and_fits(
    paper_site: Path, open_page: OpenPage, scheme: str, width: int
) -> None:
    address = disk_address(paper_site)
    faults: dict[str, object] = {}
    with open_page(address, scheme=scheme, width=width) as watched:
        for path in kinds(paper_site):
            watched.open(address + path)
            if found := watched.accessibility_faults():
                faults[path] = found
            if (wide := watched.evaluate("document.documentElement.scrollWidth")) > width:
                faults[f"{path}: width"] = wide
        assert watched.messages == []
    assert faults == {}


@pytest.mark.browser
def test_it_reads_like_a_paper(paper_site: Path, open_page: OpenPage) -> None:
    address = disk_address(paper_site)
    experiment = next(p for p in pages_of(paper_site) if p.startswith("e/digits") and "compare" not in p)
    with open_page(address, width=1440) as watched:
        watched.open(address + experiment)

        def style(selector: str, name: str) -> str:
            return str(watched.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{name}"))

        assert "Charter" in style(".prose", "fontFamily")
        assert "system-ui" in style(".bar", "fontFamily")
        assert style(".prose p", "fontSize") == "17.5px"
        assert watched.evaluate("document.querySelector('.prose').getBoundingClientRect().width") <= 680
        assert style("html", "backgroundColor") == "rgb(253, 252, 249)"
        run = next(p for p in pages_of(paper_site) if p.startswith("r/"))
        watched.open(address + run)
        assert style("thead tr", "borderTopWidth") == style("tbody tr:last-child", "borderBottomWidth") == "2px"
        watched.page.locator("figure > figcaption").first.wait_for()
        boxes = "['figcaption', '.chart'].map(s => document.querySelector('figure ' + s).getBoundingClientRect().top)"
        caption, chart = watched.evaluate(boxes)
        assert caption > chart
