"""The library: every dataset with its classes and images; the only code that changes them.

Every method is one transaction that locks the dataset, so two sessions that edit at once see each other's changes
and lose nothing. Whatever is deleted goes to the trash; what can be undone is returned as an operation.
"""

from core.datasets.shelves.check_log import CheckLog
from core.datasets.shelves.class_shelf import ClassShelf
from core.datasets.shelves.dataset_shelf import DatasetShelf
from core.datasets.shelves.image_shelf import ImageShelf
from core.datasets.shelves.import_log import ImportLog
from core.datasets.shelves.operation_log import OperationLog
from core.datasets.shelves.photo_index import PhotoIndex
from core.storage.db import Database


class Library:
    """Everything about the datasets of one database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self.datasets = DatasetShelf(database)
        self.classes = ClassShelf(database)
        self.images = ImageShelf(database)
        self.photos = PhotoIndex(database)  # what is known of each stored photo, whichever datasets have it
        self.checks = CheckLog(database)  # what may be wrong with a dataset, and how alike its photos are
        self.imports = ImportLog(database)
        self.history = OperationLog(database)  # what can be undone
