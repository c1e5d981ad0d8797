"""The end of a run: its model is written, asked about the photos that were kept back, and judged."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from core.errors import StorageError
from core.evaluation.answers import Answers
from core.evaluation.calibration import fit_temperature
from core.networks.convert import convert_to_litert
from core.runs.decision import Decision, write_decision
from core.runs.story import Outcome, PhaseName, PhaseStory, Score
from core.storage.files import write_atomically
from core.training.assembly import rebuild, write_head
from core.training.attempt import Attempt
from core.training.photos import LabelledPhotos
from core.training.report import answers_of, describe_model, milliseconds_per_photo, score_of, write_report
from core.training.trained import Trained

_KEEP_RETRY_SECONDS = (1.0, 5.0, 15.0, 30.0)


def finish(attempt: Attempt, trained: Trained) -> None:
    """Write the model, ask it about the photos that were kept back, and say how it went.

    Args:
        attempt: at the run.
        trained: its network.

    Raises:
        StorageError: the disk is full or may not be written.
        TaskCancelledError: the run is to be discarded.
    """
    num_asked = len(attempt.photos.validation) + len(attempt.photos.test)
    with attempt.phase(PhaseStory(phase=PhaseName.EVALUATION, num_photos=num_asked)):
        if trained.head is not None:
            write_head(trained.head, attempt.folder.head_path)
        if not trained.is_frozen:
            _convert(attempt)
        describe_model(
            attempt.folder, attempt.config, attempt.source, photos=attempt.photos, is_frozen=trained.is_frozen
        )
        watch = attempt.counter(num_asked)
        splits = {
            "validation": _ask(attempt, attempt.photos.validation, "validation", trained, watch),
            "test": _ask(attempt, attempt.photos.test, "test", trained, watch),
        }
        model_bytes, milliseconds = _measure(attempt, trained)
    scores = {name: score_of(answers) for name, answers in splits.items()}
    outcome = Outcome(
        num_epochs=trained.end.last_epoch,
        best_epoch=trained.end.stopping.best_epoch,
        fine_tuning_from=trained.fine_tuning_from,
        is_stopped=trained.end.is_stopped,
        validation=_to_json(scores["validation"]),
        test=_to_json(scores["test"]),
        num_train_photos=len(attempt.photos.train),
        num_computed=attempt.num_computed,
        num_classes=attempt.num_classes,
        num_parameters=trained.num_parameters,
        num_trained_parameters=trained.num_trained_parameters,
        model_bytes=model_bytes,
        milliseconds_per_photo=milliseconds,
        device=attempt.device.title,
        seconds={**attempt.seconds, "total": time.monotonic() - attempt.started},
        finetune_epoch_seconds=trained.finetune_epoch_seconds,
    )
    write_report(attempt.folder, attempt.photos.class_names, splits, outcome.to_json())
    write_decision(attempt.folder, Decision(temperature=fit_temperature(splits["validation"])))
    events = attempt.runs.events_after(attempt.run_id, 0)
    attempt.folder.write_json(attempt.folder.events_path, [asdict(event) for event in events])
    _keep(attempt)
    attempt.check_cancelled()
    # The checkpoint stays: whatever goes wrong from here on, a run that is resumed has nothing to train again.
    attempt.runs.set_finished(attempt.run_id, outcome.to_json())
    attempt.log.write(f"Done in {outcome.seconds['total']:.1f} s")


def _keep(attempt: Attempt) -> None:
    """Send the model to the object store, if there is one: hours of work must not end because it is away for a moment.

    Raises:
        StorageError: it is away for longer; the run can go on when it is back, and has nothing to train again.
    """
    for wait_seconds in _KEEP_RETRY_SECONDS:
        try:
            attempt.folder.keep()
            return
        except StorageError as exc:
            attempt.log.write(f"Sending the model failed and is tried again: {exc}")
            attempt.check_cancelled()
            time.sleep(wait_seconds)
    attempt.folder.keep()


def _convert(attempt: Attempt) -> None:
    """Write the LiteRT file of a model whose own layers were trained."""
    whole = rebuild(
        attempt.config,
        attempt.source,
        attempt.folder,
        attempt.settings,
        num_classes=attempt.num_classes,
        is_frozen=False,
    )
    with write_atomically(attempt.folder.litert_path) as temporary:
        convert_to_litert(whole.with_inner_values(), temporary)


def _ask(
    attempt: Attempt, photos: LabelledPhotos, split: str, trained: Trained, watch: Callable[[int], None]
) -> Answers:
    """What the model says to the photos of a split, by the very files that answer on the classify page."""
    if trained.is_frozen and trained.head is not None:
        watch(len(photos))
        probabilities = trained.head.probabilities(trained.features[split])
    else:
        probabilities = answers_of(
            attempt.folder.litert_path,
            photos,
            attempt.loader,
            num_classes=attempt.num_classes,
            num_threads=attempt.settings.num_inference_threads,
            watch=watch,
        )
    hashes = tuple(photo.hash for photo in photos.photos)
    return Answers(hashes=hashes, class_indices=photos.class_indices, probabilities=probabilities)


def _measure(attempt: Attempt, trained: Trained) -> tuple[int, float]:
    """Bytes of what answers, and its milliseconds per photo on one thread."""
    artefact = attempt.source.artefact
    if trained.is_frozen and artefact is not None:
        num_bytes = artefact.model_path.stat().st_size + attempt.folder.head_path.stat().st_size
        num_answers = 2 if attempt.config.averages_flips else 1
        return num_bytes, num_answers * artefact.record.litert_milliseconds
    path = attempt.folder.litert_path
    return path.stat().st_size, milliseconds_per_photo(path, attempt.source.image_size)


def _to_json(score: Score | None) -> dict[str, Any] | None:
    return None if score is None else score.to_json()
