"""Tables for a terminal: what fits, how wide texts are, what Markdown needs."""

from __future__ import annotations

import io
import re

import pytest

from reportgen.cli.cells import age_of, best_runs, plain_number, spark
from reportgen.cli.tables import (
    GAP,
    MOST,
    Cell,
    Column,
    Screen,
    Section,
    cut_end,
    cut_middle,
    display_width,
    escape_markdown,
    fit_columns,
    markdown_sections,
    markdown_table,
    render_sections,
    render_table,
    screen_of,
)
from tests.factories import START, make_summary

PLAIN = Screen(80, colours=False)


def column(head: str, texts: list[str], rank: int, **more: object) -> Column:
    return Column(head, [Cell(text) for text in texts], rank, what=head, **more)  # type: ignore[arg-type]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# ---- widths


def test_wide_signs_take_two_columns_and_accents_none() -> None:
    assert display_width("abc") == 3
    assert display_width("损失") == 4
    assert display_width("🙂") == 2
    assert display_width("e\u0301") == 1
    assert display_width("한국") == 4
    assert display_width("ｅ") == 2


@pytest.mark.parametrize("width", range(2, 12))
def test_a_cut_text_is_never_wider_than_its_place(width: int) -> None:
    for text in ("损失函数损失函数", "aaaaaaaaaaaaaaaa", "e\u0301" * 14, "a损a损a损a损a损"):
        for cut in (cut_end(text, width), cut_middle(text, width)):
            assert width - 1 <= display_width(cut) <= width
            assert "…" in cut


def test_a_name_is_cut_in_the_middle_and_keeps_both_ends() -> None:
    assert cut_middle("resnet-lr-0.1-seed-3", 11) == "resne…eed-3"
    assert cut_middle("short", 11) == "short"


def test_no_accent_is_left_without_its_letter() -> None:
    assert cut_middle("aaaaaaaae\u0301", 3) in ("a…e\u0301", "aa…")
    assert not cut_middle("aaaaaaaa\u0301\u0301bc", 4).partition("…")[2].startswith("\u0301")


def test_columns_of_wide_signs_are_aligned() -> None:
    names, values = column("run", ["损失", "abcd", "é"], 0), column("x", ["1", "22", "333"], 1, right=True)
    lines = render_table(fit_columns([names, values], 80), PLAIN)
    assert {display_width(line) for line in lines} == {9}


# ---- what fits


def test_columns_get_their_place_by_rank_and_stand_in_the_order_given() -> None:
    columns = [column("run", ["a" * 10], 0), column("late", ["b" * 10], 2), column("first", ["c" * 10], 1)]
    fit = fit_columns(columns, 24)
    assert [c.head for c in fit.columns] == ["run", "first"]
    assert [c.what for c in fit.left_out] == ["late"]
    assert [c.head for c in fit_columns(columns, 34).columns] == ["run", "late", "first"]


def test_no_line_is_wider_than_the_screen() -> None:
    columns = [
        column("run", ["name-" * 12, "x"], 0, least=12, cut="middle"),
        column("experiment", ["digits" * 5, "y"], 1, least=8),
        *(column(f"metric/{i}/accuracy", ["0.5123", "1"], 2 + i, right=True, about="max ↑") for i in range(20)),
    ]
    for width in range(30, 300, 7):
        fit = fit_columns(columns, width)
        assert sum(fit.widths) + GAP * (len(fit.widths) - 1) <= width
        assert all(display_width(line) <= width for line in render_table(fit, PLAIN))
        assert len(fit.columns) + len(fit.left_out) == len(columns)


def test_a_number_is_never_cut() -> None:
    columns = [column("run", ["n" * 40], 0, least=8), column("a/very/long/metric", ["0.123456789"], 1, right=True)]
    fit = fit_columns(columns, 26)
    assert "0.123456789" in "\n".join(render_table(fit, PLAIN))


def test_words_become_signs_where_there_is_no_room_and_come_back_where_there_is() -> None:
    states = column("status", ["finished"], 1, short=(Cell("●"),))
    columns = [column("run", ["n" * 10], 0), states, column("lr", ["0.1"], 2)]
    assert [c.cells[0].text for c in fit_columns(columns, 20).columns] == ["n" * 10, "●", "0.1"]
    assert [c.cells[0].text for c in fit_columns(columns, 40).columns] == ["n" * 10, "finished", "0.1"]


def test_room_that_is_left_goes_to_cut_texts() -> None:
    columns = [column("run", ["n" * 30], 0, least=10), column("lr", ["0.1"], 1)]
    assert fit_columns(columns, 30).widths == [25, 3]
    assert fit_columns(columns, 80).widths == [30, 3]


# ---- the screen


def test_a_screen_without_a_terminal_has_a_width_of_its_own_and_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert screen_of(io.StringIO()) == Screen(MOST, colours=False)
    monkeypatch.setenv("COLUMNS", "72")
    assert screen_of(io.StringIO()).width == 72


def test_colours_are_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert screen_of(Terminal()).colours
    assert "\x1b[" in screen_of(Terminal()).style("x", "strong")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not screen_of(Terminal()).colours
    assert screen_of(Terminal()).style("x", "strong") == "x"


def test_colours_do_not_move_columns() -> None:
    cells = [Cell("0.9852*", "strong"), Cell("0.1", "bad")]
    columns = [column("run", ["a", "bb"], 0), Column("acc", cells, 1, right=True), column("lr", ["1", "2"], 2)]
    fit = fit_columns(columns, 80)
    coloured = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in render_table(fit, Screen(80, colours=True))]
    assert coloured == render_table(fit, PLAIN)


# ---- Markdown and sections


def test_markdown_shows_texts_as_they_are() -> None:
    table = markdown_table([column("a|b", ["x_y", "<b>", "1 2"], 0), column("n", [" 0.5", "1", "–"], 1, right=True)])
    assert table == [
        "| a\\|b | n |",
        "| --- | ---: |",
        "| x\\_y | 0.5 |",
        "| \\<b\\> | 1 |",
        "| 1 2 | – |",
    ]
    assert escape_markdown("a\nb") == "a\\\\nb"


def test_sections_keep_logged_markdown_and_escape_other_texts() -> None:
    sections = [Section("Notes", text="**bold**\x1b[31m", is_markdown=True), Section("Problems", text="a*b")]
    assert markdown_sections(sections)[:3] == ["## Notes", "", "**bold**\x1b[31m"]
    assert markdown_sections(sections)[-1] == "a\\*b"
    assert render_sections(sections, PLAIN) == ["Notes", "**bold**\\x1b[31m", "", "Problems", "a*b"]


# ---- values


def test_numbers_can_be_copied_into_code() -> None:
    assert [plain_number(value) for value in (-0.5, 12_000, 1e-7, None)] == ["-0.5", "12,000", "1e-7", "–"]


def test_ages_are_those_of_the_pages() -> None:
    ages = {0: "just now", 59: "just now", 60: "1 min ago", 7199: "1 h ago", 86_400 * 14: "14 d ago"}
    assert {age: age_of(START - age, START) for age in ages} == ages
    assert age_of(START - 86_400 * 14 - 1, START) == "7 Nov 2026"
    assert age_of(START + 3600, START) == "21 Nov 2026"


def test_a_curve_keeps_both_ends_and_gaps() -> None:
    assert spark(range(64), 8) == "▁▂▃▄▅▆▇█"
    assert spark([0, -1, 63], 8) == "▁ █"
    assert spark([-1, -1], 8) == ""
    assert len(spark([30] * 40, 24)) == 24


def test_the_best_is_that_of_an_experiment_and_no_failed_run_or_fold() -> None:
    runs = [
        make_summary("a", metrics={"acc": [0.5]}),
        make_summary("b", metrics={"acc": [0.9]}, status="failed"),
        make_summary("c", metrics={"acc": [0.7]}),
        make_summary("d", metrics={"acc": [0.8]}, parent_id="20261121-120200-c"),
        make_summary("e", metrics={"acc": [0.1]}, experiment="other"),
    ]
    values = [run.metrics["acc"].last for run in runs]
    assert best_runs(runs, "acc", values, "max") == {runs[2].key}
    assert best_runs(runs, "acc", values, "min") == {runs[0].key}
    assert best_runs(runs, "acc", values, None) == frozenset()
