"""What a pupil does at the moment, in a few words for the teacher."""

from core.runs.records import RunStatus
from core.services import Services
from pages.words.wording import count, percent

_STATUSES = {
    RunStatus.QUEUED: "waits for its turn",
    RunStatus.RUNNING: "training",
    RunStatus.STOPPING: "being stopped",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "discarded",
    RunStatus.INTERRUPTED: "interrupted",
}


def tell_doing(services: Services, page: str, *, dataset_id: int | None, run_id: int | None) -> dict[str, object]:
    """What somebody does.

    Args:
        services: of their space.
        page: title of the page that they have open.
        dataset_id: of the dataset that is open there; None: none.
        run_id: of the run that is open there, which counts more; None: none.

    Returns:
        `page`; and where something is open, `what` (its name) and `detail`, such as "12 photos" or "training · 93 %".

    Raises:
        UnknownDatasetError: there is no such dataset.
        UnknownRunError: there is no such run.
    """
    if run_id is not None:
        run = services.runs.get_run(run_id)
        accuracies = services.run_reader.accuracies(run)
        parts = [_STATUSES.get(run.status, ""), percent(max(accuracies)) if accuracies else ""]
        return {"page": page, "what": run.name, "detail": " · ".join(part for part in parts if part)}
    if dataset_id is not None:
        dataset = services.library.datasets.get(dataset_id)
        return {"page": page, "what": dataset.name, "detail": count(dataset.num_images, "photo")}
    return {"page": page}
