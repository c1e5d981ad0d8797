"""Handing what a person brought to the imports."""

from core.datasets.records import ClassView, DatasetView
from core.datasets.sources.requests import ImportRequest, Source
from core.services import Services


def submit(services: Services, dataset: DatasetView, source: Source, *, title: str, target: ClassView | None) -> None:
    """Have photos brought in by a worker; into the class where one is given, else into classes of their own."""
    services.imports.submit(
        ImportRequest(dataset_id=dataset.id, source=source, title=title, target_class=target.name if target else None)
    )
