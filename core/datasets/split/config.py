"""How a dataset is to be split."""

from dataclasses import dataclass

from core.datasets.checks.together import Neighbours
from core.datasets.records import Split
from core.errors import ConfigError
from core.records import Config

FRACTION_TOLERANCE = 1e-6  # fractions from sliders add up to 1 only nearly


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig(Config):
    """How a dataset is to be split."""

    train: float = 0.7  # share of the photos, 0-1; the three shares add up to 1
    validation: float = 0.15
    test: float = 0.15
    seed: int = 0  # another seed, another split
    keep_imported: bool = True  # photos stay in the split that they came with
    keep_by_hand: bool = True  # photos stay in the split that a person put them into
    neighbours: Neighbours = Neighbours.WHERE_ALIKE  # whether photos that follow each other stay together

    def __post_init__(self) -> None:
        for split in Split:
            value = getattr(self, split)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ConfigError(f"The share for {split} is {value!r}; a number from 0 to 1 is needed.")
        total = self.train + self.validation + self.test
        if abs(total - 1) > FRACTION_TOLERANCE:
            raise ConfigError(f"The shares for train, validation and test add up to {total:g}; they must add up to 1.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ConfigError(f"The seed is {self.seed!r}; a whole number is needed.")
        for name in ("keep_imported", "keep_by_hand"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is {getattr(self, name)!r}; true or false is needed.")
        if self.neighbours not in list(Neighbours):
            raise ConfigError(f"neighbours is {self.neighbours!r}; one of {', '.join(Neighbours)} is needed.")
        object.__setattr__(self, "neighbours", Neighbours(self.neighbours))  # JSON has the bare word

    def fraction(self, split: Split) -> float:
        """Share of the photos that a split is to have, 0-1."""
        return {Split.TRAIN: self.train, Split.VALIDATION: self.validation, Split.TEST: self.test}[split]
