"""What is taken for what: the largest confusions, the matrix, and the photos behind each of its cells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import streamlit as st

from core.services import Services
from pages.results.charts import ACCENT, QUIET, WRONG, chart, literal, translucent
from pages.results.dataset_now import DatasetNow
from pages.results.material import Judged, Material
from pages.widgets.errors import guarded
from pages.widgets.photo_grid import GridPhoto, photo_grid
from pages.widgets.selection import render_selection_actions, selection_generation, trash_photos
from pages.words.wording import count, named, percent, plain, quoted

_CELL = "results.confusion.cell"  # (true, said) whose photos are shown
_PLACE = "results.confusion.place"  # what the chart reported last, so that an old click does not count twice
_SHOWN, _ONLY = "results.confusion.shown", "results.confusion.only"
_MOST, _ALL = "Most confused", "All classes"
_NUM_MOST = 12  # classes whose names and numbers can be read beside each other on a phone
_NUM_NUMBERED = 20  # classes up to which the cells have room for their numbers
_NUM_PAIRS = 8
_NUM_PHOTOS = 60
_EMPTY, _PALE, _STRONG = 0.07, 0.15, 0.95  # opacity of cells that hold none, few, or all photos of a class
_CELL_PX, _FRAME_PX, _MIN_SIDE_PX, _MAX_SIDE_PX = 44, 130, 380, 720
_WHITE_FROM = 0.5  # share from which on writing on a cell is white


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A class that is taken for another one."""

    true: int
    said: int
    number: int  # of photos
    share: float  # of the photos of the true class, 0-1


def largest_confusions(confusion: npt.NDArray[np.int64], limit: int = _NUM_PAIRS) -> list[Pair]:
    """The pairs that are mistaken most often, the most frequent first; ties in the order of the classes."""
    mistakes = confusion.copy()
    np.fill_diagonal(mistakes, 0)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    pairs = []
    for true, said in zip(*np.unravel_index(order, mistakes.shape), strict=True):
        number = int(mistakes[true, said])
        if number:
            share = number / int(confusion[true].sum())
            pairs.append(Pair(true=int(true), said=int(said), number=number, share=share))
    return pairs


def most_confused(confusion: npt.NDArray[np.int64], limit: int = _NUM_MOST) -> list[int]:
    """The classes with most mistakes, given or received, in the order of the classes; the first ones where none has."""
    mistakes = confusion.copy()
    np.fill_diagonal(mistakes, 0)
    order = np.argsort(-(mistakes.sum(axis=0) + mistakes.sum(axis=1)), kind="stable")[:limit]
    return sorted(order.tolist())


def render_confusion(material: Material, now: DatasetNow | None, services: Services) -> None:
    """Pairs, matrix, photos."""
    judged = material.judged
    if judged is None:
        return
    names = material.class_names
    _render_pairs(judged, names)
    shown = _render_filter(judged, names)
    figure = confusion_figure(judged.metrics.confusion, names, shown)
    with st.container(key="results-matrix"):
        clicked = chart(
            figure,
            key=f"results.confusion.chart.{material.view.id}.{judged.split}",
            file_name=f"{material.view.name} confusion",
            alt=f"Confusion matrix of {count(len(shown), 'class', 'classes')}; rows true, columns predicted.",
            on_select="rerun",
            selection_mode="points",
        )
    _note_click(clicked, (material.view.id, judged.split))
    _render_cell(material, judged, now, services)


def _render_pairs(judged: Judged, names: tuple[str, ...]) -> None:
    pairs = largest_confusions(judged.metrics.confusion)
    if not pairs:
        st.success("No class is taken for another one.", icon=":material/verified:")
        return
    st.markdown("**What it mixes up most**")
    with st.container(horizontal=True, gap="small"):
        for pair in pairs:
            st.button(
                f"{pair.number:,} × {plain(quoted(names[pair.true]))} → {plain(quoted(names[pair.said]))}",
                key=f"results.confusion.pair.{pair.true}.{pair.said}",
                help=f"{percent(pair.share)} of the photos of {plain(quoted(names[pair.true]))} are taken for "
                f"{plain(quoted(names[pair.said]))}.",
                on_click=guarded(_show_cell),
                args=(pair.true, pair.said),
            )


def _show_cell(true: int, said: int) -> None:
    st.session_state[_CELL] = (true, said)


def _render_filter(judged: Judged, names: tuple[str, ...]) -> list[int]:
    """The classes that the matrix has."""
    if len(names) <= _NUM_MOST:
        return list(range(len(names)))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.session_state.setdefault(_SHOWN, _MOST)
        choice = st.segmented_control(
            "Classes", [_MOST, _ALL], key=_SHOWN, required=True, label_visibility="collapsed", persist_state="session"
        )
        st.session_state[_ONLY] = [index for index in st.session_state.get(_ONLY, []) if index in range(len(names))]
        only = st.multiselect(
            "Only these classes",
            range(len(names)),
            key=_ONLY,
            format_func=names.__getitem__,
            placeholder="Or only these classes …",
            label_visibility="collapsed",
            persist_state="session",
            width=360,
        )
    if only:
        return sorted(only)
    return most_confused(judged.metrics.confusion) if choice == _MOST else list(range(len(names)))


def confusion_figure(confusion: npt.NDArray[np.int64], names: tuple[str, ...], shown: list[int]) -> go.Figure:
    """The matrix of some classes: rows true, columns predicted; a cell's colour is its share of its row.

    Plotly's heat maps report no clicks, so that an invisible point lies on every cell that holds photos.
    """
    cells = confusion[np.ix_(shown, shown)]
    support = confusion[shown].sum(axis=1, keepdims=True)
    shares = np.divide(cells, support, out=np.zeros(cells.shape), where=support > 0)
    is_right = np.eye(len(shown), dtype=bool)
    figure = go.Figure()
    for part, colour, least, most in (
        (cells == 0, QUIET, _EMPTY, _EMPTY),
        (is_right & (cells > 0), ACCENT, _PALE, _STRONG),
        (~is_right & (cells > 0), WRONG, _PALE, _STRONG),
    ):
        figure.add_heatmap(
            z=np.where(part, shares, np.nan),
            zmin=0,
            zmax=1,
            colorscale=[[0, translucent(colour, least)], [1, translucent(colour, most)]],
            showscale=False,
            xgap=2 if len(shown) <= _NUM_NUMBERED else 0,
            ygap=2 if len(shown) <= _NUM_NUMBERED else 0,
            hoverinfo="skip",
        )
    filled = np.argwhere(cells > 0)
    is_dark = shares[cells > 0] >= _WHITE_FROM
    shown_names = [names[index] for index in shown]
    _add_points(figure, filled[~is_dark], cells, shares, names=shown_names, shown=shown, colour=None)
    _add_points(figure, filled[is_dark], cells, shares, names=shown_names, shown=shown, colour="#ffffff")
    side = _CELL_PX * len(shown) + _FRAME_PX if len(shown) <= _NUM_NUMBERED else _MAX_SIDE_PX
    ticks = {
        "tickvals": list(range(len(shown))) if len(shown) <= 2 * _NUM_NUMBERED else [],
        "ticktext": [literal(names[index], 18) for index in shown],
        "showgrid": False,
        "zeroline": False,
        "range": [-0.5, len(shown) - 0.5],
        "constrain": "domain",
        "ticks": "",
    }
    figure.update_layout(
        height=max(_MIN_SIDE_PX, min(side, _MAX_SIDE_PX)),
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        hovermode="closest",
        hoverdistance=60,  # a click anywhere in a cell means its point
        clickmode="event+select",
        xaxis={"title": "it said", **ticks, "constraintoward": "left"},
        yaxis={
            "title": "it is",
            **ticks,
            "range": [len(shown) - 0.5, -0.5],
            "scaleanchor": "x",  # square cells
            "constraintoward": "top",
        },
        showlegend=False,
    )
    return figure


def _add_points(
    figure: go.Figure,
    places: npt.NDArray[np.int64],
    cells: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
    *,
    names: list[str],
    shown: list[int],
    colour: str | None,
) -> None:
    is_numbered = len(shown) <= _NUM_NUMBERED
    rows, columns = places[:, 0].tolist(), places[:, 1].tolist()
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers+text" if is_numbered else "markers",
        text=[f"{cells[row, column]:,}" for row, column in zip(rows, columns, strict=True)],
        textfont={"size": 14} if colour is None else {"size": 14, "color": colour},
        marker={"size": 22 if is_numbered else 6, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}, "textfont": {} if colour is None else {"color": colour}},
        customdata=[[shown[row], shown[column]] for row, column in zip(rows, columns, strict=True)],
        hovertext=[
            f"{cells[row, column]:,} of {quoted(literal(names[row]))}, "
            f"{percent(float(shares[row, column]))} of its photos,<br>"
            + ("✓ rightly called so" if row == column else f"✗ taken for {quoted(literal(names[column]))}")
            for row, column in zip(rows, columns, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _note_click(reported: Any, of: object) -> None:
    """Take over the cell that was clicked since the last run of the page."""
    points = reported.get("selection", {}).get("points", []) if hasattr(reported, "get") else []
    place = next((tuple(point["customdata"]) for point in points if point.get("customdata")), None)
    if place is None or st.session_state.get(_PLACE) == (of, place):
        return
    st.session_state[_PLACE] = (of, place)
    st.session_state[_CELL] = (int(place[0]), int(place[1]))


def _render_cell(material: Material, judged: Judged, now: DatasetNow | None, services: Services) -> None:
    cell = st.session_state.get(_CELL)
    names = material.class_names
    if cell is None or max(cell) >= len(names):
        st.caption("Click a cell, or a pair above, to see its photos.")
        return
    true, said = cell
    answers = judged.answers
    places = np.flatnonzero((answers.class_indices == true) & (answers.predicted == said))
    places = places[np.argsort(-judged.confidences[places], kind="stable")]
    what = f"{named(names[true])} "
    what += "recognised" if true == said else f"taken for {named(names[said])}"
    st.markdown(f"#### {count(len(places), 'photo')} of {what}")
    if not len(places):
        return
    photos = [_grid_photo(judged, int(place), material, now) for place in places[:_NUM_PHOTOS]]
    actions = st.container()
    can_act = now is not None and all(photo.image_id > 0 for photo in photos)
    selected = photo_grid(
        photos,
        size_px=140,
        key="results.confusion.grid",
        generation=selection_generation(),
        on_delete=trash_photos(services) if can_act else None,
        label=f"Photos of {quoted(names[true])}",
    )
    if now is not None and can_act:
        with actions:
            render_selection_actions(list(selected), list(now.classes), services, key="results")
    if len(places) > _NUM_PHOTOS:
        st.caption(f"The {_NUM_PHOTOS} most confident of {len(places):,}.")


def _grid_photo(judged: Judged, place: int, material: Material, now: DatasetNow | None) -> GridPhoto:
    photo_hash = judged.answers.hashes[place]
    class_name = material.class_names[judged.answers.class_indices[place]]
    image = None if now is None else now.find(photo_hash, class_name)
    sure = f"{percent(float(judged.confidences[place]))} sure"
    if image is None:
        return GridPhoto(image_id=-1 - place, photo_hash=photo_hash, name=photo_hash[:12], caption=sure)
    facts = [sure, "in the trash"] if image.trashed_at is not None else [sure]
    return GridPhoto(image_id=image.id, photo_hash=photo_hash, name=image.name, caption=" · ".join(facts))
