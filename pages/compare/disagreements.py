"""The photos to which two models say different classes, with both answers and where each of them looked."""

import html
from collections.abc import Callable

import streamlit as st

from core.evaluation.comparison import CommonPhoto, Comparison, Said
from pages.compare.entrants import Entrant
from pages.server.heat_route import heat_url
from pages.server.photo_routes import routes_prefix
from pages.words.wording import count, percent, quoted, verdict

_PHOTOS_PER_PAGE = 6
_SIDE_PX = 256

_KINDS: dict[str, Callable[[CommonPhoto], bool]] = {
    "All": lambda photo: True,
    "Only A right": lambda photo: photo.first.is_right,
    "Only B right": lambda photo: photo.second.is_right,
    "Both wrong": lambda photo: not photo.first.is_right and not photo.second.is_right,
}


def render_disagreements(comparison: Comparison, first: Entrant, second: Entrant) -> None:
    """A handful of them at a time; heat maps when asked for."""
    disputed = sorted((photo for photo in comparison.photos if photo.is_disputed), key=_certainty, reverse=True)
    st.subheader(f"Where they disagree: {count(len(disputed), 'photo')}", anchor=False)
    if not disputed:
        st.caption("Both say the same to every photo.")
        return
    counts = {kind: sum(map(fits, disputed)) for kind, fits in _KINDS.items()}
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = st.segmented_control(
            "Which",
            list(_KINDS),
            default="All",
            required=True,
            key="compare.disputed.kind",
            label_visibility="collapsed",
            format_func=lambda name: f"{name} ({counts[name]})",
        )
        is_explained = st.toggle(
            "Where did they look?",
            key="compare.disputed.heat",
            help="Heat maps: the brighter a place, the more it speaks for the answer.",
        )
    shown = [photo for photo in disputed if _KINDS[kind](photo)]
    num_pages = -(-len(shown) // _PHOTOS_PER_PAGE)
    page = st.pagination(num_pages, key=f"compare.disputed.page.{kind}") if num_pages > 1 else 1
    some = shown[(page - 1) * _PHOTOS_PER_PAGE : page * _PHOTOS_PER_PAGE]
    if not some:
        st.caption("There are none of these.")
        return
    cards = "".join(_card(photo, first, second, is_explained=is_explained) for photo in some)
    st.html(f'<div class="bluetit-disputed">{cards}</div>')
    if is_explained and (first.run is None or second.run is None):
        st.caption("There are no heat maps of plain networks here: an answer of theirs is a sum over many classes.")


def _certainty(photo: CommonPhoto) -> float:
    """How sure of themselves the two contradict each other: the clearest first."""
    return min(photo.first.probability, photo.second.probability)


def _card(photo: CommonPhoto, first: Entrant, second: Entrant, *, is_explained: bool) -> str:
    """One photo as HTML; all names are shown letter by letter."""
    source = html.escape(f"{routes_prefix()}/photos/{photo.photo_hash}/{_SIDE_PX}.jpg")
    pictures = [
        f'<figure><img src="{source}" alt="" loading="lazy"><figcaption>It is {_strong(quoted(photo.class_name))}'
    ]
    if is_explained:
        pictures += [
            _heat(photo, entrant, said, letter)
            for letter, entrant, said in (("A", first, photo.first), ("B", second, photo.second))
            if entrant.run is not None
        ]
    answers = _answer("A", first, photo.first) + _answer("B", second, photo.second)
    figures = "".join(f"{picture}</figcaption></figure>" for picture in pictures)
    return f'<article><div class="bluetit-disputed-pictures">{figures}</div><ul>{answers}</ul></article>'


def _heat(photo: CommonPhoto, entrant: Entrant, said: Said, letter: str) -> str:
    if entrant.run is None:
        return ""
    url = html.escape(heat_url(entrant.run.id, entrant.fingerprint, said.class_index, photo.photo_hash))
    alt = html.escape(f"What speaks for {quoted(said.class_name)}, as {entrant.title} sees it")
    return (
        f'<figure><img src="{url}" alt="{alt}" loading="lazy"><figcaption>{letter}: {_strong(quoted(said.class_name))}'
    )


def _answer(letter: str, entrant: Entrant, said: Said) -> str:
    state = "right" if said.is_right else "wrong"
    return (
        f'<li class="bluetit-said-{state}"><span><b>{letter}</b> {html.escape(entrant.title)}</span>'
        f'<span class="bluetit-disputed-said"><strong>{html.escape(quoted(said.class_name))} '
        f"{percent(said.probability)}</strong> "
        f'<span class="bluetit-verdict">{verdict(is_right=said.is_right)}</span></span></li>'
    )


def _strong(text: str) -> str:
    return f"<b>{html.escape(text)}</b>"
