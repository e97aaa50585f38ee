"""What every script builds on, in a real browser: numbers as the build writes them, data files, the view, CSV."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.site import text
from reportgen.site.data import encode_column, gzip_bytes
from reportgen.site.theme import themes_folder
from tests.browser import OpenPage, Watched, disk_address

pytestmark = pytest.mark.browser

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
PAGE = f"""<!DOCTYPE html>
<html lang="en" data-root=""><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>Core</title><script src="reportgen.js" defer></script></head><body><h1>Core</h1></body></html>"""
VALUES = (
    *(0.0, -0.0, 0.5, 1.5, 2.5, 0.125, 0.375, 1.005, 4.35, 0.285, 78.43, 0.913, 1e-3, 5e-4, 12345.678, 1234567, -3.7),
    *(9999.5, 99995, 0.99996, 1e15, 1.5e16, 1e-5, -2.34567e-7, 1e300, 5e-324, math.nan, math.inf, -math.inf, 4904, 256),
    *(random.Random(1).uniform(-1, 1) * 10.0 ** random.Random(i).randint(-9, 9) for i in range(200)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page that loads the core alone, and data files beside it."""
    folder = tmp_path_factory.mktemp("core")
    (folder / "data").mkdir()
    (folder / "reportgen.js").write_text((themes_folder() / "default" / "static" / "reportgen.js").read_text())
    (folder / "page.html").write_text(PAGE)
    (folder / "data" / "good.js").write_text('reportgen.data("good",{"a":1});')
    (folder / "data" / "cut.js").write_text('reportgen.data("other",{});')
    return folder


@pytest.fixture
def core(folder: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return the open page."""
    address = disk_address(folder)
    with open_page(address) as watched:
        watched.open(address + "page.html")
        yield watched


def literal(value: Any) -> str:
    """Return `value` as JavaScript."""
    return json.dumps(value).replace("-Infinity", "-1/0").replace("Infinity", "1/0")


def test_numbers_are_written_as_the_build_writes_them(core: Watched) -> None:
    places = [None, 0, 1, 2, 3, 4, 6, 8]
    wanted = [[text.format_number(v, d) for d in places] for v in VALUES]
    rows = ",".join(literal(v) for v in VALUES)
    made = core.evaluate(
        f"[{rows}].map(v => {json.dumps(places)}.map(d => reportgen.format.number(v, d ?? undefined)))"
    )
    assert made == wanted
    assert core.evaluate("reportgen.format.number(null)") == text.format_number(None)


def test_params_digits_and_decimals_are_those_of_the_build(core: Watched) -> None:
    usual = [v for v in VALUES if not (math.isfinite(v) and (abs(v) >= 1e15 or 0 < abs(v) < 1e-4))]
    rows = ",".join(literal(v) for v in usual)
    assert core.evaluate(f"[{rows}].map(v => reportgen.format.full(v))") == [text.full_digits(v) for v in usual]
    far = [1e15, 1.5e16, 1e300, 5e-324, 1.25e-7]
    assert [float(v) for v in core.evaluate(f"{far}.map(reportgen.format.full)")] == far
    finite = [v for v in usual if math.isfinite(v) and not (float(v).is_integer() and abs(v) >= 1e5)]
    rows = ",".join(literal(v) for v in finite)
    assert core.evaluate(f"[{rows}].map(reportgen.format.param)") == [text.format_param(v) for v in finite]
    words = ["adam", "", True, False, None, 3]
    assert core.evaluate(f"{json.dumps(words)}.map(reportgen.format.param)") == [text.format_param(w) for w in words]
    columns = [[random.Random(i).uniform(0, 10.0 ** (i % 7 - 3)) for _ in range(5)] for i in range(60)]
    columns += [[], [0.0], [1.0, 1.00001], [5, 6, 7], [0.5, 0.25], [1e16], [0.02, 0.03]]
    made = core.evaluate(f"{json.dumps(columns)}.map(c => reportgen.format.decimals(c))")
    assert made == [text.column_decimals(c) for c in columns]


def test_durations_sizes_and_times_are_those_of_the_build(core: Watched) -> None:
    seconds = [0, 0.0004, 0.035, 0.9996, 8.24, 9.96, 35, 59.6, 185, 2880, 15180, 187200, 1e6, 1e9, -1]
    assert core.evaluate(f"{seconds}.map(reportgen.format.duration)") == [text.format_duration(s) for s in seconds]
    sizes = [0, 1, 812, 2400, 24_000, 999_499, 999_600, 22_400_000, 5 * 10**12]
    assert core.evaluate(f"{sizes}.map(reportgen.format.size)") == [text.format_size(s) for s in sizes]
    times = [0, 1_790_000_000.9, 1.7e9]
    assert core.evaluate(f"{times}.map(reportgen.format.time)") == [text.format_time(t) for t in times]
    assert core.evaluate("reportgen.format.count(9870, 'run')") == text.format_count(9870, "run")


@pytest.mark.parametrize(
    "values",
    [
        np.arange(5),
        np.array([3, 1, 2**53 + 1]),
        np.arange(100) ** 2,
        np.array([0.5, np.nan, np.inf, -np.inf]),
        np.float32(np.linspace(0, 1, 200)).astype(float),
        np.append(np.linspace(0, 1, 200), np.nan),
        np.zeros(0),
    ],
    ids=["range", "short whole", "long whole", "short", "single", "double", "none"],
)
def test_columns_are_decoded(core: Watched, values: np.ndarray[Any, Any]) -> None:
    made = core.evaluate(f"reportgen.column({json.dumps(encode_column(values))}).then(a => Array.from(a, String))")
    assert np.array([float(v) for v in made]) == pytest.approx(values.astype(float), rel=0, abs=0, nan_ok=True)


def test_packed_data_are_unpacked(core: Watched) -> None:
    import base64

    packed = base64.b64encode(gzip_bytes('{"a": ["é", 1]}'.encode())).decode()
    assert core.evaluate(f"reportgen.unpack('{packed}')") == {"a": ["é", 1]}


def test_a_data_file_is_loaded_once_and_a_missing_or_cut_one_says_so(core: Watched) -> None:
    assert core.evaluate("Promise.all([reportgen.load('good'), reportgen.load('good')]).then(([a, b]) => a === b)")
    assert core.evaluate("document.querySelectorAll('script').length") == 1
    assert core.evaluate("reportgen.load('cut').catch(e => e.message)") == "data/cut.js is cut or damaged"
    assert core.evaluate("reportgen.reload('good')") == {"a": 1}
    assert core.messages == []
    assert core.evaluate("reportgen.load('gone').catch(e => e.message)") == "data/gone.js cannot be loaded"


def test_the_view_is_in_the_address(core: Watched) -> None:
    core.evaluate("reportgen.state.set({sort: '-val/acc,lr', q: 'a b&c=d', none: null})")
    assert core.evaluate("location.hash") == "#?sort=-val/acc,lr&q=a+b%26c%3Dd"
    assert core.evaluate("[reportgen.state.get('q'), reportgen.state.get('none')]") == ["a b&c=d", None]
    assert core.evaluate("reportgen.state.link({sort: null})").endswith("page.html#?q=a+b%26c%3Dd")
    core.evaluate("reportgen.state.set({sort: null, q: null})")
    assert core.address.endswith("page.html")


def test_spreadsheet_formulas_are_defused(core: Watched) -> None:
    made = core.evaluate("reportgen.csv([['=1+1', '+x', 'a,\"b\"', -1.5, null], ['@', '-', 'é', 1e-7, NaN]])")
    assert made == '\'=1+1,\'+x,"a,""b""",-1.5,\r\n\'@,\'-,é,1e-7,NaN\r\n'


def test_elements_take_text_never_markup(core: Watched) -> None:
    made = core.evaluate("reportgen.el('p', {title: '\"<', hidden: false, lang: null}, '<b>x</b>').outerHTML")
    assert "&lt;b&gt;x&lt;/b&gt;</p>" in made
    assert "hidden" not in made
    assert "lang" not in made


def test_keys_act_unless_one_types(core: Watched) -> None:
    core.evaluate("window.hits = [], reportgen.keys.add('/ Ctrl-k', 'search', () => hits.push(1)), 0")
    core.page.keyboard.press("/")
    core.page.keyboard.press("Control+k")
    core.evaluate("document.body.append(reportgen.el('input', {'aria-label': 'x'}))")
    core.page.locator("input").focus()
    core.page.keyboard.press("/")
    assert core.evaluate("hits.length") == 2
    assert core.evaluate("document.querySelector('input').value") == "/"
    assert core.evaluate("reportgen.keys.list()") == [{"key": "/ Ctrl-k", "description": "search"}]
