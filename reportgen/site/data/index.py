"""What the whole site holds, small enough for every page to load."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from reportgen.formats import SITE_FORMAT, short_key
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.encoding import script
from reportgen.site.pages.columns import title_of_experiment


def index_script(experiments: Iterable[str], config: Config, dropped: Collection[str]) -> bytes:
    """Return `data/index.js` of a site with these experiments; `dropped` are keys of runs without exact points.

    It stays the same while the experiments do, whatever their runs.
    """
    payload: dict[str, Any] = {
        "format": SITE_FORMAT,
        "title": config.title,
        "repository_url": config.repository_url,
        "experiments": [
            {
                "name": name,
                "title": title_of_experiment(name),
                "k": short_key(name),
                "page": urls.experiment_page(name),
            }
            for name in sorted(experiments)
        ],
        "dropped": sorted(short_key(key) for key in dropped),
        "max_site_mb": config.max_site_mb,
    }
    return script("index", payload)
