"""The files that people take away, and the packaging that makes them."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import streamlit as st

from core.datasets.exporting import safe_file_name
from core.errors import RunFileError, StorageError
from core.export.model_readme import DECISION_NAME, README_NAME, REFERENCE_NAME, TakenFiles, describe_files
from core.inference.judging import Judge, read_rule
from core.inference.trained_model import read_model_record
from core.jobs.status import ACTIVE_STATUSES, TaskStatus
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.services import Services
from pages.widgets.errors import guarded, show_error
from pages.widgets.wording import plain, size_text, time_left

_WORTH_TELLING_BYTES = 10_000


def is_being_packaged(view: RunView) -> bool:
    """Whether the files are being made, or wait to be."""
    return view.package_status in ACTIVE_STATUSES


def render_downloads(view: RunView, services: Services) -> None:
    """The files with what is known of them; or how far they are; or why there are none, and a second try."""
    with st.container(border=True):
        st.markdown("**Take the model with you**")
        if is_being_packaged(view):
            _render_progress(view, services)
        elif view.package_status is TaskStatus.DONE:
            _render_files(view, services)
        else:
            _render_request(view, services)


def _render_progress(view: RunView, services: Services) -> None:
    progress = None if view.package_task_id is None else services.queue.progress(view.package_task_id)
    text = "Packaging waits for its turn; the model answers already"
    if progress is not None:
        text = f"Packaging: {plain(progress.message)}{time_left(progress.seconds_left)}"
    st.progress((progress.fraction or 0.0) if progress else 0.0, text=text)


def _render_request(view: RunView, services: Services) -> None:
    if view.package_status is None:
        label = "Make the files"
        st.caption("The files have not been made yet.")
    else:
        label = "Try again"
        show_error(f"Packaging did not succeed. {view.package_error or 'It was stopped.'} The model itself is whole.")
    st.button(
        label,
        key=f"train.package.{view.id}",
        icon=":material/inventory_2:",
        on_click=guarded(services.run_desk.request_packaging),
        args=(view.id,),
    )


def _render_files(view: RunView, services: Services) -> None:
    folder = RunFolder(services.settings, view.id)
    name = safe_file_name(view.name)
    offers = [
        ("Keras", folder.keras_path, f"{name}.keras", "The whole model, to go on with in Python."),
        ("LiteRT", folder.litert_path, f"{name}.tflite", "The whole model for phones and small computers."),
        ("Labels", folder.labels_path, _labels_name(name), "The class names, in the order of its answers."),
    ]
    there = [offer for offer in offers if offer[1].is_file()]
    if len(there) < len(offers):
        st.warning("Some files of the model are missing.", icon=":material/warning:")
        _render_missing(view, services)
    with st.container(horizontal=True, gap="small"):
        if there:
            st.download_button(
                "Everything (zip)",
                data=lambda: everything(view.name, folder),
                file_name=f"{name}.zip",
                mime="application/zip",
                icon=":material/folder_zip:",
                on_click="ignore",
                key=f"train.download.zip.{view.id}",
            )
        for title, path, file_name, explanation in there:
            st.download_button(
                _label(title, path),
                data=path.read_bytes,  # called by a click: it may be large
                file_name=file_name,
                mime="application/octet-stream",
                icon=":material/download:",
                help=explanation,
                on_click="ignore",
                key=f"train.download.{title}.{view.id}",
            )
    _render_findings(folder)


def _label(title: str, path: Path) -> str:
    """A title with the size of its file, where that is worth knowing."""
    size = path.stat().st_size
    return title if size < _WORTH_TELLING_BYTES else f"{title} · {size_text(size)}"


def _render_missing(view: RunView, services: Services) -> None:
    st.button(
        "Make the files again",
        key=f"train.package.{view.id}",
        icon=":material/inventory_2:",
        on_click=guarded(services.run_desk.request_packaging),
        args=(view.id,),
    )


def _render_findings(folder: RunFolder) -> None:
    if not folder.package_path.is_file():
        return
    try:
        found = folder.read_json(folder.package_path)
    except (RunFileError, StorageError) as exc:
        show_error(str(exc))
        return
    if isinstance(found, dict):
        st.caption(":material/verified: " + describe_package(found))
        if found.get("warning"):
            st.warning(plain(str(found["warning"])), icon=":material/warning:")


def describe_package(found: dict[str, Any]) -> str:
    """What packaging found out when it compared the files with the model, in one or two sentences."""
    difference = found.get("reload_difference")
    parts = []
    if difference is not None:
        same = "no difference" if difference == 0 else f"a difference of {_points(difference)}"
        parts.append(f"Saved, reloaded and asked again: {same}.")
    litert = found.get("litert_difference")
    if litert is not None:
        answers = "the same best answer" if found.get("same_top1") else "not always the same best answer"
        parts.append(
            f"LiteRT beside Keras on {found.get('num_compared', 0):,} photos: {answers}, probabilities differ by at "
            f"most {_points(litert)}."
        )
    return " ".join(parts) or "The files were made."


def _points(difference: float) -> str:
    """A difference of probabilities, 0-1, in percentage points."""
    return f"{100 * difference:.2g} points"


def everything(title: str, folder: RunFolder) -> bytes:
    """A zip of a run's model, of what says when it does not know, and of a text on how to use them.

    What is damaged is left out, and the text says so.

    Args:
        title: the run's name.
        folder: of the run.

    Raises:
        StorageError: a file cannot be read.
    """
    name = safe_file_name(title)
    rule = read_rule(folder)
    wanted = [
        (folder.keras_path, f"{name}.keras"),
        (folder.litert_path, f"{name}.tflite"),
        (folder.labels_path, _labels_name(name)),
    ]
    if rule.problem is None:
        wanted.append((folder.decision_path, DECISION_NAME))
        if Judge.of(folder, rule).rule.problem is None:
            wanted.append((folder.reference_path, REFERENCE_NAME))
    there = {path: file_name for path, file_name in wanted if path.is_file()}
    files = TakenFiles(
        keras=there.get(folder.keras_path),
        litert=there.get(folder.litert_path),
        labels=_labels_name(name),
        has_decision=folder.decision_path in there,
        has_reference=folder.reference_path in there,
    )
    try:
        readme = describe_files(title, read_model_record(folder), rule, files)
    except RunFileError as exc:
        readme = f"{exc}\n"
    return zip_of(list(there.items()), {README_NAME: readme})


def _labels_name(name: str) -> str:
    return f"{name} labels.txt"


def zip_of(files: list[tuple[Path, str]], texts: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """A zip of files, each under a name of its own, and of texts by name."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:  # weights are noise to a compressor
        for path, name in files:
            archive.write(path, name)
        for name, text in texts.items():
            archive.writestr(name, text)
    return target.getvalue()
