"""Putting photos right on the spot: another class, the trash, "it is right", "unsure"; each can be taken back."""

from dataclasses import dataclass

import streamlit as st

from core.datasets.records import ImageView, Review
from core.errors import DatasetError
from core.services import Services
from pages.results.dataset_now import DatasetNow
from pages.widgets.errors import guarded
from pages.words.wording import named, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A photo that a person is asked about."""

    photo_hash: str
    class_name: str  # that it had when the run began
    likely: tuple[str, ...]  # classes that it may rather be, likeliest first


def what_was_done(image: ImageView, doubt: Doubt, now: DatasetNow) -> str | None:
    """What somebody has decided about a photo since the run began, as Markdown; None where nobody has."""
    if image.trashed_at is not None:
        return ":material/delete: In the trash"
    class_name = now.class_name(image)
    if class_name != now.name_now(doubt.class_name):
        return f":material/drive_file_move: Moved to {named(class_name)}"
    if image.review is Review.UNSURE:
        return ":material/help: Unsure: no training uses it"
    if image.review is Review.RIGHT:
        return ":material/verified: You said: it is right"
    return None


def render_corrections(doubt: Doubt, now: DatasetNow | None, services: Services, *, key: str) -> None:
    """The buttons below a photo, or what was decided and the way back.

    Args:
        doubt: the photo.
        now: its dataset; None where it was deleted: then there is nothing to press.
        services: the open services.
        key: tells the places apart where one photo is asked about.
    """
    if now is None:
        return
    key = f"results.{key}.{doubt.photo_hash}"
    image = now.find(doubt.photo_hash, doubt.class_name)
    if image is None:
        st.caption("This photo is not in the dataset any more.")
        return
    done = what_was_done(image, doubt, now)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if done is not None:
            st.markdown(done, width="content")
            st.button(
                "Take it back",
                key=f"{key}.back",
                icon=":material/undo:",
                type="tertiary",
                on_click=guarded(take_back),
                args=(image, doubt, now, services),
            )
            return
        _render_choices(image, doubt, now, services, key=key)


def _render_choices(image: ImageView, doubt: Doubt, now: DatasetNow, services: Services, *, key: str) -> None:
    library = services.library
    names = {view.id: view.name for view in now.classes if view.id != image.class_id}
    rank = {now.name_now(name): number for number, name in enumerate(doubt.likely)}
    ordered = sorted(names, key=lambda class_id: rank.get(names[class_id], len(rank)))
    st.menu_button(
        "Relabel",
        ordered,
        format_func=lambda class_id: plain(names[class_id]),
        icon=":material/drive_file_move:",
        key=f"{key}.relabel",
        disabled=not ordered,
        help="It is in the wrong class: move it to another one.",
        on_click=guarded(lambda: library.images.move([image.id], st.session_state[f"{key}.relabel"])),
    )
    st.button(
        "Trash",
        icon=":material/delete:",
        key=f"{key}.trash",
        help="It belongs in no class.",
        on_click=guarded(library.images.trash),
        args=([image.id],),
    )
    st.button(
        "It is right",
        icon=":material/verified:",
        key=f"{key}.right",
        help="Its class is right: the model is wrong. It is not asked about again.",
        on_click=guarded(library.images.set_review),
        args=([image.id], Review.RIGHT),
    )
    st.button(
        "Unsure",
        icon=":material/help:",
        key=f"{key}.unsure",
        help="Nobody can tell: it stays in the dataset, but no training uses it.",
        on_click=guarded(library.images.set_review),
        args=([image.id], Review.UNSURE),
    )


def take_back(image: ImageView, doubt: Doubt, now: DatasetNow, services: Services) -> None:
    """Undo what was decided about a photo, by whomever and however long ago.

    Raises:
        DatasetError: the class that it had is gone.
        UnknownDatasetError: the photo or its dataset is gone.
    """
    library = services.library
    class_id = now.class_id(doubt.class_name)
    if image.trashed_at is not None:
        library.images.restore([image.id])
    elif class_id is None:
        raise DatasetError(f"The class “{doubt.class_name}” is not there any more. Bring it back on the Dataset page.")
    elif class_id != image.class_id:
        library.images.move([image.id], class_id)
    else:
        library.images.set_review([image.id], None)
