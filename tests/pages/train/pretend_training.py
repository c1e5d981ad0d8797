"""A worker that only pretends to train: the test says what it tells and when it ends."""

from dataclasses import replace
from pathlib import Path

from core.datasets.library import Library
from core.evaluation.statistics import wilson_interval
from core.export.findings import FileFinding, write_findings
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.runs.desk import PACKAGE_KIND, TRAIN_KIND
from core.runs.folder import RunFolder
from core.runs.story import BatchStory, EpochStory, NoteStory, Outcome, PhaseName, PhaseStory, PhotosStory, Score
from core.services import Services
from tests.core.datasets.library_samples import add, class_ids, photo_hash

WORKER = "pretender"


class PretendWorker:
    """Takes trainings and packagings, and nothing else, from the queue of open services."""

    def __init__(self, services: Services) -> None:
        self.services = services
        services.queue.register_worker(WORKER, pid=1, host="elsewhere", lane=Lane.NETWORKS)

    def begin(self) -> int:
        """Take the oldest run; its number."""
        task = self.services.queue.claim(WORKER, [TRAIN_KIND])
        assert task is not None
        run_id = int(task.payload["run_id"])
        self.services.runs.set_started(run_id, task_id=task.id)
        self._tell(run_id, ("phase", PhaseStory(phase=PhaseName.HEAD, first_epoch=1, num_epochs=30)))
        return run_id

    def report(self, run_id: int, fraction: float, message: str) -> None:
        """Say how far a run is."""
        payload = {"fraction": fraction, "message": message}
        self.services.queue.append_event(self._task(run_id), WORKER, kind="progress", payload=payload)

    def train(self, run_id: int, *epochs: int, accuracy: float = 0.9) -> None:
        """Tell of these epochs, the last one being the best."""
        for number in epochs:
            batch = BatchStory(at=number - 0.5, loss=0.5, accuracy=0.8, photos_per_second=321.0)
            epoch = EpochStory(
                epoch=number,
                phase=PhaseName.HEAD,
                loss=1 / number,
                accuracy=accuracy,
                validation_loss=1 / number,
                validation_accuracy=accuracy,
                learning_rate=1e-3,
                seconds=1.0,
                photos_per_second=321.0,
                best_epoch=number,
            )
            self._tell(run_id, ("batch", batch), ("epoch", epoch))

    def show_photo(self, run_id: int, epoch: int, *, is_right: bool) -> None:
        """Tell what the model says to a validation photo of the first class."""
        said = [0.8, 0.2] if is_right else [0.2, 0.8]
        photo = {"hash": photo_hash(100), "suffix": ".jpg", "class_index": 0, "probabilities": said}
        self._tell(run_id, ("photos", PhotosStory(epoch=epoch, photos=[photo])))

    def note(self, run_id: int, text: str, *, is_warning: bool = False) -> None:
        self._tell(run_id, ("note", NoteStory(text=text, is_warning=is_warning)))

    def finish(self, run_id: int, *, validation: tuple[int, int] | None, test: tuple[int, int] | None = None) -> None:
        """End a run well.

        Args:
            run_id: the run.
            validation: photos that were right, and photos.
            test: likewise.
        """
        outcome = Outcome(
            num_epochs=12,
            best_epoch=9,
            fine_tuning_from=None,
            is_stopped=False,
            validation=score(validation),
            test=score(test),
            num_train_photos=28,
            num_computed=40,
            num_classes=2,
            num_parameters=3_415_586,
            num_trained_parameters=2_562,
            model_bytes=17_400_000,
            milliseconds_per_photo=5.6,
            device="CPU, 2 cores",
            seconds={"features": 7.0, "head": 2.0, "total": 9.5},
            finetune_epoch_seconds=None,
        )
        self.services.runs.set_finished(run_id, outcome.to_json())
        self.services.queue.finish(self._task(run_id), WORKER, status=TaskStatus.DONE)

    def fail(self, run_id: int, error: str) -> None:
        """End a run badly, with a log."""
        folder = RunFolder(self.services.settings, run_id)
        folder.log_path.write_text("".join(f"line {number}\n" for number in range(9_000)) + "the end\n", "utf-8")
        self.services.queue.finish(self._task(run_id), WORKER, status=TaskStatus.FAILED, error=error)

    def die(self) -> None:
        """Stop without a word."""
        self.services.queue.recover_tasks_of(WORKER)

    def begin_packaging(self, run_id: int) -> int:
        """Take the packaging of a run; the task's number."""
        self.services.run_desk.request_packaging(run_id)
        task = self.services.queue.claim(WORKER, [PACKAGE_KIND])
        assert task is not None
        return task.id

    def package(self, run_id: int) -> None:
        """Make the files that people take away."""
        task_id = self.begin_packaging(run_id)
        folder = RunFolder(self.services.settings, run_id)
        for path, content in ((folder.keras_path, b"keras"), (folder.litert_path, b"litert")):
            path.write_bytes(content)
        folder.labels_path.write_text("crow\ntit\n", "utf-8")
        found = FileFinding(difference=0.0, same_top1=True, num_compared=12, num_bytes=5)
        write_findings(folder, {"keras": found, "litert": replace(found, difference=1e-6)}, seconds=1.0)
        self.services.queue.finish(task_id, WORKER, status=TaskStatus.DONE)

    def fail_packaging(self, run_id: int, error: str) -> None:
        task_id = self.begin_packaging(run_id)
        self.services.queue.finish(task_id, WORKER, status=TaskStatus.FAILED, error=error)

    def folder(self, run_id: int) -> Path:
        return RunFolder(self.services.settings, run_id).path

    def _task(self, run_id: int) -> int:
        task_id = self.services.runs.get_run(run_id).task_id
        assert task_id is not None
        return task_id

    def _tell(self, run_id: int, *stories: tuple) -> None:
        self.services.runs.append_events(run_id, [(kind, story.to_json()) for kind, story in stories])


def score(counts: tuple[int, int] | None) -> dict | None:
    if counts is None:
        return None
    num_correct, num_photos = counts
    low, high = wilson_interval(num_correct, num_photos)
    accuracy = num_correct / num_photos
    return Score(num_photos=num_photos, num_correct=num_correct, accuracy=accuracy, low=low, high=high).to_json()


def make_birds(library: Library, name: str = "Birds", **classes: range) -> int:
    """A dataset of photos that are only named, in these classes; forty of two birds unless said otherwise."""
    dataset = library.datasets.create(library.datasets.free_name(name))
    for class_name, numbers in (classes or {"crow": range(100, 120), "tit": range(200, 220)}).items():
        add(library, dataset.id, class_name, numbers)
    assert len(class_ids(library, dataset.id)) >= 1
    return dataset.id
