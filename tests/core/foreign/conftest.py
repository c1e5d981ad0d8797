"""A workspace into which models are brought, as a worker does it: looked into, built and tried in real processes."""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from core.errors import ForeignModelError
from core.foreign.desk import ForeignDesk
from core.foreign.library import ForeignLibrary
from core.foreign.places import arrived_dir
from core.foreign.reading import Reading
from core.foreign.records import ForeignModelView
from core.inference.classifier_cache import ClassifierCache
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What brings models in."""

    settings: Settings
    database: Database
    library: ForeignLibrary
    desk: ForeignDesk
    classifiers: ClassifierCache

    def bring(
        self, files: dict[str, bytes], *, trusted: bool = True, class_names: tuple[str, ...] = ()
    ) -> ForeignModelView:
        """Bring files in, as a person does who trusts them."""
        source = self.desk.receive([(name, io.BytesIO(content), len(content)) for name, content in files.items()])
        source = replace(source, accepts_hdf5=trusted, class_names=class_names)
        try:
            return Reading(self.settings, self.library).run(source)
        finally:
            assert not (arrived_dir(source, self.settings) / "work").exists()
            self.desk.drop(source)

    def refusal(self, files: dict[str, bytes], *, trusted: bool = True, class_names: tuple[str, ...] = ()) -> str:
        """Why files are refused; nothing of them may be left."""
        before = self.library.list_models()
        with pytest.raises(ForeignModelError) as caught:
            self.bring(files, trusted=trusted, class_names=class_names)
        assert self.library.list_models() == before
        folders = self.settings.foreign_path.glob("*")
        assert {path.name for path in folders} == {str(model.id) for model in before}
        return str(caught.value)

    def say(self, model: ForeignModelView, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """What a model answers."""
        return self.classifiers.get_foreign(model).engine.run(pixels).probabilities


def open_workshop(settings: Settings) -> Iterator[Workshop]:
    """A workshop, closed at the end."""
    with closing(open_database(settings)) as database:
        library, queue = ForeignLibrary(database), TaskQueue(database, TASK_KINDS)
        supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
        workshop = Workshop(
            settings=settings,
            database=database,
            library=library,
            desk=ForeignDesk(settings, library, queue, supervisor),
            classifiers=ClassifierCache(settings),
        )
        yield workshop
        workshop.classifiers.close()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """One for all tests of a module."""
    folder: Path = tmp_path_factory.mktemp("workshop")
    yield from open_workshop(Settings(workspace_dir=folder / "workspace"))


@pytest.fixture(scope="session")
def pixels() -> npt.NDArray[np.uint8]:
    """A square of noise, as large as the samples take."""
    return np.random.default_rng(4).integers(0, 256, (64, 64, 3)).astype(np.uint8)
