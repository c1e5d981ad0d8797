"""How the pictures of an import are shown, decided when all of them are known.

Values of more than 8 bits and transparency leave open what is black and what is behind. Each picture is first shown as
fits it alone; those that come out differently when all are looked at together are read a second time. Ordinary photos
leave nothing open and cost nothing.
"""

from collections.abc import Iterator
from dataclasses import replace

from core.photos.remarks import PhotoFacts, tell
from core.photos.rendering import Rendering, Survey, choose_rendering


class JointDecision:
    """The decision over the pictures of one import."""

    def __init__(self) -> None:
        self._facts: dict[int, PhotoFacts] = {}  # by the picture's place in the list of images
        self._keys: dict[int, tuple[str, int]] = {}
        self._to_repeat: dict[tuple[str, int], int] = {}

    def add(self, key: tuple[str, int], index: int, facts: PhotoFacts) -> None:
        """Take note of a picture that was shown as fits it alone.

        Args:
            key: what its file is known by when it is read again: its path and its number.
            index: its place in the list of images.
            facts: what was found in its file.
        """
        if not facts.is_ordinary:
            self._facts[index] = facts
            self._keys[index] = key

    def decide(self) -> Rendering:
        """The rendering of all pictures; from now on it is known which have to be read again."""
        rendering = choose_rendering(facts.survey for facts in self._facts.values())
        for index, facts in self._facts.items():
            if facts.survey == Survey():
                continue
            # What depends on the very values was not even stored the first time.
            if facts.rendering.is_tentative or rendering.of(facts.survey) != facts.rendering:
                self._to_repeat[self._keys[index]] = index
        return rendering

    @property
    def num_to_repeat(self) -> int:
        """Pictures that have to be read again."""
        return len(self._to_repeat)

    def is_to_repeat(self, key: tuple[str, int]) -> bool:
        """Whether a file has to be read again."""
        return key in self._to_repeat

    def repeated(self, key: tuple[str, int], facts: PhotoFacts) -> int:
        """Take note of a picture that was read again, and say which place in the list of images it has."""
        index = self._to_repeat.pop(key)
        # What was found the first time stays: it was what the decision was made on.
        self._facts[index] = replace(self._facts[index], rendering=facts.rendering)
        return index

    def not_repeated(self) -> Iterator[tuple[str, int]]:
        """Path and place of the pictures that have not been read again."""
        for (path, _), index in self._to_repeat.items():
            self._facts.pop(index, None)
            yield path, index

    def tell(self) -> list[str]:
        """Sentences about what was decided."""
        return tell(self._facts.values())
