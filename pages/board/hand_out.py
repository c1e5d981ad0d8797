"""Handing out: what, to whom, and how far that is."""

import streamlit as st

from core.runs.records import RunStatus
from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.handing_out import HandOutView
from core.spaces.records import SpaceKind, SpaceView
from pages.widgets.errors import guarded, show_error
from pages.words.wording import count, plain

_DATASET, _RUNS, _WHOM, _NEWCOMERS = (f"board.hand_out.{name}" for name in ("dataset", "runs", "whom", "newcomers"))


def render_hand_out(teacher: SpaceView, classroom: ClassroomView, services: Services) -> None:
    """The choice, and what was handed out before."""
    own = services.of_space(teacher.id)
    datasets = {dataset.id: dataset.name for dataset in own.library.datasets.all()}
    runs = {view.id: view.name for view in own.runs.list_runs() if view.status is RunStatus.DONE}
    if not (datasets or runs):
        st.markdown("Make a dataset or a model first, on the pages Dataset and Train. Then give copies of it here.")
        return
    st.markdown("Each pupil gets a copy to change as they like. Yours stays as it is.")
    st.selectbox(
        "Dataset", [None, *datasets], key=_DATASET, format_func=lambda each: "None" if each is None else datasets[each]
    )
    if runs:
        st.multiselect("Models", list(runs), key=_RUNS, format_func=runs.__getitem__, placeholder="None")
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
        args=(classroom, services),
    )
    st.fragment(_render_handed_out, run_every=2.0)(classroom, services)


def _hand_out(classroom: ClassroomView, services: Services) -> None:
    state = st.session_state
    services.hand_outs.hand_out(
        classroom.id,
        dataset_id=state.get(_DATASET),
        run_ids=state.get(_RUNS) or (),
        receiver_ids=state.get(_WHOM) or None,
        is_for_newcomers=bool(state.get(_NEWCOMERS)),
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
