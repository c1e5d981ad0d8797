"""What only the person can decide about an import, and what was decided, as the database keeps it."""

from dataclasses import dataclass, field

from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.readings.alike_names import NameGroup
from core.datasets.readings.by_folder import LEAF
from core.datasets.readings.reading import ClassCount
from core.errors import RecordError
from core.records import Config, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut(Record):
    """Photos that a reading leaves out for one reason."""

    is_json_row = True

    reason: str
    num_photos: int
    example: str  # path of one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOption(Record):
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
class PlanAnswer(Config):
    """What the person decided."""

    class_map: dict[str, str] = field(default_factory=dict)  # name as read to class name; others keep theirs
    reading: str = LEAF


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuestion(Record):
    """What only the person can decide; one option when the reading is clear and just names are alike."""

    json_remedy = "look at what has arrived again"

    options: tuple[PlanOption, ...]  # the suggested one first
    names: NameEncodings | None = None  # how names were read that do not say their character set

    def __post_init__(self) -> None:
        if not self.options:
            raise RecordError("A question about folders needs at least one option.")

    @property
    def suggested_answer(self) -> PlanAnswer:
        """The answer that most people would give."""
        option = self.options[0]
        class_map = {name: target for group in option.groups for name, target in group.suggestion.items()}
        return PlanAnswer(class_map=class_map, reading=option.reading)
