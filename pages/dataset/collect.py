"""The section where photos come in: a class to choose, and the ways in."""

import streamlit as st

from core.datasets.pile import PILE_NAME, is_pile
from core.datasets.records import ClassView, DatasetView
from core.services import Services
from pages.dataset.no_photos import render_first_class_hint
from pages.dataset.samples import render_samples
from pages.dataset.ways_in.camera import render_camera
from pages.dataset.ways_in.phone import render_phone
from pages.dataset.ways_in.photos import render_photos
from pages.dataset.ways_in.public_sources import render_public_sources
from pages.dataset.ways_in.sorted_photos import render_sorted_photos
from pages.dataset.ways_in.submitting import submit
from pages.dataset.ways_in.web_links import render_web_links
from pages.widgets.errors import guarded
from pages.words.wording import plain

_TARGET = "dataset.collect.target"
_NEW_CLASS = "dataset.collect.new_class"


def render_collect(dataset: DatasetView, services: Services) -> None:
    """Choose a class, then a way in; sources with class folders of their own need no choice."""
    target = _render_target(dataset, services)
    photos, camera, phone, sorted_ones, link, public, samples = st.tabs(
        [
            ":material/upload: Photos",
            ":material/photo_camera: Camera",
            ":material/qr_code_2: Phone",
            ":material/folder: Folder or archive",
            ":material/link: Link",
            ":material/public: Public sources",
            ":material/brush: Samples",
        ]
    )
    with photos:
        if _has_target(target):
            render_photos(dataset, target, services)
    with camera:
        if _has_target(target):
            render_camera(dataset, target, services)
    with phone:
        if _has_target(target):
            render_phone(dataset, target, services)
    with sorted_ones:
        render_sorted_photos(dataset, services)
    with link:
        render_web_links(dataset, target, services)
    with public:
        render_public_sources(dataset, target, services)
    with samples:
        _render_samples(dataset, services)


def _render_target(dataset: DatasetView, services: Services) -> ClassView | None:
    classes = {view.id: view for view in services.library.classes.of(dataset.id)}
    if st.session_state.get(_TARGET) not in classes:
        st.session_state[_TARGET] = next(iter(classes), None)
    choice, new = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    with choice:
        if classes:
            st.pills(
                "Into which class?",
                list(classes),
                key=_TARGET,
                required=True,
                format_func=lambda class_id: f"{plain(classes[class_id].name)} · {classes[class_id].num_images:,}",
                wrap=True,
            )
        else:
            render_first_class_hint(dataset, services)
    form = new.form("dataset.collect.class_form", border=False, clear_on_submit=True)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("New class", key=_NEW_CLASS, placeholder="blue tit")
        st.form_submit_button(
            "Add class", icon=":material/add:", on_click=guarded(_add_class), args=(dataset, services)
        )
    if not any(is_pile(view.name) for view in classes.values()):
        st.button(
            "My photos are not sorted yet",
            icon=":material/inventory_2:",
            type="tertiary",
            key="dataset.collect.pile",
            help=f"Makes a class “{PILE_NAME}” for them. No training uses them there; under Sort you put them into "
            "classes, many at a time.",
            on_click=guarded(_add_pile),
            args=(dataset, services),
        )
    return classes.get(st.session_state.get(_TARGET))


def _add_pile(dataset: DatasetView, services: Services) -> None:
    st.session_state[_TARGET] = services.library.classes.create(dataset.id, PILE_NAME).id


def _add_class(dataset: DatasetView, services: Services) -> None:
    if not st.session_state[_NEW_CLASS].strip():
        return  # the second half of a double click: the first has made the class and emptied the box
    created = services.library.classes.create(dataset.id, st.session_state[_NEW_CLASS])
    st.session_state[_TARGET] = created.id


def _has_target(target: ClassView | None) -> bool:
    if target is None:
        st.info("Add a class first; its photos go here.", icon=":material/label:")
    return target is not None


def _render_samples(dataset: DatasetView, services: Services) -> None:
    st.caption("These need no network and bring their own classes.")
    render_samples(
        "dataset.collect.samples",
        dataset.num_images,  # another seed each time: the same birds again would be copies
        lambda title, source: submit(services, dataset, source, title=title, target=None),
    )
