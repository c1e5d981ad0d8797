"""What the model looks at: whether it takes a shortcut, and the heat map of any photo for any class."""

import numpy as np
import streamlit as st

from core.evaluation.examination import ClassShortcut
from core.inference.temperature import calibrated
from core.services import Services
from pages.results.cards import Picture, find_missing, render_pictures
from pages.results.dataset_now import DatasetNow
from pages.results.material import Judged, Material
from pages.results.pager import render_pager
from pages.widgets.photo_grid import GridPhoto, photo_grid
from pages.words.wording import count, named, percent, quoted, share_text, verdict

_PER_PAGE, _NUM_EXAMPLES = 8, 4
_PAGE = "results.why.page"
_CLASS, _FOR, _PHOTO_PAGE = "results.why.class", "results.why.for", "results.why.photo_page"
_PHOTOS_PER_PAGE = 24
_LIKELIEST = -1  # in place of a class: those that the model thinks likeliest
_NUM_LIKELIEST = 2  # classes whose maps are shown without being asked for


def render_why(material: Material, now: DatasetNow | None, services: Services) -> None:
    """The shortcut check by class, then any photo."""
    _render_shortcuts(material, services)
    if material.judged is not None and material.record is not None:
        st.divider()
        st.markdown("#### Where does it look on a photo?")
        _render_any_photo(material.judged, material, now, services)


def _render_shortcuts(material: Material, services: Services) -> None:
    st.markdown("#### Does it look at the thing itself?")
    if material.examination is None:
        st.caption("This is known once the model has been looked at closely.")
        return
    shortcuts = sorted(material.examination.shortcuts, key=lambda each: not each.is_suspected)
    if not shortcuts:
        st.info("There was no right answer that could be looked into.", icon=":material/help:")
        return
    num_suspected = sum(each.is_suspected for each in shortcuts)
    if num_suspected:
        st.warning(
            f"For {count(num_suspected, 'class', 'classes')} it may look at something that happens to be on the "
            "photos: a background, a frame, a mark. Look at the examples, and collect photos without it.",
            icon=":material/visibility:",
        )
    else:
        st.success("Nothing speaks for a shortcut.", icon=":material/verified:")
    st.caption(
        "The region that speaks most for the answer was blanked on photos that it gets right, and then everything "
        "else was; each time it was asked again."
    )
    shown = shortcuts[render_pager(len(shortcuts), per_page=_PER_PAGE, key=_PAGE)]
    missing = find_missing({photo for each in shown for photo in each.examples[:_NUM_EXAMPLES]}, services)
    for shortcut in shown:
        with st.container(border=True, key=f"results-shortcut-{shortcut.class_index}"):
            name = material.class_names[shortcut.class_index]
            st.markdown(f"{named(name)}: {describe_shortcut(shortcut)}")
            pictures = [
                Picture(photo_hash=photo, caption=f"Why {quoted(name)}", heat_of=shortcut.class_index)
                for photo in shortcut.examples[:_NUM_EXAMPLES]
            ]
            if pictures and material.record is not None:
                render_pictures(pictures, material, missing)


def describe_shortcut(shortcut: ClassShortcut) -> str:
    """What the check found out about a class, in words."""
    without, only = shortcut.survives_without_warmest, shortcut.survives_only_warmest
    told = (
        f"of {count(shortcut.num_photos, 'right answer')}, {share_text(without)} stay when the warmest region is "
        f"blanked, {share_text(only)} when only that region is left."
    )
    if not shortcut.is_suspected:
        return told
    if shortcut.has_same_look:
        return (
            f"{told} All its photos look the same {_place_text(shortcut.place)}, and those of other classes do not: "
            "that gives the class away."
        )
    return (
        f"{told} On {share_text(shortcut.same_place)} of the photos that region is at the same place, "
        f"{_place_text(shortcut.place)}: it may look at something that gives the class away."
    )


def _place_text(place: tuple[float, float]) -> str:
    """A place on a photo, row and column 0-1, in words."""
    row, column = (0 if value < 1 / 3 else 2 if value > 2 / 3 else 1 for value in place)
    if row == column == 1:
        return "in the middle"
    vertical, horizontal = ("top", "", "bottom")[row], ("left", "", "right")[column]
    return f"at the {' '.join(filter(None, (vertical, horizontal)))}"


def _render_any_photo(judged: Judged, material: Material, now: DatasetNow | None, services: Services) -> None:
    names, answers = material.class_names, judged.answers
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if st.session_state.get(_CLASS) not in range(len(names)):
            st.session_state[_CLASS] = 0
        true = st.selectbox(
            "Photos of",
            range(len(names)),
            key=_CLASS,
            format_func=names.__getitem__,
            width=240,
            persist_state="session",
        )
        places = np.flatnonzero(answers.class_indices == true)
        places = places[np.argsort(answers.is_correct[places], kind="stable")]  # mistakes first
        places = places[render_pager(len(places), per_page=_PHOTOS_PER_PAGE, key=_PHOTO_PAGE)]
        if st.session_state.get(_FOR) not in range(len(names)):
            st.session_state[_FOR] = _LIKELIEST
        wanted = st.selectbox(
            "What speaks for",
            [_LIKELIEST, *range(len(names))],
            key=_FOR,
            format_func=lambda index: "its likeliest classes" if index == _LIKELIEST else names[index],
            width=240,
            persist_state="session",
        )
    if not len(places):
        st.info("There are no photos of this class in this split.", icon=":material/help:")
        return
    above = st.container()
    photos = [_grid_photo(judged, int(place), names, now) for place in places]
    selected = photo_grid(photos, size_px=96, key=f"results.why.grid.{judged.split}", label="Photos")
    place = selected[0] if selected else int(places[0])
    with above:
        _render_heat(judged, place, wanted, material, services)


def _render_heat(judged: Judged, place: int, wanted: int, material: Material, services: Services) -> None:
    names = material.class_names
    probabilities = calibrated(judged.answers.probabilities[place], judged.temperature)
    photo_hash = judged.answers.hashes[place]
    likeliest = np.argsort(-probabilities, kind="stable")[:_NUM_LIKELIEST].tolist()
    classes = likeliest if wanted == _LIKELIEST else [wanted]
    pictures = [Picture(photo_hash=photo_hash, caption="The photo")]
    pictures += [
        Picture(
            photo_hash=photo_hash,
            caption=f"Why {quoted(names[index])} ({percent(float(probabilities[index]))})",
            heat_of=index,
        )
        for index in classes
    ]
    render_pictures(pictures, material, find_missing({photo_hash}, services))
    st.caption("Choose another photo below; the first ones are those that it gets wrong.")


def _grid_photo(judged: Judged, place: int, names: tuple[str, ...], now: DatasetNow | None) -> GridPhoto:
    photo_hash = judged.answers.hashes[place]
    said = names[judged.answers.predicted[place]]
    is_right = bool(judged.answers.is_correct[place])
    caption = verdict(is_right=True) if is_right else f"✗ it said {quoted(said)}"
    name = photo_hash[:12] if now is None else now.name(photo_hash)
    return GridPhoto(image_id=place, photo_hash=photo_hash, name=name, caption=caption)
