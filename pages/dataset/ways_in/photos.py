"""Photos of one class: chosen, dropped or pasted."""

from core.datasets.records import ClassView, DatasetView
from core.datasets.sources.requests import Links, StagedFiles
from core.errors import DatasetError
from core.services import Services
from pages.dataset.uploads import Files, contents, max_upload_bytes, render_uploader
from pages.dataset.ways_in.sorted_photos import ARCHIVE_BOX, FOLDER_BOX
from pages.dataset.ways_in.submitting import submit
from pages.widgets.browser_events import Pasted, watch_browser
from pages.widgets.uploading import open_box
from pages.words.wording import count, size_text


def render_photos(dataset: DatasetView, target: ClassView, services: Services) -> None:
    """A box for photos of a class; it also takes what is pasted anywhere on the page."""
    photos_key = f"dataset.collect.files.{target.id}"
    render_uploader(
        f"Drop photos of {target.name} here, browse, or paste with Ctrl+V anywhere on the page",
        key=photos_key,
        services=services,
        accept=True,
        take=lambda files: _add_files(files, dataset, target, services),
    )
    watch_browser(
        key="dataset.collect.browser_events",
        max_photo_bytes=max_upload_bytes(services),
        boxes=[open_box(key) for key in (photos_key, FOLDER_BOX, ARCHIVE_BOX)],
        on_pasted=lambda pasted: _add_pasted(pasted, dataset, target, services),
        on_oversized=lambda oversized: _refuse_oversized(oversized, services),
        on_lost=_refuse_lost,
    )


def _add_files(files: Files, dataset: DatasetView, target: ClassView, services: Services) -> None:
    staging = services.imports.stage_files(contents(files))
    title = files[0].name if len(files) == 1 else count(len(files), "file")
    submit(services, dataset, StagedFiles(folder=staging), title=title, target=target)


def _add_pasted(pasted: Pasted, dataset: DatasetView, target: ClassView, services: Services) -> None:
    photos = [(photo.name, photo.data) for photo in pasted.photos if photo.data is not None]
    if photos:
        staging = services.imports.stage_files(photos)
        title = f"Pasted: {count(len(photos), 'photo')}"
        submit(services, dataset, StagedFiles(folder=staging), title=title, target=target)
    if pasted.link:
        submit(services, dataset, Links(urls=(pasted.link,)), title="Pasted link", target=target)
    refused = [photo.reason for photo in pasted.photos if photo.data is None]
    if refused:
        raise DatasetError(" ".join(refused))


def _refuse_oversized(oversized: dict[str, int], services: Services) -> None:
    sizes = ", ".join(f"{name} ({size_text(num_bytes)})" for name, num_bytes in oversized.items())
    limit = size_text(services.settings.max_photo_bytes)
    raise DatasetError(f"Too large: {sizes}. Photos up to {limit} are read. Save them smaller, as JPEG for example.")


def _refuse_lost(names: list[str]) -> None:
    if names:
        raise DatasetError(
            f"Did not reach the server: {', '.join(names)}. Look at your connection and choose them again."
        )
