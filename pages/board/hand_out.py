"""Handing out: what, to whom, and how far that is."""

from dataclasses import dataclass

import streamlit as st

from core.errors import NotLetInError
from core.runs.records import RunStatus
from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.handing_out import HandOutView
from core.spaces.records import SpaceKind, SpaceView
from core.storage.schema import HOME_SPACE_ID
from pages.server.class_role import is_at_host
from pages.widgets.errors import guarded, show_error
from pages.words.wording import count, plain

_CLASS, _HOME = "In this class", "On this computer, without a class"
_GIVER, _DATASET, _RUNS, _WHOM, _NEWCOMERS = (
    f"board.hand_out.{name}" for name in ("giver", "dataset", "runs", "whom", "newcomers")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """What somebody has that can be handed out, by number."""

    datasets: dict[int, str]
    runs: dict[int, str]


def render_hand_out(teacher: SpaceView, classroom: ClassroomView, services: Services) -> None:
    """The choice, and what was handed out before."""
    shelves = {
        name: shelf
        for name, space_id in _givers(teacher).items()
        if (shelf := _shelf_of(services.of_space(space_id))).datasets or shelf.runs
    }
    if not shelves:
        st.markdown("Make a dataset or a model first, on the pages Dataset and Train. Then give copies of it here.")
        return
    st.markdown("Each pupil gets a copy to change as they like. Yours stays as it is.")
    giver = next(iter(shelves))
    if len(shelves) > 1:
        giver = st.selectbox("Made", list(shelves), key=_GIVER)
    _render_choice(shelves[giver], f"{_DATASET}.{giver}", f"{_RUNS}.{giver}")
    pupils = {
        space.id: space.name for space in services.spaces.of_classroom(classroom.id) if space.kind is SpaceKind.PUPIL
    }
    st.multiselect("To", list(pupils), key=_WHOM, format_func=pupils.__getitem__, placeholder="Everybody")
    st.checkbox("And to everybody who comes in later", key=_NEWCOMERS)
    st.button(
        "Hand out",
        key="board.hand_out",
        icon=":material/share:",
        type="primary",
        on_click=guarded(_hand_out),
        args=(classroom, services, giver),
    )
    st.fragment(_render_handed_out, run_every=2.0)(classroom, services)


def _givers(teacher: SpaceView) -> dict[str, int]:
    """Whose things can be handed out: the teacher's, and at the computer itself those that were made on it alone."""
    return {_CLASS: teacher.id, **({_HOME: HOME_SPACE_ID} if is_at_host() else {})}


def _shelf_of(own: Services) -> _Shelf:
    return _Shelf(
        datasets={dataset.id: dataset.name for dataset in own.library.datasets.all()},
        runs={view.id: view.name for view in own.runs.list_runs() if view.status is RunStatus.DONE},
    )


def _render_choice(shelf: _Shelf, dataset_key: str, runs_key: str) -> None:
    names = {None: "None", **shelf.datasets}
    st.selectbox("Dataset", list(names), key=dataset_key, format_func=names.__getitem__)
    if shelf.runs:
        st.multiselect("Models", list(shelf.runs), key=runs_key, format_func=shelf.runs.__getitem__, placeholder="None")


def _hand_out(classroom: ClassroomView, services: Services, giver: str) -> None:
    if giver == _HOME and not is_at_host():
        raise NotLetInError("What was made on the computer of the class can be handed out at that computer alone.")
    state = st.session_state
    services.hand_outs.hand_out(
        classroom.id,
        dataset_id=state.get(f"{_DATASET}.{giver}"),
        run_ids=state.get(f"{_RUNS}.{giver}") or (),
        receiver_ids=state.get(_WHOM) or None,
        is_for_newcomers=bool(state.get(_NEWCOMERS)),
        is_from_home=giver == _HOME,
    )


def _render_handed_out(classroom: ClassroomView, services: Services) -> None:
    for view in services.hand_outs.of_classroom(classroom.id):
        st.markdown(f"**{plain(view.title)}**: {_standing(view)}")
        if view.error:
            show_error(view.error)
            st.button(
                "Try again",
                key=f"board.hand_out.again.{view.id}",
                on_click=guarded(services.hand_outs.try_again),
                args=(view.id,),
            )
        if view.is_for_newcomers:
            st.button(
                "Not to newcomers any more",
                key=f"board.hand_out.stop.{view.id}",
                type="tertiary",
                on_click=guarded(services.hand_outs.stop_for_newcomers),
                args=(view.id,),
            )


def _standing(view: HandOutView) -> str:
    if view.is_under_way:
        return f"{view.num_copied} of {count(view.num_receivers, 'pupil')} have it so far"
    has = f"{count(view.num_receivers, 'pupil')} have it" if view.num_receivers != 1 else "1 pupil has it"
    return f"{has}, and everybody who comes" if view.is_for_newcomers else has
