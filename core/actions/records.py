"""What is to happen at each class of a model: kept as `actions.json` in the run's folder, beside the model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import ActionError
from core.names import clean_text
from core.records import Record
from core.runs.folder import is_action_file

MAX_WORDS_CHARS = 120  # what a voice says in some eight seconds
PICTURE_SUFFIX = ".jpg"
SOUND_SUFFIXES = (".wav", ".mp3", ".ogg")

_COLOUR = re.compile("#[0-9a-f]{6}")
# A language and, at most, a region and a script. Source: RFC 5646, section 2.1
_LANGUAGE = re.compile("[a-z]{2,3}(?:-[A-Za-z]{4})?(?:-[A-Z]{2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAction(Record):
    """What is to happen when a class is seen; empty: nothing."""

    json_error = ActionError
    json_remedy = "choose the reactions again"

    picture: str | None = None  # name of a JPEG in the run's folder
    sound: str | None = None  # likewise of a WAV, MP3 or Ogg file
    words: str = ""  # that the browser says, at most `MAX_WORDS_CHARS`
    colour: str | None = None  # "#rrggbb", that fills the screen

    def __post_init__(self) -> None:
        if self.picture is not None and not (is_action_file(self.picture) and self.picture.endswith(PICTURE_SUFFIX)):
            raise ActionError(f"{self.picture[:80]!r} is no picture of a reaction. Choose the picture again.")
        if self.sound is not None and not (is_action_file(self.sound) and self.sound.endswith(SOUND_SUFFIXES)):
            raise ActionError(f"{self.sound[:80]!r} is no sound of a reaction. Choose the sound again.")
        if len(self.words) > MAX_WORDS_CHARS or self.words != clean_text(self.words):
            raise ActionError(
                f"“{clean_text(self.words)[:40]}…” has {len(self.words)} characters; at most {MAX_WORDS_CHARS} visible "
                "ones can be said. Use fewer words."
            )
        if self.colour is not None and not _COLOUR.fullmatch(self.colour):
            raise ActionError(f"{self.colour[:20]!r} is no colour; one such as #2f7fd0 was expected.")

    @property
    def is_empty(self) -> bool:
        """Whether nothing happens."""
        return self.picture is None and self.sound is None and not self.words and self.colour is None

    @property
    def files(self) -> tuple[str, ...]:
        """Names of what it needs in the run's folder."""
        return tuple(name for name in (self.picture, self.sound) if name is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions(Record):
    """What is to happen at each class of a model."""

    json_error = ActionError
    json_remedy = "choose the reactions again"

    by_class: Mapping[str, ClassAction] = field(default_factory=dict)  # by the name of the class; others do nothing
    language: str = ""  # in which words are said, as "de" or "pt-BR"; empty: the browser's own

    def __post_init__(self) -> None:
        if self.language and not _LANGUAGE.fullmatch(self.language):
            raise ActionError(f"{self.language[:20]!r} names no language; one such as de or pt-BR was expected.")

    @property
    def is_empty(self) -> bool:
        """Whether nothing happens at any class."""
        return all(action.is_empty for action in self.by_class.values())

    @property
    def files(self) -> tuple[str, ...]:
        """Names of what they need in the run's folder, each once, in order."""
        return tuple(sorted({name for action in self.by_class.values() for name in action.files}))
