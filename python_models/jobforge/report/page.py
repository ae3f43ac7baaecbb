"""One HTML file with everything in it, which may ask nothing of any network.

The content is JSON in a block that no browser runs, so that a text of a table stays a text; the
page's program puts texts into the page as texts only. The content security policy allows the one
program and the styles that this module puts in, by their hashes, and nothing else.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal, get_args

from jinja2 import Environment
from markupsafe import Markup

__all__ = ["LANGUAGES", "Language", "page"]

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

# `</script>`, `<!--` and line separators cannot occur where these are escapes.
_ESCAPES = {
    ord(sign): f"\\u{ord(sign):04x}" for sign in ("<", ">", "&", "\N{LINE SEPARATOR}", "\u2029")
}


def page(shown: Mapping[str, Any], language: Language = "en") -> str:
    """Return the page in that language; the reader can switch to the others."""
    texts = {name: json.loads(_asset(f"texts.{name}.json")) for name in LANGUAGES}
    built = json.loads(_asset("build.json"))
    style, program = _asset("report.css"), _asset("report.js")
    policy = {
        "default-src": ["'none'"],
        "script-src": [_hash(program)],
        # The library adds a style of its own to each plot.
        "style-src": [_hash(style), *built["styles"]],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    return (
        _environment()
        .from_string(_asset("page.html"))
        .render(
            language=language,
            texts=texts[language],
            policy="; ".join(" ".join([name, *allowed]) for name, allowed in policy.items()),
            style=Markup(style),
            program=Markup(program),
            content=_block(
                {"language": language, "texts": texts, "licences": _asset("LICENSES.txt"), **shown}
            ),
        )
    )


def _block(value: object) -> Markup:
    """Return a value as JSON that can stand in a script block."""
    return Markup(
        json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(
            _ESCAPES
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return files("jobforge.report").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(autoescape=True, keep_trailing_newline=True)
