"""The images of datasets: added, listed, moved between classes, put into splits, trashed and restored."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError

from core.datasets.records import ImageView, NewImage, OperationView, Review, Split, SplitOrigin
from core.datasets.shelves.history import change_rows, num_rows, record_operation, revive_classes
from core.datasets.shelves.image_rows import (
    check_images,
    find_or_create_class,
    image_view,
    insert_images,
    lock_dataset_of,
    num_photos,
    select_ids,
    select_images,
    split_values,
)
from core.datasets.shelves.image_sorting import name_of_target, num_sorted, sort_images, values_in
from core.datasets.shelves.import_log import complete_import
from core.datasets.shelves.rows import WRITE_TRIES, Shelf, chunked, lock_class, lock_dataset, mark_changed
from core.errors import DatasetError
from core.storage.one_look import read_once
from core.storage.own_use import check_room
from core.storage.schema import Capture, DatasetClass, DatasetImage


class ImageShelf(Shelf):
    """Images of datasets. Numbers of images that are gone for good are passed over, as others may have purged them."""

    def add(
        self,
        dataset_id: int,
        images: Sequence[NewImage],
        *,
        import_id: int | None = None,
        class_names: Sequence[str] = (),
    ) -> list[int]:
        """Add images, all or none; photos, classes and captures that are missing are made.

        Args:
            dataset_id: the dataset.
            images: what to add; their photos' bytes are in the store.
            import_id: the import they come from, which is done thereby; it can never add them twice.
            class_names: of classes that are made first, in this order, whether images come into them or not.

        Returns:
            The new images' numbers, in the order of `images`.

        Raises:
            UnknownDatasetError: no such dataset or import, or the dataset is in the trash.
            NameRefusedError: a class cannot have the name.
            DatasetError: the import is done or cancelled already, or too many others add the same photos.
            LimitReachedError: the space has no room for all of them.
        """
        for _ in range(WRITE_TRIES):
            try:
                with self._database.session() as session:
                    dataset = lock_dataset(session, dataset_id)
                    if import_id is not None:
                        complete_import(session, import_id, dataset_id=dataset_id, num_accepted=len(images))
                    if not images and not class_names:
                        return []
                    check_room(
                        session,
                        photos=len(images),
                        photo_bytes={image.photo.hash: image.photo.num_bytes for image in images},
                    )
                    mark_changed(dataset)
                    for class_name in class_names:
                        find_or_create_class(session, dataset, class_name)
                    return insert_images(session, dataset, images) if images else []
            except IntegrityError:
                continue  # another process added or forgot one of the photos at the same moment
        raise DatasetError(f"{len(images)} photos could not be added: others add the same ones. Try again.")

    @read_once
    def of(
        self,
        dataset_id: int,
        *,
        class_id: int | None = None,
        split: Split | Literal["any"] | None = "any",
        review: Review | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[ImageView]:
        """Images out of the trash, in the order they were added.

        Args:
            dataset_id: the dataset.
            class_id: only those of this class.
            split: only those of this split; None gives those in no split yet.
            review: only those that are marked like this.
            offset: how many to pass over first.
            limit: how many at most.
        """
        statement = select_images().where(DatasetImage.dataset_id == dataset_id, DatasetImage.trashed_at.is_(None))
        if class_id is not None:
            statement = statement.where(DatasetImage.class_id == class_id)
        if split != "any":
            statement = statement.where(DatasetImage.split.is_not_distinct_from(split))
        if review is not None:
            statement = statement.where(DatasetImage.review == review)
        return self._images(statement.offset(offset).limit(limit))

    def get(self, image_ids: Collection[int]) -> list[ImageView]:
        """The images with these numbers, in the order of the numbers given, in the trash or not."""
        with self._database.read_session() as session:
            found = {
                row.id: image_view(row)
                for chunk in chunked(set(image_ids))
                for row in session.execute(select_images().where(DatasetImage.id.in_(chunk)))
            }
        return [found[image_id] for image_id in image_ids if image_id in found]

    def count(self, dataset_id: int) -> dict[tuple[int, Split | None], int]:
        """How many images out of the trash each class has in each split, keyed by (class, split); no zeros."""
        statement = (
            select(DatasetImage.class_id, DatasetImage.split, func.count())
            .where(DatasetImage.dataset_id == dataset_id, DatasetImage.trashed_at.is_(None))
            .group_by(DatasetImage.class_id, DatasetImage.split)
        )
        with self._database.read_session() as session:
            return {
                (class_id, None if split is None else Split(split)): number
                for class_id, split, number in session.execute(statement)
            }

    def count_reviews(self, dataset_id: int) -> dict[Review, int]:
        """How many images out of the trash are marked, by mark; no zeros."""
        statement = (
            select(DatasetImage.review, func.count())
            .where(DatasetImage.dataset_id == dataset_id, DatasetImage.trashed_at.is_(None))
            .group_by(DatasetImage.review)
        )
        with self._database.read_session() as session:
            return {Review(review): number for review, number in session.execute(statement) if review is not None}

    def captures(self, dataset_id: int) -> dict[int, str]:
        """The labels of a dataset's captures, by number."""
        statement = select(Capture.id, Capture.label).where(Capture.dataset_id == dataset_id).order_by(Capture.id)
        with self._database.read_session() as session:
            return dict(session.execute(statement).all())

    def move(self, image_ids: Collection[int], class_id: int) -> OperationView:
        """Put images into another class of their dataset.

        What was said of an image in the class that it leaves (`set_review`) does not go with it; one that comes onto
        the pile (`core.datasets.pile`) is marked as unsure.

        Raises:
            UnknownDatasetError: no such class, or it is in the trash; or none of the images exists.
            DatasetError: no images were given, or some belong to another dataset.
        """
        with self._database.session() as session:
            dataset, target = lock_class(session, class_id)
            check_images(session, image_ids, dataset)
            name = target.name
            leaving = select_ids(session, image_ids, DatasetImage.class_id != class_id)
            changes = change_rows(session, "image", leaving, values=values_in(target))
            mark_changed(dataset)
            summary = f"Moved {num_photos(num_rows(changes))} to “{name}”"
            return record_operation(session, dataset, kind="move_images", summary=summary, changes=changes)

    def sort(
        self, dataset_id: int, class_of: Mapping[int, int], *, split: Split | Literal["keep"] | None = "keep"
    ) -> OperationView:
        """Put images into classes, each into its own, as one change.

        Images that have come to be in no dataset, in another one or in the trash are passed over.

        Args:
            dataset_id: the dataset.
            class_of: image id to class id.
            split: where they go as well, by hand; with them goes the rest of every capture (a burst) that one of them
                belongs to, for a capture never straddles two splits. "keep" leaves the splits as they are.

        Raises:
            UnknownDatasetError: no such dataset or class, or one of them is in the trash.
            DatasetError: no images were given, or a class belongs to another dataset.
        """
        with self._database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            if not class_of:
                raise DatasetError("No photos are to be sorted. Choose at least one.")
            changes = sort_images(session, dataset, class_of, split)
            mark_changed(dataset)
            summary = f"Sorted {num_photos(num_sorted(changes))} into {name_of_target(session, class_of)}"
            return record_operation(session, dataset, kind="sort_images", summary=summary, changes=changes)

    def set_split(self, image_ids: Collection[int], split: Split | None) -> OperationView:
        """Put images into a split by hand, or with None into none.

        Raises:
            UnknownDatasetError: none of the images exists, or their dataset is in the trash.
            DatasetError: no images were given, or they belong to several datasets.
        """
        with self._database.session() as session:
            dataset = lock_dataset_of(session, image_ids)
            changes = change_rows(session, "image", image_ids, values=split_values(split, SplitOrigin.PERSON))
            mark_changed(dataset)
            where = "no split" if split is None else f"the {split} split"
            summary = f"Put {num_photos(num_rows(changes))} into {where}"
            return record_operation(session, dataset, kind="set_split", summary=summary, changes=changes)

    def set_review(self, image_ids: Collection[int], review: Review | None) -> OperationView:
        """Note what a person says of the images' classes, or with None that nobody has said anything.

        Raises:
            UnknownDatasetError: none of the images exists, or their dataset is in the trash.
            DatasetError: no images were given, or they belong to several datasets.
        """
        with self._database.session() as session:
            dataset = lock_dataset_of(session, image_ids)
            changes = change_rows(session, "image", image_ids, values={"review": review})
            mark_changed(dataset)
            number = num_photos(num_rows(changes))
            summary = f"Cleared the marks of {number}" if review is None else f"Marked {number} as {review}"
            return record_operation(session, dataset, kind="set_review", summary=summary, changes=changes)

    def assign_splits(self, dataset_id: int, assignment: Mapping[int, Split | None]) -> OperationView | None:
        """Put the images of a dataset into splits as computed.

        Images that are in their split already keep it together with who put them there; images that have come to be in
        no dataset or in another one are passed over.

        Args:
            dataset_id: the dataset.
            assignment: image id to split, such as `SplitResult.to_assign`.

        Returns:
            The change, which says how many images changed their split; None when all were in theirs already.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
        """
        with self._database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            own = select(DatasetImage.id, DatasetImage.split).where(DatasetImage.dataset_id == dataset_id)
            moving: dict[Split | None, list[int]] = {split: [] for split in (*Split, None)}
            for image_id, present in session.execute(own):
                if image_id in assignment and assignment[image_id] != present:
                    moving[assignment[image_id]].append(image_id)
            changes = []
            for split, ids in moving.items():
                changes += change_rows(session, "image", ids, values=split_values(split, SplitOrigin.AUTOMATIC))
            if not changes:
                return None
            mark_changed(dataset)
            summary = f"Changed the split of {num_photos(num_rows(changes))}"
            return record_operation(session, dataset, kind="assign_splits", summary=summary, changes=changes)

    def trash(self, image_ids: Collection[int]) -> OperationView:
        """Put images into the trash; those in it already stay as they are.

        Raises:
            UnknownDatasetError: none of the images exists, or their dataset is in the trash.
            DatasetError: no images were given, or they belong to several datasets.
        """
        with self._database.session() as session:
            dataset = lock_dataset_of(session, image_ids)
            changed_at = mark_changed(dataset)
            live = select_ids(session, image_ids, DatasetImage.trashed_at.is_(None))
            changes = change_rows(session, "image", live, values={"trashed_at": changed_at})
            summary = f"Deleted {num_photos(len(live))}"
            return record_operation(session, dataset, kind="trash_images", summary=summary, changes=changes)

    def in_trash(self, dataset_id: int) -> list[ImageView]:
        """Images in the trash of a dataset, the latest deleted first."""
        trashed = DatasetImage.dataset_id == dataset_id, DatasetImage.trashed_at.is_not(None)
        return self._images(select_images(DatasetImage.trashed_at.desc()).where(*trashed))

    def restore(self, image_ids: Collection[int]) -> OperationView:
        """Take images out of the trash, and their classes with them when those are in it.

        Raises:
            UnknownDatasetError: none of the images exists, or their dataset is in the trash.
            DatasetError: no images were given, or they belong to several datasets.
        """
        with self._database.session() as session:
            dataset = lock_dataset_of(session, image_ids)
            trashed = select_ids(session, image_ids, DatasetImage.trashed_at.is_not(None))
            changes = change_rows(session, "image", trashed, values={"trashed_at": None})
            changes += revive_classes(session, dataset.id)
            mark_changed(dataset)
            summary = f"Restored {num_photos(len(trashed))}"
            return record_operation(session, dataset, kind="restore_images", summary=summary, changes=changes)

    def purge_trash(self, dataset_id: int) -> int:
        """Delete what is in a dataset's trash for good: images, and classes, which are empty then.

        Photos stay as long as another image or a snapshot needs them.

        Returns:
            How many images were deleted.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
        """
        with self._database.session() as session:
            dataset = lock_dataset(session, dataset_id)
            trashed = select(func.count()).where(
                DatasetImage.dataset_id == dataset_id, DatasetImage.trashed_at.is_not(None)
            )
            num_purged = session.scalar(trashed) or 0
            for row in (DatasetImage, DatasetClass):
                session.execute(
                    delete(row)
                    .where(row.dataset_id == dataset_id, row.trashed_at.is_not(None))
                    .execution_options(synchronize_session=False)
                )
            mark_changed(dataset)
            return num_purged

    def _images(self, statement: Select[Any]) -> list[ImageView]:
        with self._database.read_session() as session:
            return [image_view(row) for row in session.execute(statement)]
