"""What only the person can decide about an import, and what was decided, as the database keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.datasets.archives.name_encodings import EncodingChoice, NameEncodings
from core.datasets.readings.alike_names import NameGroup
from core.datasets.readings.by_folder import LEAF
from core.datasets.readings.reading import ClassCount
from core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Photos that a reading leaves out for one reason."""

    reason: str
    num_photos: int
    example: str  # path of one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOption:
    """What one reading makes of what has arrived."""

    reading: str  # its key
    title: str = ""
    explanation: str = ""
    classes: tuple[ClassCount, ...]  # every class, by name
    groups: tuple[NameGroup, ...]  # what the person must decide when taking this reading
    left_out: tuple[LeftOut, ...] = ()  # most photos first
    example: tuple[str, str] = ("", "")  # path of a photo and its class

    @property
    def num_photos(self) -> int:
        """Photos that come in."""
        return sum(count.num_photos for count in self.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """What the person decided."""

    class_map: dict[str, str] = field(default_factory=dict)  # name as read to class name; others keep theirs
    reading: str = LEAF

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the database."""
        return {"class_map": dict(self.class_map), "reading": self.reading}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "PlanAnswer":
        """The answer that `to_json` wrote.

        Raises:
            ConfigError: the values are no such answer.
        """
        unknown = set(values) - {"class_map", "reading"}
        class_map = values.get("class_map", {})
        if unknown or not isinstance(class_map, dict):
            raise ConfigError(f"An answer with class_map and reading was expected, not {dict(values)!r}.")
        if not all(isinstance(name, str) for pair in class_map.items() for name in pair):
            raise ConfigError(f"class_map is {class_map!r}; names of classes were expected.")
        reading = values.get("reading", LEAF)
        if not isinstance(reading, str):
            raise ConfigError(f"The reading is {reading!r}; the name of one was expected.")
        return cls(class_map=dict(class_map), reading=reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuestion:
    """What only the person can decide; one option when the reading is clear and just names are alike."""

    options: tuple[PlanOption, ...]  # the suggested one first
    names: NameEncodings | None = None  # how names were read that do not say their character set

    @property
    def suggested_answer(self) -> PlanAnswer:
        """The answer that most people would give."""
        option = self.options[0]
        class_map = {name: target for group in option.groups for name, target in group.suggestion.items()}
        return PlanAnswer(class_map=class_map, reading=option.reading)

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the database."""
        return {
            "options": [_option_to_json(option) for option in self.options],
            "names": self.names and _names_to_json(self.names),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "PlanQuestion":
        """The question that `to_json` wrote, today or before readings had a title.

        Raises:
            ConfigError: the values are no such question.
        """
        try:
            options = tuple(_option_from_json(option) for option in values["options"])
            names = _names_from_json(values["names"]) if values.get("names") else None
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            raise ConfigError(f"A question about folders was expected, not {dict(values)!r}.") from exc
        if not options:
            raise ConfigError("A question about folders needs at least one option.")
        return cls(options=options, names=names)


def _option_to_json(option: PlanOption) -> dict[str, Any]:
    return {
        "reading": option.reading,
        "title": option.title,
        "explanation": option.explanation,
        "classes": [_count_to_json(count) for count in option.classes],
        "groups": [
            {
                "classes": [_count_to_json(count) for count in group.classes],
                "suggestion": dict(group.suggestion),
                "apart": dict(group.apart),
            }
            for group in option.groups
        ],
        "left_out": [[each.reason, each.num_photos, each.example] for each in option.left_out],
        "example": list(option.example),
    }


def _option_from_json(values: Mapping[str, Any]) -> PlanOption:
    path, class_name = values.get("example", ("", ""))
    return PlanOption(
        reading=values["reading"],
        title=values.get("title", ""),
        explanation=values.get("explanation", ""),
        classes=tuple(_count_from_json(count) for count in values["classes"]),
        groups=tuple(
            NameGroup(
                classes=tuple(_count_from_json(count) for count in group["classes"]),
                suggestion=dict(group["suggestion"]),
                apart=dict(group.get("apart", {count["name"]: count["name"] for count in group["classes"]})),
            )
            for group in values["groups"]
        ),
        left_out=tuple(
            LeftOut(reason=reason, num_photos=num, example=example)
            for reason, num, example in values.get("left_out", ())
        ),
        example=(path, class_name),
    )


def _names_to_json(names: NameEncodings) -> dict[str, Any]:
    choices = (names.used, *names.alternatives)
    return {"is_sure": names.is_sure, "choices": [[choice.encoding, list(choice.examples)] for choice in choices]}


def _names_from_json(values: Mapping[str, Any]) -> NameEncodings:
    used, *others = (EncodingChoice(encoding, tuple(examples)) for encoding, examples in values["choices"])
    return NameEncodings(used=used, is_sure=values["is_sure"], alternatives=tuple(others))


def _count_to_json(count: ClassCount) -> dict[str, Any]:
    return {"name": count.name, "counts": dict(count.counts)}


def _count_from_json(values: Mapping[str, Any]) -> ClassCount:
    return ClassCount(name=values["name"], counts=dict(values["counts"]))
