"""How wide values and transparency are shown: decided once for all pictures that belong together."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core.photos.ground import Ground, GroundSurvey, choose_ground
from core.photos.tones import ScaleSource, ToneScale, ToneSurvey, choose_scale
from core.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one picture contributes to the decision."""

    tones: ToneSurvey | None = None  # None: greys and colours of 8 bits
    ground: GroundSurvey | None = None  # None: nothing is transparent


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering(Record):
    """The decision; pictures of kinds that it does not know decide for themselves."""

    scales: dict[str, ToneScale] = field(default_factory=dict, hash=False)  # by `ToneSurvey.group`
    ground: Ground | None = None  # None: no picture was transparent

    def of(self, survey: Survey) -> "Rendering":
        """As much of the decision as concerns one picture, completed by its own."""
        own = choose_rendering((survey,))
        scales = {group: self.scales.get(group, scale) for group, scale in own.scales.items()}
        return Rendering(scales=scales, ground=own.ground and (self.ground or own.ground))

    @property
    def is_tentative(self) -> bool:
        """Whether it depends on the very values there are, so that further pictures will change it."""
        return any(scale.source is not ScaleSource.BITS for scale in self.scales.values())


def choose_rendering(surveys: Iterable[Survey]) -> Rendering:
    """Decide over all pictures that belong together."""
    tones: defaultdict[str, list[ToneSurvey]] = defaultdict(list)
    grounds: list[GroundSurvey] = []
    for survey in surveys:
        if survey.tones is not None:
            tones[survey.tones.group].append(survey.tones)
        if survey.ground is not None:
            grounds.append(survey.ground)
    return Rendering(
        scales={group: choose_scale(members) for group, members in tones.items()},
        ground=choose_ground(grounds) if grounds else None,
    )


def prevailing_rendering(records: Iterable[dict[str, Any]]) -> Rendering:
    """How most of the photos were shown that a network learned from, so that new ones are shown to it likewise.

    Args:
        records: as `Rendering.to_json` writes them, of the photos that needed one.
    """
    scales: defaultdict[str, Counter[ToneScale]] = defaultdict(Counter)
    grounds: Counter[Ground] = Counter()
    for rendering in map(Rendering.from_json, records):
        for group, scale in rendering.scales.items():
            scales[group][scale] += 1
        if rendering.ground is not None:
            grounds[rendering.ground] += 1
    return Rendering(
        scales={group: found.most_common(1)[0][0] for group, found in scales.items()},
        ground=grounds.most_common(1)[0][0] if grounds else None,
    )
