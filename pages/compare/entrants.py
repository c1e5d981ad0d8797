"""The models of a comparison with what is known of each; one that cannot be read does not keep the others away."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone
from core.datasets.records import Split
from core.datasets.snapshots import load_snapshot
from core.errors import ConfigError, RunFileError, StorageError, UnknownDatasetError
from core.evaluation.answers import Answers, read_answers
from core.evaluation.comparison import Contender
from core.evaluation.guessing import weigh
from core.evaluation.imagenet_baseline import baseline_answers, map_classes
from core.evaluation.metrics import SplitMetrics, measure
from core.foreign.records import ForeignModelView
from core.inference.classifier import Classifier
from core.inference.trained_model import read_model_record
from core.names import name_key
from core.runs.decision import read_decision
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.runs.story import Outcome, Score
from core.services import Services
from core.storage.kept import KeptReadings, file_mark
from pages.compare.asked import Said, asked_about
from pages.compare.chosen import Chosen
from pages.words.wording import count
from pages.words.worth import Weighed

Result = TypeVar("Result")
_RunRead = tuple[Contender | None, SplitMetrics | None, Split | None]

_MAX_KEPT_BYTES = 100_000_000  # the answers to 5,000 photos of 200 classes take 4 MB
_MIN_KEPT_BYTES = 50_000  # of a run, besides its answers
_MAX_LISTED = 3

# By folder; shared by all visitors, none of whom changes them.
_kept_runs: KeptReadings[_RunRead] = KeptReadings(_MAX_KEPT_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entrant:
    """One model of a comparison."""

    key: str  # no two models have the same
    title: str  # what people call it, letter by letter
    run: RunView | None = None  # None: a plain network, or a model from elsewhere
    backbone: Backbone | None = None  # of a plain network
    foreign: ForeignModelView | None = None  # a model from elsewhere
    fingerprint: str = ""  # of its model; none where that cannot be read
    contender: Contender | None = None  # None: what it said is not known
    stamp: Hashable = None  # of the contender: another one has another
    metrics: SplitMetrics | None = None  # on the photos that tell most; None without any
    judged_by: Split | None = None  # which these are
    model_bytes: int | None = None
    problems: tuple[str, ...] = ()  # why something about it is not known; plain text
    to_ask: tuple[str, ...] = ()  # photos that a model which no run has made has still to be asked about

    @property
    def outcome(self) -> Outcome | None:
        """The summary of its run; None for a plain network."""
        return None if self.run is None or self.run.outcome is None else Outcome.from_json(self.run.outcome)

    @property
    def milliseconds(self) -> float | None:
        """Time for one photo as it was noted when the model was made or brought in; None where nobody did."""
        if self.foreign is not None:
            return self.foreign.record.trial.milliseconds
        return None if self.outcome is None else self.outcome.milliseconds_per_photo

    @property
    def score(self) -> Score | SplitMetrics | None:
        """How often it is right: as measured, else as its run told when it was done; None where nobody knows."""
        if self.metrics is not None or self.outcome is None:
            return self.metrics
        return self.outcome.test_score or self.outcome.validation_score

    @property
    def weighed(self) -> Weighed | None:
        """What its result is worth beside guessing; None where what it said is not known."""
        if self.metrics is None or self.contender is None:
            return None
        return Weighed(worth=weigh(self.metrics.confusion), class_names=self.contender.class_names)

    @property
    def is_chance(self) -> bool:
        """Whether its figures may all be chance."""
        return self.weighed is not None and self.weighed.worth.is_chance

    @property
    def photos_text(self) -> str:
        """The photos that judge it, such as "200 validation photos"."""
        if self.metrics is None or self.judged_by is None:
            return ""
        return count(self.metrics.num_photos, f"{self.judged_by} photo")

    def load(self, services: Services) -> Classifier:
        """The model, loaded; any `BluetitError` says why it cannot be."""
        if self.backbone is not None:
            return services.classifiers.get(self.backbone)
        if self.foreign is not None:
            return services.classifiers.get_foreign(self.foreign)
        if self.run is None:
            raise ValueError(f"{self.key} is neither a run nor a network.")
        return services.classifiers.get_trained(self.run.id)


def gather(chosen: Chosen, services: Services) -> list[Entrant]:
    """The models of a comparison, runs first; any other is judged by the photos of the first run that fits."""
    runs = [_of_run(run, services) for run in chosen.runs]
    juries = [entrant for entrant in runs if entrant.contender is not None and len(entrant.contender.judged)]
    return [
        *runs,
        *(_of_network(backbone, juries, services) for backbone in chosen.networks),
        *(of_foreign(model, juries, services) for model in chosen.foreign),
    ]


def judged_alike(entrants: Iterable[Entrant]) -> bool:
    """Whether all models whose answers are known are judged by the very same photos."""
    judged = {frozenset(each.contender.judged.hashes) for each in entrants if each.contender and each.metrics}
    return len(judged) <= 1


# --- runs ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """Reads what may be damaged, and notes what was."""

    problems: list[str] = field(default_factory=list)

    def get(self, read: Callable[[], Result], otherwise: Result) -> Result:
        try:
            return read()
        except (RunFileError, StorageError, UnknownDatasetError, ConfigError) as exc:
            if str(exc) not in self.problems:
                self.problems.append(str(exc))
            return otherwise


def _of_run(run: RunView, services: Services) -> Entrant:
    folder = RunFolder(services.settings, run.id)
    reading = _Reading()
    fingerprint = reading.get(lambda: read_model_record(folder).fingerprint, "")
    temperature = reading.get(lambda: read_decision(folder).temperature, 1.0)
    mark = file_mark(folder.predictions_path)
    stamp = (str(folder.path), run.snapshot_hash, temperature, mark)

    def read() -> _RunRead:
        return _read_run(folder, services, temperature=temperature, snapshot_hash=run.snapshot_hash)

    weight = _MIN_KEPT_BYTES + (mark[0] if mark is not None else 0)
    contender, metrics, split = reading.get(
        lambda: _kept_runs.read(str(folder.path), stamp, read, weight=weight), (None, None, None)
    )
    return Entrant(
        key=f"run:{run.id}",
        title=run.name,
        run=run,
        fingerprint=fingerprint,
        contender=contender,
        stamp=stamp,
        metrics=metrics,
        judged_by=split,
        model_bytes=Outcome.from_json(run.outcome or {}).model_bytes,
        problems=tuple(reading.problems),
    )


def _read_run(folder: RunFolder, services: Services, *, temperature: float, snapshot_hash: str) -> _RunRead:
    """Answers, snapshot and figures of a run."""
    answers = read_answers(folder)
    snapshot = load_snapshot(services.database, snapshot_hash)
    contender = Contender.of_run(answers, snapshot, temperature=temperature)
    metrics = measure(answers.judged, temperature=temperature) if answers.judged_split else None
    return contender, metrics, answers.judged_split


# --- plain networks --------------------------------------------------------------------------------------


def _of_network(backbone: Backbone, juries: list[Entrant], services: Services) -> Entrant:
    known: dict[str, Any] = {"key": f"network:{backbone.name}", "title": backbone.title, "backbone": backbone}
    artefact = find_artefact(backbone, services.settings)
    if artefact is None:
        return Entrant(**known, problems=("It is not prepared on this machine; the page Networks does that.",))
    known |= {"fingerprint": artefact.record.fingerprint, "model_bytes": artefact.model_path.stat().st_size}
    maps = {jury.key: map_classes(jury.contender.class_names) for jury in juries if jury.contender}
    jury = next((jury for jury in juries if maps[jury.key].is_complete), None)
    if jury is None or jury.contender is None:
        unknown = list(dict.fromkeys(name for found in maps.values() for name in found.unmapped))
        return Entrant(**known, problems=(_unmapped_text(unknown),))
    judged = jury.contender.judged
    said = asked_about(artefact.record.fingerprint, services)
    to_ask = tuple(photo_hash for photo_hash in judged.hashes if photo_hash not in said)
    if to_ask:
        return Entrant(**known, to_ask=to_ask)
    asked = {photo_hash: found for photo_hash, found in said.items() if found is not None}
    truth = dict(zip(judged.hashes, map(int, judged.class_indices), strict=True))
    answers = baseline_answers(maps[jury.key], asked, truth)
    nothing = baseline_answers(maps[jury.key], {}, {})
    return Entrant(
        **known,
        contender=Contender(
            class_names=jury.contender.class_names, unseen=answers, validation=nothing, learned_from=frozenset()
        ),
        stamp=(artefact.record.fingerprint, jury.stamp),
        metrics=measure(answers) if len(answers) else None,
        judged_by=jury.judged_by,
    )


# --- models from elsewhere ---------------------------------------------------------------------------------


def of_foreign(model: ForeignModelView, juries: Sequence[Entrant], services: Services) -> Entrant:
    """A model from elsewhere, judged by the photos of a run whose classes it has under the same names."""
    fingerprint = services.classifiers.get_foreign(model).fingerprint
    known: dict[str, Any] = {
        "key": f"foreign:{model.id}",
        "title": model.name,
        "foreign": model,
        "fingerprint": fingerprint,
        "model_bytes": model.record.num_bytes,
    }
    if not juries:
        return Entrant(**known, problems=("It needs a model beside it, whose test photos it can be asked about.",))
    judged = {jury.key: _judged_by(model, jury) for jury in juries}
    jury = max(juries, key=lambda each: len(judged[each.key]))
    truth = judged[jury.key]
    names = () if jury.contender is None else jury.contender.class_names
    problems = _unmatched_text(model, names)
    if not truth:
        return Entrant(**known, problems=problems)
    said = asked_about(fingerprint, services)
    to_ask = tuple(photo_hash for photo_hash in truth if photo_hash not in said)
    if to_ask:
        return Entrant(**known, to_ask=to_ask, problems=problems)
    answers = _answers_of(said, truth, len(model.class_names))
    nothing = _answers_of({}, {}, len(model.class_names))
    return Entrant(
        **known,
        contender=Contender(
            class_names=model.class_names, unseen=answers, validation=nothing, learned_from=frozenset()
        ),
        stamp=(fingerprint, jury.stamp),
        metrics=measure(answers) if len(answers) else None,
        judged_by=jury.judged_by,
        problems=problems,
    )


def _judged_by(model: ForeignModelView, jury: Entrant) -> dict[str, int]:
    """The class, in the model's own numbering, of each photo that judges a run and whose class the model has."""
    if jury.contender is None:
        return {}
    numbers = {name_key(name): number for number, name in enumerate(model.class_names)}
    judged, names = jury.contender.judged, jury.contender.class_names
    keys = [name_key(names[index]) for index in judged.class_indices]
    return {photo: numbers[key] for photo, key in zip(judged.hashes, keys, strict=True) if key in numbers}


def _answers_of(said: Said, truth: Mapping[str, int], num_classes: int) -> Answers:
    found = {photo: probabilities for photo in truth if (probabilities := said.get(photo)) is not None}
    return Answers(
        hashes=tuple(found),
        class_indices=np.array([truth[photo] for photo in found], np.int64),
        probabilities=np.stack(list(found.values())) if found else np.empty((0, num_classes), np.float32),
    )


def _unmatched_text(model: ForeignModelView, class_names: Sequence[str]) -> tuple[str, ...]:
    """Which classes of a run a model from elsewhere does not have by that name; nothing where it has all."""
    keys = {name_key(name) for name in model.class_names}
    missing = [name for name in class_names if name_key(name) not in keys]
    if not missing:
        return ()
    listed = _listed(missing)
    if len(missing) < len(class_names):
        return (f"It has no class called {listed}: it is judged by the photos of the other classes.",)
    own = _listed(model.class_names)
    return (
        f"It cannot be judged by your photos: it has no class called {listed}; its "
        f"own are called {own}. Only classes of "
        "the same name are compared.",
    )


def _unmapped_text(unknown: list[str]) -> str:
    if not unknown:
        return "It needs a model beside it, whose test photos it can be asked about."
    return f"It cannot be judged by your classes: among ImageNet's 1,000 there is none called {_listed(unknown)}."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(f"“{name}”" for name in names[:_MAX_LISTED]) + more


def asked_answers(entrant: Entrant, truth: Mapping[str, int], services: Services) -> Answers | None:
    """What a run's model said on this page to photos of known classes; None where it was asked about none of them.

    Args:
        entrant: a run.
        truth: class in the model's own numbering by photo hash.
    """
    said = asked_about(entrant.fingerprint, services) if entrant.fingerprint else {}
    found = {photo_hash: said[photo_hash] for photo_hash in truth if said.get(photo_hash) is not None}
    if not found:
        return None
    return Answers(
        hashes=tuple(found),
        class_indices=np.array([truth[photo_hash] for photo_hash in found], np.int64),
        probabilities=np.stack([each for each in found.values() if each is not None]),
    )
