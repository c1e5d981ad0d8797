"""Photos are found by example and by class, and classes are suggested, by a model or by the photos in the classes."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pytest

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone
from core.datasets.library import Library
from core.datasets.pile import PILE_NAME
from core.datasets.records import NewImage
from core.datasets.snapshots import take_snapshot
from core.errors import ArtefactMissingError, DatasetError, UnknownDatasetError
from core.features.cache import FeatureCache
from core.features.key import FeatureKey
from core.features.table import FeatureTable
from core.foreign.library import ForeignLibrary
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.own_classifiers import OwnClassifiers
from core.inference.reference import Reference, write_reference
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.photos.store import PhotoStore, encode_photo
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.model_record import model_feature_key
from core.settings import Settings
from core.sorting.desk import SortingDesk
from core.sorting.looking import run_look_task, run_model_look_task
from core.sorting.records import Adviser, Search
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS
from tests.core.datasets.library_samples import add, class_ids, photo_hash
from tests.core.inference.model_samples import SAMPLES, head_for_samples, record_for, write_model
from tests.core.runs.run_samples import config

NUM_CHANNELS = 1280
KINDS = ("crow", "tit", "owl")


@dataclass(frozen=True)
class Ground:
    """A dataset: five photos in each of two classes, none in a third, and thirty to sort, ten of each kind."""

    settings: Settings
    database: Database
    library: Library
    desk: SortingDesk
    key: FeatureKey
    dataset_id: int
    ids: dict[str, int]  # of the classes, by name
    pile: tuple[int, ...]  # photo 10 * kind + number comes at that place


def kind_features(kind: int, number: int) -> np.ndarray:
    """Of a photo of a kind: near those of the other photos of that kind."""
    centre = np.random.default_rng(kind).random(NUM_CHANNELS)
    return (centre + 0.3 * np.random.default_rng(1000 * kind + number).random(NUM_CHANNELS)).astype(np.float32)


def open_desk(settings: Settings, database: Database) -> SortingDesk:
    runs = RunLibrary(database)
    classifiers = OwnClassifiers(ClassifierCache(settings), runs, ForeignLibrary(database))
    return SortingDesk(settings, Library(database), runs, classifiers, FeatureTable(settings))


@pytest.fixture
def ground(prepared_settings: Settings, lite0: Backbone) -> Iterator[Ground]:
    artefact = find_artefact(lite0, prepared_settings)
    assert artefact is not None
    key = FeatureKey(artefact.record.fingerprint, artefact.record.fit_mode)
    with closing(open_database(prepared_settings)) as database:
        library = Library(database)
        dataset_id = library.datasets.create("Web", [*KINDS, PILE_NAME]).id
        features = {}
        for kind, name in enumerate(KINDS[:2]):
            add(library, dataset_id, name, range(100 * kind, 100 * kind + 5))
            features |= {photo_hash(100 * kind + number): kind_features(kind, number) for number in range(5)}
        pile = add(library, dataset_id, PILE_NAME, range(1000, 1030))
        features |= {photo_hash(1000 + row): kind_features(row // 10, 50 + row) for row in range(30)}
        FeatureCache(prepared_settings).put(*key, features)
        yield Ground(
            settings=prepared_settings,
            database=database,
            library=library,
            desk=open_desk(prepared_settings, database),
            key=key,
            dataset_id=dataset_id,
            ids=class_ids(library, dataset_id),
            pile=tuple(pile),
        )


def kinds_of(ground: Ground, image_ids: list[int]) -> list[int]:
    return [ground.pile.index(image_id) // 10 for image_id in image_ids]


# --- search ----------------------------------------------------------------------------------------------


def test_examples_find_their_like(ground: Ground) -> None:
    """Two owls find the other eight first, best first; examples, and what was decided on, are not found."""
    search = Search(into=ground.ids["owl"], among=ground.ids[PILE_NAME], examples=ground.pile[20:22])
    found = ground.desk.find(ground.dataset_id, search, limit=10)
    assert kinds_of(ground, [image.id for image in found.images])[:8] == [2] * 8
    assert found.num_left == 28
    decided = replace(search, wanted=ground.pile[22:24], unwanted=ground.pile[:2], passed=ground.pile[10:12])
    found = ground.desk.find(ground.dataset_id, decided, limit=100)
    shown = {image.id for image in found.images}
    assert not shown & {*decided.examples, *decided.wanted, *decided.unwanted, *decided.passed}
    assert found.num_left == len(shown) == 22


def test_a_class_finds_its_like(ground: Ground) -> None:
    """Without examples the photos of the class are looked for, also in the other classes."""
    found = ground.desk.find(ground.dataset_id, Search(into=ground.ids["tit"]), limit=10)
    assert set(kinds_of(ground, [image.id for image in found.images])) == {1}
    everything = ground.desk.find(ground.dataset_id, Search(into=ground.ids["tit"]), limit=100)
    assert len(everything.images) == 35


def test_photos_that_nobody_has_looked_at_are_counted(ground: Ground) -> None:
    """They cannot be found, and the answer says how many there are."""
    add(ground.library, ground.dataset_id, PILE_NAME, range(5000, 5003))
    found = ground.desk.find(ground.dataset_id, Search(into=ground.ids["crow"]), limit=5)
    assert found.num_unknown == 3
    assert ground.desk.count_unknown(ground.dataset_id, Adviser.EXAMPLES) == 3


def test_nothing_to_look_for_is_an_error(ground: Ground) -> None:
    """An empty class without examples says so; so does a dataset that is not there."""
    with pytest.raises(DatasetError, match="Choose some photos as examples"):
        ground.desk.find(ground.dataset_id, Search(into=ground.ids["owl"]), limit=5)
    with pytest.raises(UnknownDatasetError):
        ground.desk.find(999, Search(into=1), limit=5)


def test_without_the_network_nothing_is_compared(settings: Settings) -> None:
    """The error says that it is being prepared."""
    with closing(open_database(settings)) as database:
        dataset_id = Library(database).datasets.create("Early").id
        with pytest.raises(ArtefactMissingError, match="still being prepared"):
            open_desk(settings, database).find(dataset_id, Search(into=1), limit=5)


# --- suggestions -----------------------------------------------------------------------------------------


def test_examples_suggest_classes(ground: Ground) -> None:
    """Crows go to the crows, tits to the tits, the most certain first, and nothing is moved."""
    found = ground.desk.suggest(ground.dataset_id, ground.ids[PILE_NAME], Adviser.EXAMPLES)
    certainties = [each.certainty for each in found.suggestions]
    assert certainties == sorted(certainties, reverse=True)
    assert 0 < min(certainties) <= max(certainties) <= 1
    suggested = {each.image.id: each.class_id for each in found.suggestions}
    assert [suggested[image_id] for image_id in ground.pile[:20]] == [ground.ids["crow"]] * 10 + [
        ground.ids["tit"]
    ] * 10
    assert found.num_photos == 30
    assert len(ground.library.images.of(ground.dataset_id, class_id=ground.ids[PILE_NAME])) == 30


def test_one_class_of_examples_is_too_few(ground: Ground) -> None:
    """There is nothing to choose between."""
    ground.library.classes.delete(ground.ids["tit"])
    with pytest.raises(DatasetError, match="at least 2"):
        ground.desk.suggest(ground.dataset_id, ground.ids[PILE_NAME], Adviser.EXAMPLES)
    assert ground.desk.model_of(ground.dataset_id) is None
    with pytest.raises(DatasetError, match="no model yet"):
        ground.desk.suggest(ground.dataset_id, ground.ids[PILE_NAME], Adviser.MODEL)


@pytest.fixture
def modelled(ground: Ground, classifier: Classifier) -> Ground:
    """The dataset with a model that knows crows, tits and a class that is gone; the pile holds a photo of each."""
    store = PhotoStore(ground.settings.photos_path, ground.settings.cache_path)
    ground.library.images.trash(ground.pile)
    images = []
    for number, data in enumerate(SAMPLES[:3]):
        stored = encode_photo(data, f"{number}.jpg")
        store.put(stored)
        images.append(NewImage(photo=stored.record, class_name=PILE_NAME, name=f"{number}.jpg"))
    pile = ground.library.images.add(ground.dataset_id, images)
    runs = RunLibrary(ground.database)
    run_id = runs.create_run(
        config(take_snapshot(ground.database, ground.dataset_id).hash), dataset_id=ground.dataset_id
    ).id
    runs.set_started(run_id)
    runs.set_finished(run_id, {"num_epochs": 1})
    record = record_for(classifier, ("crow", "Tit", "dodo"))
    write_model(RunFolder(ground.settings, run_id), record, head_for_samples(classifier, 3))
    return replace(ground, pile=tuple(pile), key=model_feature_key(record))


def run_task(ground: Ground, kind: str) -> None:
    queue = TaskQueue(ground.database, TASK_KINDS)
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.PHOTOS)
    queue.submit(kind, {"dataset_id": ground.dataset_id})
    task = queue.claim("w1", [kind])
    assert task is not None
    handler = {"look_at_photos": run_look_task, "ask_model": run_model_look_task}[kind]
    handler(TaskContext(queue, ground.settings, task))


def test_a_model_suggests_classes(modelled: Ground) -> None:
    """Once it has looked at the photos: those that it knows, by today's names of its classes; the rest is counted."""
    desk, pile_id = modelled.desk, modelled.ids[PILE_NAME]
    assert desk.count_unknown(modelled.dataset_id, Adviser.MODEL) == 13
    assert desk.suggest(modelled.dataset_id, pile_id, Adviser.MODEL).num_unknown == 3
    run_task(modelled, "ask_model")
    found = desk.suggest(modelled.dataset_id, pile_id, Adviser.MODEL)
    assert {each.image.id: each.class_id for each in found.suggestions} == {
        modelled.pile[0]: modelled.ids["crow"],
        modelled.pile[1]: modelled.ids["tit"],
    }
    assert min(each.certainty for each in found.suggestions) > 0.99
    assert (found.num_without_class, found.num_unknown, found.num_refused) == (1, 0, 0)


def test_what_the_model_does_not_know_has_no_suggestion(modelled: Ground) -> None:
    """By the limits that somebody has chosen for it."""
    run_task(modelled, "ask_model")
    model = modelled.desk.model_of(modelled.dataset_id)
    assert model is not None
    folder = RunFolder(modelled.settings, model.id)
    features = FeatureCache(modelled.settings).get(
        *modelled.key, [photo.photo_hash for photo in modelled.library.images.get(modelled.pile)]
    )
    first = modelled.library.images.get(modelled.pile[:1])[0].photo_hash
    write_reference(folder, Reference([first], np.zeros(1, np.int64), features[first][np.newaxis]))
    write_decision(folder, Decision(max_distance=0.05))
    found = modelled.desk.suggest(modelled.dataset_id, modelled.ids[PILE_NAME], Adviser.MODEL)
    assert [each.image.id for each in found.suggestions] == [modelled.pile[0]]
    assert found.num_refused == 2


def test_a_photo_that_is_right_where_it_is_stays(modelled: Ground) -> None:
    """Sorting a class anew suggests only what would change."""
    modelled.library.images.move(modelled.pile[:2], modelled.ids["crow"])
    run_task(modelled, "ask_model")
    found = modelled.desk.suggest(modelled.dataset_id, modelled.ids["crow"], Adviser.MODEL)
    assert [each.image.id for each in found.suggestions] == [modelled.pile[1]]
    assert (found.num_staying, found.num_unknown) == (1, 5)


def test_looking_computes_what_is_missing(modelled: Ground) -> None:
    """Of the default backbone; photos that cannot be read, here those without a file, stay unknown."""
    run_task(modelled, "look_at_photos")
    assert modelled.desk.count_unknown(modelled.dataset_id, Adviser.EXAMPLES) == 0
    FeatureCache(modelled.settings).forget([photo_hash(0)])
    run_task(modelled, "look_at_photos")
    assert modelled.desk.count_unknown(modelled.dataset_id, Adviser.EXAMPLES) == 1
