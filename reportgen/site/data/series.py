"""The data files of one run: all points of its series, and what else a script has to know of it.

Short series stand whole in the run's file. A long one stands there as an envelope, from which a chart is drawn at once,
and its exact points in tiles, which are loaded for the part that a reader looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from reportgen.analysis.downsample import envelope
from reportgen.formats import SITE_FORMAT, short_key
from reportgen.model import Run, Series
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.encoding import encode_column, pack, packed_script, script
from reportgen.site.data.facts import make_facts

LONG_SERIES: Final = 4_000
"""A series with more points is drawn from an envelope first; its exact points stand in tiles."""
BUCKETS: Final = 2_000
"""Buckets of an envelope: more than any chart has pixels."""
TILE_POINTS: Final = 65_536
"""Points of one tile."""
_ENVELOPE: Final = ("first_steps", "last_steps", "min", "max", "mean")


def make_run_files(run: Run, config: Config, texts: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the script files of a run by their site paths; `texts` are those of its artifacts, see `read_texts`."""
    key = run.summary.key
    blocks: dict[tuple[int, bytes, bytes], list[tuple[str, Series]]] = {}
    long: list[dict[str, Any]] = []
    tiles: dict[str, bytes] = {}
    for name, ranks in run.series.items():
        for rank, series in ranks.items():
            if len(series) <= LONG_SERIES:
                same = (rank, series.steps.tobytes(), series.times.tobytes())
                blocks.setdefault(same, []).append((name, series))
            else:
                count = _add_tiles(tiles, key, len(long), series)
                long.append({"name": name, "rank": rank, **_describe_long(series), "series": len(long), "tiles": count})
    payload = {
        "format": SITE_FORMAT,
        "key": key,
        "about": pack(make_facts(run, config, texts)),
        "blocks": [
            {
                "rank": rank,
                "names": [name for name, _ in members],
                "steps": encode_column(members[0][1].steps),
                "times": encode_column(members[0][1].times),
                "values": encode_column(np.concatenate([s.values for _, s in members])),
            }
            for (rank, _, _), members in blocks.items()
        ],
        "long": long,
    }
    files = {urls.series_js(key): script(f"series/{short_key(key)}", payload), **tiles}
    if texts:
        files[urls.texts_js(key)] = packed_script(f"texts/{short_key(key)}", texts)
    return files


def _add_tiles(tiles: dict[str, bytes], key: str, index: int, series: Series) -> int:
    """Add the tiles of one long series to `tiles`; return how many."""
    count = -(-len(series) // TILE_POINTS)
    for tile in range(count):
        part = slice(tile * TILE_POINTS, (tile + 1) * TILE_POINTS)
        payload = {
            "steps": encode_column(series.steps[part]),
            "times": encode_column(series.times[part]),
            "values": encode_column(series.values[part]),
        }
        path = urls.tile_js(key, index, tile)
        tiles[path] = script(path.removeprefix("data/").removesuffix(".js"), payload)
    return count


def _describe_long(series: Series) -> dict[str, Any]:
    """Return what the run's file says of a long series: its envelope, and where its tiles begin."""
    buckets = envelope(series.steps, series.values, BUCKETS)
    # Points with one step are in one bucket, so that a bucket begins where its first step is found first.
    begins = np.searchsorted(series.steps.astype(np.float64), buckets.first_steps)
    return {
        "n": len(series),
        "tile_steps": encode_column(series.steps[::TILE_POINTS]),
        "tile_times": encode_column(series.times[::TILE_POINTS]),
        "times": encode_column(series.times[begins]),
        **{name: encode_column(getattr(buckets, name)) for name in _ENVELOPE},
    }
