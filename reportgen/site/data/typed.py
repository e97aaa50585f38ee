"""Frozen dataclasses as JSON data and back, with every type checked: what is read may have been written by anybody.

Fields may be `str`, `int`, `float`, `bool`, `SitePath`, `SiteLink`, dataclasses, tuples, and unions with `None`.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NewType, TypeVar

from reportgen.errors import FormatError
from reportgen.formats import decode_number, encode_number
from reportgen.site import urls

_FRAGMENT: Final = re.compile(r"[a-z0-9-]{1,40}")

_T = TypeVar("_T")
_Decode = Callable[[Any], Any]

SitePath = NewType("SitePath", str)
"""A text that is empty or has the shape of a path that a build writes: pages link to it."""

SiteLink = NewType("SiteLink", str)
"""Such a path with the fragment of a place on its page, where there is one: `h/digits-….html#m-…`."""

NO_PATH: Final = SitePath("")


def encode_typed(value: Any) -> Any:
    """Return a dataclass as plain JSON data, its fields by name; numbers that JSON cannot hold become words."""
    if dataclasses.is_dataclass(value):
        return {field.name: encode_typed(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [encode_typed(each) for each in value]
    return encode_number(value) if isinstance(value, float) else value


def decode_typed(cls: type[_T], value: Any) -> _T:
    """Return the dataclass that `encode_typed` was given. Raises `FormatError` where `value` is of another shape."""
    decode: _Decode = _decoder(cls)  # type: ignore[arg-type]  # mypy takes a class for no hashable value
    made: _T = decode(value)
    return made


@cache
def _decoder(hint: Any) -> _Decode:
    """Return what makes a value of the type `hint` out of JSON data."""
    if dataclasses.is_dataclass(hint):
        return _dataclass_decoder(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (each for each in arguments if each is not types.NoneType)
        decode = _decoder(inner)
        return lambda value: None if value is None else decode(value)
    if origin is tuple:
        return _tuple_decoder(arguments)
    return {float: _number, SitePath: _path, SiteLink: _link}.get(hint) or _plain(hint)


def _dataclass_decoder(cls: Any) -> _Decode:
    hints = typing.get_type_hints(cls)
    decoders = [(field.name, _decoder(hints[field.name])) for field in dataclasses.fields(cls)]
    names = {name for name, _ in decoders}

    def decode(value: Any) -> Any:
        if type(value) is not dict or value.keys() != names:
            raise _wrong(cls.__name__)
        return cls(*(one(value[name]) for name, one in decoders))

    return decode


def _tuple_decoder(arguments: tuple[Any, ...]) -> _Decode:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        each = _decoder(arguments[0])

        def decode_all(value: Any) -> Any:
            if type(value) is not list:
                raise _wrong("list")
            return tuple(map(each, value))

        return decode_all
    decoders = tuple(map(_decoder, arguments))

    def decode_each(value: Any) -> Any:
        if type(value) is not list or len(value) != len(decoders):
            raise _wrong("list")
        return tuple(one(own) for one, own in zip(decoders, value, strict=True))

    return decode_each


def _plain(kind: type) -> _Decode:
    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise _wrong(kind.__name__)
        return value

    return decode


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    try:
        return float(decode_number(value))
    except (TypeError, ValueError):
        raise _wrong("float") from None


def _path(value: Any) -> str:
    if type(value) is not str or not (value == "" or urls.is_site_path(value)):
        raise _wrong("site path")
    return value


def _link(value: Any) -> str:
    path, mark, fragment = value.partition("#") if type(value) is str else ("", "", "")
    if not urls.is_site_path(path) or (mark and not _FRAGMENT.fullmatch(fragment)):
        raise _wrong("link")
    return f"{path}{mark}{fragment}"


def _wrong(kind: str) -> FormatError:
    return FormatError(f"what a pack says of an experiment cannot be read: no {kind} where one belongs")
