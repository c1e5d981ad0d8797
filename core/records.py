"""Records: frozen dataclasses that go to JSON and come back, for the database, files and whoever writes a config.

One rule for all of them. What is missing has its default. A name that the class does not have, something missing that
has no default, and a value of another type are refused with one error of Bluetit's tree (`Record.json_error`) that says
what came in, what the class has and what to do: what another version meant is neither guessed nor left out in silence.
A new field has a default, and `Record._renewed` knows what else earlier versions wrote, so that their records are read.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from core.errors import BluetitError, ConfigError, RecordError

_KIND = "kind"
_SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class Record:
    """Both ways between a dataclass and JSON.

    Fields hold true or false, numbers, texts, enums, other records, tuples, lists and mappings of them, None, or `Any`
    for what JSON has as it is.
    """

    __slots__ = ()

    json_error: ClassVar[type[BluetitError]] = RecordError  # what is raised when it cannot be read
    # The other remedy than installing the version of Bluetit that wrote it, as the end of a sentence.
    json_remedy: ClassVar[str] = ""
    is_json_row: ClassVar[bool] = False  # whether JSON has a list of the values, in the order of the fields
    # How JSON tells the class where a field may hold one of several classes: its entry `kind`. Empty: it need not.
    KIND: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """What JSON can hold: mappings, lists, texts, numbers, true, false and None."""
        values = {spec.name: _plain(getattr(self, spec.name)) for spec in _fields(type(self))}
        return {_KIND: self.KIND, **values} if self.KIND else values

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Read what `to_json` wrote, in this version or an earlier one.

        Raises:
            BluetitError: the class's `json_error`; see the rule of this module.
        """
        try:
            return cls(**_read_fields(cls, values))
        except _UnreadableError as exc:
            raise cls._refusal(str(exc)) from exc

    @classmethod
    def _refusal(cls, reason: str) -> BluetitError:
        """The error for values that are no such record."""
        remedy = f", or {cls.json_remedy}" if cls.json_remedy else ""
        return cls.json_error(f"{reason} Another version of Bluetit may have written it: install the newest{remedy}.")

    @classmethod
    def _renewed(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What an earlier version wrote, as this one writes it."""
        return values

    @classmethod
    def _titled(cls, name: str) -> str:
        """A field in words."""
        return name.replace("_", " ")


class Config(Record):
    """A record that people and other programs write too: what they got wrong is said without a word on versions."""

    __slots__ = ()

    json_error = ConfigError

    @classmethod
    def _refusal(cls, reason: str) -> BluetitError:
        return cls.json_error(reason)


def _fields(record: type) -> tuple[Any, ...]:
    return fields(record)


@cache
def _hints(record: type) -> dict[str, Any]:
    return get_type_hints(record)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return list(value.to_json().values()) if value.is_json_row else value.to_json()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


class _UnreadableError(Exception):
    """The values are no such record; the text says why, in whole sentences."""


class _MismatchError(Exception):
    """A value is of another type; the text says which one is needed."""


def _read_fields(record: type[Any], values: Any) -> dict[str, Any]:
    """The fields of a record out of JSON, with which it can be made."""
    if record.is_json_row and isinstance(values, list | tuple):
        values = _named(record, values)
    if not isinstance(values, Mapping):
        raise _UnreadableError(f"{record.__name__} is {_shown(values)}; named values are needed.")
    if record.KIND:
        values = {name: value for name, value in values.items() if name != _KIND}
    values = record._renewed(values)
    _check_names(record, values)
    hints = _hints(record)  # type: ignore[arg-type]  # classes can be hashed
    return {name: _read_field(record, name, value, hints[name]) for name, value in values.items()}


def _named(record: type, row: list[Any] | tuple[Any, ...]) -> dict[str, Any]:
    names = [spec.name for spec in _fields(record)]
    if len(row) > len(names):
        raise _UnreadableError(f"{record.__name__} is {_shown(row)}; it has {', '.join(names)}.")
    return dict(zip(names, row, strict=False))


def _check_names(record: type, values: Mapping[str, Any]) -> None:
    """Refuse names that the class does not have, and values without which it cannot be."""
    known = [spec.name for spec in _fields(record)]
    unknown = [str(name) for name in values if name not in known]
    if unknown:
        near = dict.fromkeys(match for name in unknown for match in get_close_matches(name, known, n=3))
        hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known)}."
        raise _UnreadableError(f"{record.__name__} has no {', '.join(unknown)}; {hint}")
    needed = [spec.name for spec in _fields(record) if spec.default is MISSING and spec.default_factory is MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        raise _UnreadableError(f"{record.__name__} is not complete; {' and '.join(missing)} must be given.")


def _read_field(record: type[Any], name: str, value: Any, hint: Any) -> Any:
    try:
        return _read(value, hint)
    except _MismatchError as exc:
        raise _UnreadableError(f"The {record._titled(name)} is {_shown(value)}; {exc} is needed.") from exc
    except (_UnreadableError, BluetitError) as exc:  # two records in one may have the same names: say which one it is
        raise _UnreadableError(f"In {name}: {exc}") from exc


def _read(value: Any, hint: Any) -> Any:
    """A value out of JSON as its field has it: lists become tuples, words enums, named values records."""
    if hint is Any:
        return value
    origin = get_origin(hint)
    if origin is not None:
        return _READERS[origin](value, get_args(hint))
    if issubclass(hint, Record):
        return hint(**_read_fields(hint, value))
    if issubclass(hint, Enum):
        return _read_enum(value, hint)
    if not isinstance(value, int | float if hint is float else hint) or (isinstance(value, bool) and hint is not bool):
        raise _MismatchError(_SCALARS[hint])
    return value


def _read_enum(value: Any, kind: type[Enum]) -> Any:
    try:
        return kind(value)
    except ValueError as exc:
        raise _MismatchError(f"one of {', '.join(str(each.value) for each in kind)}") from exc


def _read_choice(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise _MismatchError(f"one of {', '.join(map(str, choices))}")
    return value


def _read_union(value: Any, choices: tuple[Any, ...]) -> Any:
    if value is None and types.NoneType in choices:
        return None
    some = [choice for choice in choices if choice is not types.NoneType]
    if len(some) == 1:
        return _read(value, some[0])
    of_kind = {record.KIND: record for record in some}
    kind = value.get(_KIND) if isinstance(value, Mapping) else None
    if kind not in of_kind:
        raise _MismatchError(f"one of the kinds {', '.join(of_kind)}")
    return _read(value, of_kind[kind])


def _read_tuple(value: Any, hints: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _MismatchError("a list")
    if hints[-1] is Ellipsis:
        return tuple(_read(each, hints[0]) for each in value)
    if len(value) != len(hints):
        raise _MismatchError(f"a list of {len(hints)}")
    return tuple(map(_read, value, hints))


def _read_list(value: Any, hints: tuple[Any, ...]) -> list[Any]:
    return list(_read_tuple(value, (hints[0], ...)))


def _read_mapping(value: Any, hints: tuple[Any, ...]) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _MismatchError("a mapping of named values")
    return {_read(key, hints[0]): _read(each, hints[1]) for key, each in value.items()}


_READERS: dict[Any, Callable[[Any, tuple[Any, ...]], Any]] = {
    Literal: _read_choice,
    Union: _read_union,
    types.UnionType: _read_union,
    tuple: _read_tuple,
    list: _read_list,
    dict: _read_mapping,
    Mapping: _read_mapping,
}


def _shown(value: Any) -> str:
    """What came in, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
