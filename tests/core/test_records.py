"""`core.records`: every record of Bluetit goes to JSON and comes back, and refuses what it does not know."""

import enum
import importlib
import json
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import pytest

import core
from core.errors import BluetitError, ConfigError, RecordError
from core.records import Config, Record

_CORE = Path(core.__file__).parent
# Fields whose values are checked beyond their type.
FITTING: dict[str, dict[str, Any]] = {
    "TrainConfig": {"snapshot": "0" * 64, "image_size": (224, 224), "is_augmented_freely": False, "num_views": 1},
    "HeadConfig": {"hidden_units": (8, 4)},
    "PhaseConfig": {"optimizer": "sgd"},  # the last of them solves a last layer alone
    "SplitConfig": {"train": 0.5, "validation": 0.25, "test": 0.25},
    "ImportRequest": {"name_encoding": None},
    "ProjectSource": {"key": "0" * 32},
    "ClassAction": {"picture": f"action-{'0' * 64}.jpg", "sound": f"action-{'0' * 64}.wav", "colour": "#0b1830"},
    "Actions": {"language": "pt-BR"},
    "KioskSetup": {"idle_seconds": 30},
}
# Fields without a default that records of earlier versions lack: `Record._renewed` fills them in.
NOT_IN_EARLIER_VERSIONS = {"NameGroup": ("apart",)}


def find_records() -> list[type[Record]]:
    """Every class of `core` that goes to JSON; modules that define none are not imported."""
    for path in _CORE.rglob("*.py"):
        if re.search(r"^class \w+\((Record|Config|_TrainingConfig)\)", path.read_text(encoding="utf-8"), re.MULTILINE):
            importlib.import_module(".".join(path.relative_to(_CORE.parent).with_suffix("").parts))
    return sorted(_below(Record), key=lambda record: record.__name__)


def _below(record: type[Record]) -> Iterator[type[Record]]:
    for below in record.__subclasses__():
        # A class with slots is made twice; only the one that its module has counts.
        if (
            below.__module__.startswith("core.")
            and getattr(importlib.import_module(below.__module__), below.__name__) is below
        ):
            if hasattr(below, "__dataclass_fields__"):
                yield below
            yield from _below(below)


RECORDS = find_records()


def example(record: type[Record]) -> Record:
    """A record in which every field has a value."""
    hints = get_type_hints(record)
    own = FITTING.get(record.__name__, {})
    values = {spec.name: own[spec.name] if spec.name in own else value_of(hints[spec.name]) for spec in fields(record)}  # type: ignore[arg-type]
    return record(**values)


def value_of(hint: Any) -> Any:
    """A value that is no default where that can be helped."""
    arguments = get_args(hint)
    match get_origin(hint):
        case None:
            if hint is Any:
                return {"any": [1, None]}
            if issubclass(hint, Record):
                return example(hint)
            return list(hint)[-1] if issubclass(hint, enum.Enum) else {bool: True, int: 1, float: 0.5, str: "a"}[hint]
        case kind if kind is Literal:
            return arguments[-1]
        case kind if kind is Union or kind is types.UnionType:
            return value_of(next(choice for choice in arguments if choice is not types.NoneType))
        case kind if kind is tuple:
            return (value_of(arguments[0]),) * 2 if arguments[-1] is Ellipsis else tuple(map(value_of, arguments))
        case kind if kind is list:
            return [value_of(arguments[0])]
        case kind if kind in (dict, Mapping):
            return {value_of(arguments[0]): value_of(arguments[1])}
        case kind:
            raise NotImplementedError(kind)


def named(record: Record) -> dict[str, Any]:
    """A record as the database or a file gives it back."""
    return json.loads(json.dumps(record.to_json()))


def name_of(record: type[Record]) -> str:
    """For the names of tests."""
    return record.__name__


every_record = pytest.mark.parametrize("record", RECORDS, ids=name_of)


def test_all_records_are_found() -> None:
    """The tests below cover what goes to JSON: configs, what runs tell and keep, findings, imports, renderings."""
    names = {record.__name__ for record in RECORDS}
    assert {"TrainConfig", "Outcome", "Decision", "ModelRecord", "Examination", "ArtefactRecord", "LayerRow"} <= names
    assert {"Finding", "Remedy", "SplitConfig", "PlanAnswer", "PlanQuestion", "ImportRequest", "Links"} <= names
    assert {"ToneScale", "Rendering", "StoppingState"} <= names


def test_nothing_else_reads_or_writes_json_for_a_class() -> None:
    """There is one base: `from_json` is defined nowhere else."""
    defining = [path for path in _CORE.rglob("*.py") if "def from_json" in path.read_text(encoding="utf-8")]
    assert defining == [_CORE / "records.py"]


@every_record
def test_what_is_written_is_read(record: type[Record]) -> None:
    """Through JSON and back a record is equal, with every field."""
    written = example(record)
    assert record.from_json(named(written)) == written
    assert named(written) == written.to_json()
    assert set(named(written)) - ({"kind"} if record.KIND else set()) == {spec.name for spec in fields(record)}  # type: ignore[arg-type]


@every_record
def test_what_is_missing_has_its_default(record: type[Record]) -> None:
    """A record that an earlier version wrote, without fields of today, is read."""
    specs = {spec.name: spec for spec in fields(record)}  # type: ignore[arg-type]
    needed = [name for name, spec in specs.items() if spec.default is MISSING and spec.default_factory is MISSING]
    whole = example(record)
    read = record.from_json({name: value for name, value in named(whole).items() if name in {*needed, "kind"}})
    assert all(getattr(read, name) == getattr(whole, name) for name in needed)


@every_record
def test_a_name_of_another_version_is_refused(record: type[Record]) -> None:
    """An entry that nobody knows is named, with what the class has and what to do."""
    with pytest.raises(record.json_error, match=r"has no zzz; it has|has no zzz; did you mean") as told:
        record.from_json({**named(example(record)), "zzz": 1})
    assert issubclass(record, Config) or "install the newest" in str(told.value)


@every_record
def test_what_is_needed_and_missing_is_named(record: type[Record]) -> None:
    """Never a `KeyError` or `TypeError`."""
    for spec in fields(record):  # type: ignore[arg-type]
        is_needed = spec.default is MISSING and spec.default_factory is MISSING
        if is_needed and spec.name not in NOT_IN_EARLIER_VERSIONS.get(record.__name__, ()):
            values = named(example(record))
            del values[spec.name]
            with pytest.raises(record.json_error, match=f"not complete; {spec.name} must be given"):
                record.from_json(values)


_WRONG = [None, 7, "a", [], [1, 2], {}, pytest.param({"b": object()}, id="no JSON"), True]


@every_record
@pytest.mark.parametrize("wrong", _WRONG, ids=repr)
def test_values_of_another_type_are_refused(record: type[Record], wrong: Any) -> None:
    """Whatever stands in the place of a value, it is taken for what it is or refused with the class's error."""
    for name in named(example(record)):
        try:
            read = record.from_json({**named(example(record)), name: wrong})
        except record.json_error as exc:
            assert isinstance(exc, BluetitError)  # noqa: PT017  # most are refused, some are fine
        else:
            assert isinstance(read, record)
    for whole in (wrong, [wrong] * 20):
        if not isinstance(whole, dict) and (whole != [] or not record.is_json_row):
            with pytest.raises(record.json_error):
                record.from_json(whole)


# --- the base itself ---------------------------------------------------------------------------------------------


class Colour(enum.StrEnum):
    """An enum."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Record):
    """A record that JSON has as a list."""

    is_json_row = True

    x: float
    y: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Record):
    """One of two kinds."""

    KIND: ClassVar[str] = "round"
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Square(Record):
    """One of two kinds."""

    KIND: ClassVar[str] = "square"
    side: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing(Record):
    """A record of everything."""

    json_remedy = "draw it again"

    shape: Round | Square
    colours: tuple[Colour, ...]
    path: tuple[Point, ...] = ()
    size: tuple[int, int] | None = None
    named: Mapping[str, tuple[Point, ...]] | None = None
    rest: Any = None


DRAWING = Drawing(
    shape=Square(side=2),
    colours=(Colour.BLUE,),
    path=(Point(x=1, y=2), Point(x=3)),
    size=(3, 4),
    named={"a": (Point(x=1),)},
    rest=[1, {"b": None}],
)


def test_a_record_as_json() -> None:
    """Enums are words, tuples lists, nested records named values or lists; a kind is told where there are several."""
    assert DRAWING.to_json() == {
        "shape": {"kind": "square", "side": 2},
        "colours": ["blue"],
        "path": [[1, 2], [3, 0.0]],
        "size": [3, 4],
        "named": {"a": [[1, 0.0]]},
        "rest": [1, {"b": None}],
    }
    read = Drawing.from_json(DRAWING.to_json())
    assert read == DRAWING
    assert isinstance(read.colours[0], Colour)


def test_a_list_may_end_before_the_fields_do() -> None:
    """Fields that were added later have their defaults."""
    assert Point.from_json([5]) == Point(x=5)
    with pytest.raises(RecordError, match="it has x, y"):
        Point.from_json([1, 2, 3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": {"kind": "star"}}, "The shape is {'kind': 'star'}; one of the kinds round, square is needed."),
        ({"shape": {"side": 1}}, "The shape is {'side': 1}; one of the kinds round, square is needed."),
        ({"shape": {"kind": "round", "side": 1}}, "In shape: Round has no side; it has radius."),
        ({"colours": ["green"]}, "The colours is ['green']; one of red, blue is needed."),
        ({"size": [1]}, "The size is [1]; a list of 2 is needed."),
        ({"size": [1, 2.5]}, "The size is [1, 2.5]; a whole number is needed."),
        ({"size": [True, 2]}, "The size is [True, 2]; a whole number is needed."),
        ({"path": [["a", 1]]}, "In path: The x is 'a'; a number is needed."),
        ({"named": []}, "The named is []; a mapping of named values is needed."),
        ({"colour": "red"}, "Drawing has no colour; did you mean colours?"),
    ],
)
def test_the_message_says_what_came_in_and_what_is_needed(changes: dict[str, Any], message: str) -> None:
    """And at its end what to do, for whoever has a record of another version."""
    with pytest.raises(RecordError) as told:
        Drawing.from_json({**DRAWING.to_json(), **changes})
    assert str(told.value).startswith(message)
    assert str(told.value).endswith("install the newest, or draw it again.")


def test_a_config_has_the_error_of_configs() -> None:
    """Who writes a config got it wrong; no word on versions."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Speed(Config):
        """A config."""

        limit: int = 5

    assert Speed.from_json({}) == replace(Speed(limit=1), limit=5)
    with pytest.raises(ConfigError, match=r"^The limit is 'a'; a whole number is needed\.$"):
        Speed.from_json({"limit": "a"})
