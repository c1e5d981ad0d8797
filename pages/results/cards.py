"""A photo with what the model says to it, why, and what it has learned from that looks alike, as HTML."""

import html
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import streamlit as st

from core.services import Services
from pages.results.material import Material
from pages.server.heat_route import heat_url
from pages.server.photo_routes import routes_prefix
from pages.words.wording import quoted

_PHOTO_PX, _NEAR_PX = 512, 128

_FIGURE = "<figure>{picture}<figcaption>{caption}</figcaption></figure>"
_PICTURE = '<img src="{source}" alt="{alt}" loading="lazy">'
_MISSING = (
    '<div class="bluetit-missing" role="img" aria-label="{alt}">This photo is not in the workspace any more.</div>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A photo, or its heat map, with a line below it."""

    photo_hash: str
    caption: str
    heat_of: int | None = None  # class whose evidence is laid over it; None: the photo itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is told of a photo; all texts are shown letter by letter, but for `said`."""

    pictures: tuple[Picture, ...]
    said: str  # HTML: made by `emphasised`
    facts: tuple[str, ...] = ()
    near_title: str = ""
    near: tuple[Picture, ...] = ()


def emphasised(template: str, *names: str) -> str:
    """HTML of a sentence with names of classes in bold and quotation marks, whatever letters they have.

    Args:
        template: with `{}` for each name.
        names: as they come.
    """
    return html.escape(template).format(*(f"<strong>{html.escape(quoted(name))}</strong>" for name in names))


def render_card(card: Card, material: Material, missing: Collection[str]) -> None:
    """Show a card.

    Args:
        card: what to show.
        material: of the run whose heat maps are shown.
        missing: photos whose files are gone: a placeholder stands for them.
    """
    pictures = "".join(_figure(each, material, missing, _PHOTO_PX) for each in card.pictures)
    facts = "".join(f"<p>{html.escape(fact)}</p>" for fact in card.facts)
    near = ""
    if card.near:
        figures = "".join(_figure(each, material, missing, _NEAR_PX) for each in card.near)
        near = f'<p class="bluetit-case-title">{html.escape(card.near_title)}</p>'
        near += f'<div class="bluetit-case-near">{figures}</div>'
    st.html(
        f'<div class="bluetit-case"><div class="bluetit-case-pictures">{pictures}</div>'
        f'<div class="bluetit-case-words"><p class="bluetit-case-said">{card.said}</p>{facts}{near}</div></div>'
    )


def render_pictures(pictures: Sequence[Picture], material: Material, missing: Collection[str]) -> None:
    """Some pictures beside each other."""
    figures = "".join(_figure(each, material, missing, _PHOTO_PX) for each in pictures)
    st.html(f'<div class="bluetit-case-pictures bluetit-case-row">{figures}</div>')


def find_missing(hashes: Collection[str], services: Services) -> set[str]:
    """Photos of these whose files are gone."""
    known = services.library.photos.get(set(hashes))
    return {each for each in hashes if each not in known or not services.photo_store.has(each, known[each].suffix)}


def hashes_of(cards: Sequence[Card]) -> set[str]:
    """Every photo that these cards show."""
    return {picture.photo_hash for card in cards for picture in (*card.pictures, *card.near)}


def _figure(picture: Picture, material: Material, missing: Collection[str], side_px: int) -> str:
    caption = html.escape(picture.caption)
    if picture.photo_hash in missing:
        shown = _MISSING.format(alt=caption)
    elif picture.heat_of is None:
        source = f"{routes_prefix()}/photos/{picture.photo_hash}/{side_px}.jpg"
        shown = _PICTURE.format(source=html.escape(source), alt=caption)
    elif material.record is None:
        return ""
    else:
        source = heat_url(material.view.id, material.record.fingerprint, picture.heat_of, picture.photo_hash)
        shown = _PICTURE.format(source=html.escape(source), alt=caption)
    return _FIGURE.format(picture=shown, caption=caption)
