"""What the whole site holds, small enough for every page to load."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from reportgen.formats import SITE_FORMAT, short_key
from reportgen.index import Index
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.encoding import script
from reportgen.site.pages.columns import title_of_experiment


def index_script(index: Index, config: Config, dropped: Collection[str]) -> bytes:
    """Return `data/index.js`; `dropped` are the keys of the runs whose exact points were left out."""
    payload: dict[str, Any] = {
        "format": SITE_FORMAT,
        "title": config.title,
        "repository_url": config.repository_url,
        "experiments": [
            {
                "name": experiment.name,
                "title": title_of_experiment(experiment.name),
                "k": short_key(experiment.name),
                "page": urls.experiment_page(experiment.name),
                "runs": len(experiment.runs),
            }
            for experiment in index.experiments
        ],
        "dropped": sorted(short_key(key) for key in dropped),
        "max_site_mb": config.max_site_mb,
    }
    return script("index", payload)
