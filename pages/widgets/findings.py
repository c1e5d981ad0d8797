"""What the latest check of a dataset has found."""

from core.datasets.checks.findings import Finding, FindingKind, without_dismissed
from core.datasets.records import DatasetView
from core.services import Services
from pages.widgets.remembered import remembered

_FINDINGS = "findings"


def open_findings(dataset: DatasetView, services: Services) -> list[Finding]:
    """The findings that wait for the person."""
    return without_dismissed(_findings(dataset.id, services), services.library.checks.dismissed(dataset.id))


def mirrored_classes(dataset_id: int, services: Services) -> tuple[str, ...]:
    """Names of the classes that are mirror images of each other, as far as the latest check knows.

    Also where somebody has said of the finding that it is fine: they are mirror images all the same.
    """
    class_ids = {
        class_id
        for finding in _findings(dataset_id, services)
        if finding.kind == FindingKind.MIRRORED_CLASSES
        for class_id in finding.class_ids
    }
    return tuple(view.name for view in services.library.classes.of(dataset_id) if view.id in class_ids)


def _findings(dataset_id: int, services: Services) -> list[Finding]:
    check = services.library.checks.load(dataset_id)
    return [] if check is None else remembered(_FINDINGS, (dataset_id, check), check.as_findings)
