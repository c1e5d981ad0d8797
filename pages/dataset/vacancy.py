"""Datasets that were made for an import which then brought nothing: they go with it."""

from core.datasets.records import ImportView
from core.services import Services
from pages.dataset.chooser import leave_dataset


def drop_import(view: ImportView, services: Services) -> None:
    """Do not import; a dataset that was only made for it is not left behind."""
    services.imports.cancel(view.id)
    dismiss_report(view, services)


def dismiss_report(view: ImportView, services: Services) -> None:
    """Put the report of an import away, and the dataset with it where nothing has come into it."""
    services.library.imports.dismiss(view.id)
    if services.library.datasets.discard_if_vacant(view.dataset_id):
        leave_dataset()
