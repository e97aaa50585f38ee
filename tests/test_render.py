"""Templates to bytes: what is kept from one page to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import load_theme


@pytest.mark.parametrize("cached", [True, False], ids=["compiled templates kept", "none kept"])
def test_a_template_that_is_edited_is_rendered_as_it_is_now(tmp_path: Path, *, cached: bool) -> None:
    template = tmp_path / "look" / "templates" / "card.html"
    template.parent.mkdir(parents=True)
    compiled = str(tmp_path / "compiled") if cached else None

    def render() -> bytes:
        theme = load_theme("default", overrides=[tmp_path / "look"])
        return Renderer(SiteInfo("T"), theme, compiled).render("card.html", None, path="card.html")

    template.write_text("before")
    assert render() == b"before"
    template.write_text("after")
    assert render() == b"after"
    template.write_text("before")
    assert render() == b"before"
