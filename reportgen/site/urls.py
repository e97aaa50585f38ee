"""Site paths of pages and files. The plan decides what is written; this module decides under which name.

Every path is relative to the site's root with `/` between folders. `relative` makes the link from one page to another.
"""

from __future__ import annotations

import re
from typing import Final

from reportgen.formats import artifact_path, short_key, slug

HOME: Final = "index.html"
RUNS: Final = "runs.html"
COMPARE: Final = "compare.html"
MODELS: Final = "models.html"
PROBLEMS: Final = "problems.html"
HISTORY: Final = "history.html"
FEED: Final = "feed.xml"
RUNS_CSV: Final = "runs.csv"
SITE_JSON: Final = "data/site.json"
EDITS: Final = "data/edits.jsonl"
INDEX_JS: Final = "data/index.js"
SEARCH_JS: Final = "data/search.js"

_SHAPES: Final = re.compile(
    r"(index|runs|compare|history|models|problems)\.html|runs\.csv|feed\.xml|\.nojekyll"
    r"|e/[a-z0-9-]{1,40}-[a-z2-7]{10}(-compare)?\.html|e/[a-z2-7]{10}(-\d{1,5})?\.csv"
    r"|h/[a-z0-9-]{1,40}-[a-z2-7]{10}\.html|h/[a-z2-7]{10}\.csv"
    r"|r/[a-z0-9-]{1,40}-[a-z2-7]{10}\.html"
    r"|a/[0-9a-f]{20}\.[a-z0-9]{1,10}(\.txt)?"
    r"|data/(site\.json|edits\.jsonl|(index|search)\.js)|data/packs/(mixed|[a-z2-7]{10})-\d{1,6}-[0-9a-f]{10}\.jsonl\.gz"
    r"|data/runs/[0-9a-f]{32}\.jsonl\.gz|data/(tables|series|texts)/[a-z2-7]{10}\.js"
    r"|data/query/[a-z2-7]{10}(-\d{1,5})?\.js"
    r"|data/tiles/[a-z2-7]{10}/\d{1,5}-\d{1,7}\.js"
    r"|assets/[a-z0-9][a-z0-9._-]{0,80}|assets/plots/[0-9a-f]{20}\.svg"
)


def is_site_path(path: str) -> bool:
    """Tell whether `path` has the shape of a path that a build writes; nothing else is ever opened or deleted."""
    return _SHAPES.fullmatch(path) is not None


def experiment_page(name: str) -> str:
    """Return the path of an experiment's page."""
    return f"e/{slug(name)}-{short_key(name)}.html"


def experiment_compare_page(name: str) -> str:
    """Return the path of the page that compares an experiment's selection side by side."""
    return f"e/{slug(name)}-{short_key(name)}-compare.html"


def experiment_csv(name: str, part: int | None = None) -> str:
    """Return the path of the table of all runs of an experiment, or of one part of a long one."""
    return f"e/{short_key(name)}.csv" if part is None else f"e/{short_key(name)}-{part}.csv"


def history_page(name: str) -> str:
    """Return the path of the page of an experiment's history."""
    return f"h/{slug(name)}-{short_key(name)}.html"


def history_csv(name: str) -> str:
    """Return the path of the table of an experiment's observations."""
    return f"h/{short_key(name)}.csv"


def run_page(key: str, name: str) -> str:
    """Return the path of a run's page."""
    return f"r/{slug(name)}-{short_key(key)}.html"


def record(key: str) -> str:
    """Return the path of a run's record, the file that holds the truth about it."""
    return f"data/runs/{key}.jsonl.gz"


def table_js(name: str) -> str:
    """Return the path of the table of an experiment's runs."""
    return f"data/tables/{short_key(name)}.js"


def finding_js(name: str) -> str:
    """Return the path of what filters may ask of an experiment's runs beside its table."""
    return f"data/query/{short_key(name)}.js"


def finding_part_js(name: str, part: int) -> str:
    """Return the path of one part of that."""
    return f"data/query/{short_key(name)}-{part}.js"


def series_js(key: str) -> str:
    """Return the path of a run's series and facts."""
    return f"data/series/{short_key(key)}.js"


def texts_js(key: str) -> str:
    """Return the path of the texts among a run's artifacts."""
    return f"data/texts/{short_key(key)}.js"


def is_tile(path: str) -> bool:
    """Tell whether a site path is that of a tile, which pages can do without."""
    return path.startswith("data/tiles/")


def tile_js(key: str, metric_index: int, tile: int) -> str:
    """Return the path of one tile of exact points of a long series."""
    return f"data/tiles/{short_key(key)}/{metric_index}-{tile}.js"


def plot_svg(digest: str) -> str:
    """Return the path of a static plot, named by the digest of its inputs."""
    return f"assets/plots/{digest[:20]}.svg"


artifact: Final = artifact_path
"""The path of a published artifact; sources make it too, so the rule stands in `formats`."""


def relative(target: str, page: str) -> str:
    """Return the link from the page at `page` to `target`; a `#fragment` in `target` stays."""
    path, mark, fragment = target.partition("#")
    if path == page and mark:
        return f"#{fragment}"
    folder, slash, rest = page.partition("/")
    if not slash or not ("/" in rest or path.startswith(f"{folder}/")):  # what nearly every link is
        return f"../{target}" if slash else target
    here, there = page.split("/")[:-1], path.split("/")
    shared = 0
    while shared < min(len(here), len(there) - 1) and here[shared] == there[shared]:
        shared += 1
    return "../" * (len(here) - shared) + "/".join(there[shared:]) + mark + fragment
