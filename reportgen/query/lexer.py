"""Cuts the text of a filter into tokens. `query.js` cuts it in the same way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from typing import Literal as OneOf

from reportgen.query.errors import fault
from reportgen.query.fields import AGES_S, MAX_LENGTH
from reportgen.query.nodes import Place

BLANKS: Final = " \t\n\r\f\v\xa0"
ENDS_WORD: Final = BLANKS + "'\"`(),=<>!"
NO_PATTERNS: Final = "there are no regular expressions: use LIKE with % for any text and _ for one character"
_CURLY: Final = "‘’“”„‚"
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_AGE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")
_NOW: Final = re.compile(rf"(?i:now)(?:[{BLANKS}]*([-+])[{BLANKS}]*([0-9]+(?:\.[0-9]+)?)([smhdw]))?(?![^{ENDS_WORD}])")
_COMPARATOR: Final = re.compile(r"!=|<=|>=|<>|==|=~|!~|[=<>!]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted text, a number, a sign, or the end of the text."""

    kind: OneOf["word", "quoted", "number", "age", "now", "sign", "end"]
    text: str
    """The word, the content of the quotes, the sign; of a name such as `params.'a b'` all of it without the quotes."""
    place: Place
    quote: str = ""
    """The kind of quotes around a `quoted`, or around the key of a word that has one."""
    number: float = 0.0
    """Of a number, an age (seconds) or a now (seconds after it)."""

    @property
    def upper(self) -> str:
        """The word in upper case where it may be a keyword, else nothing."""
        return self.text.upper() if self.kind == "word" and not self.quote and self.text.isascii() else ""


def cut(text: str) -> list[Token]:
    """Return the tokens of `text`, the last of kind `end`. Raises `QueryError`."""
    if len(text) > MAX_LENGTH:
        raise fault(
            "length", text[:200], Place(0, 0), f"the filter has {len(text):,} characters, more than {MAX_LENGTH:,}"
        )
    tokens: list[Token] = []
    at = 0
    while True:
        while at < len(text) and text[at] in BLANKS:
            at += 1
        if at == len(text):
            tokens.append(Token("end", "", Place(at, at)))
            return tokens
        token = _cut_one(text, at)
        tokens.append(token)
        at = token.place.end


def _cut_one(text: str, at: int) -> Token:
    letter = text[at]
    if letter in "(),":
        return Token("sign", letter, Place(at, at + 1))
    found = _COMPARATOR.match(text, at)
    if found:
        return _sign(text, found)
    if letter in "'\"`":
        content, end = _quoted(text, at)
        return Token("quoted", content, Place(at, end), quote=letter)
    if letter in _CURLY:
        raise fault("curly-quote", text, Place(at, at + 1), "quotes must be straight: ' or \"")
    found = _NOW.match(text, at)
    if found:
        sign, number, unit = found.groups()
        away = 0.0 if sign is None else float(sign + number) * AGES_S[unit]
        return Token("now", found[0], Place(at, found.end()), number=away)
    end = at
    while end < len(text) and text[end] not in ENDS_WORD:
        end += 1
    if end < len(text) and text[end] in "'\"`" and text[end - 1] == ".":
        content, stop = _quoted(text, end)
        return Token("word", text[at:end] + content, Place(at, stop), quote=text[end])
    return _word(text, at, end)


def _sign(text: str, found: re.Match[str]) -> Token:
    place = Place(found.start(), found.end())
    remedy = {"==": "write = for equal", "<>": "write != for unequal", "!": "write != for unequal, or NOT"}.get(
        found[0]
    )
    if found[0] in ("=~", "!~"):
        remedy = NO_PATTERNS
    if remedy:
        raise fault("operator", text, place, remedy)
    return Token("sign", found[0], place)


def _word(text: str, at: int, end: int) -> Token:
    word, place = text[at:end], Place(at, end)
    if _NUMBER.fullmatch(word):
        return Token("number", word, place, number=float(word))
    age = _AGE.fullmatch(word)
    if age:
        return Token("age", word, place, number=float(age[1]) * AGES_S[age[2]])
    return Token("word", word, place)


def _quoted(text: str, at: int) -> tuple[str, int]:
    """Return the content of the quotes that open at `at`, and where the text goes on; a doubled quote is content."""
    quote = text[at]
    end = at + 1
    while end < len(text):
        if text[end] == quote:
            if text[end + 1 : end + 2] != quote:
                return text[at + 1 : end], end + 1
            end += 1
        end += 1
    raise fault("unclosed-quote", text, Place(at, len(text)), f"the {quote} is not closed: add another {quote}")


def number_of_text(text: str) -> float | None:
    """Return the number that a text stands for, None where it stands for none.

    The whole text, without blanks around it, must be a number as in a filter, or nan, inf or infinity in any case.
    """
    text = text.strip(BLANKS)
    if _NUMBER.fullmatch(text):
        return float(text)
    word = text.lower().lstrip("+-") if len(text) < 10 else ""
    if word in ("nan", "inf", "infinity") and len(text) - len(word) <= 1:
        return float(text)
    return None
