"""Looking at a pupil's results, read only: the pupil sees that somebody looks, and nothing can be changed."""

import streamlit as st

from core.evaluation.answers import RunAnswers, read_answers
from core.evaluation.metrics import confusion_matrix
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.records import SpaceKind, SpaceView
from pages.widgets.errors import guarded, showing_errors
from pages.words.standing import STATUS_WORDS, best_score
from pages.words.wording import count, percent, plain, quoted, range_text, share_text
from pages.words.worth import caution

_LOOKED_AT, _RUN = "board.looked_at", "board.look.run"
_SIGN_SECONDS = 8.0  # from one sign that the teacher looks to the next
_MAX_MISTAKES = 12
_THUMBNAIL_PX = 256


def begin_look(space_id: int, services: Services) -> None:
    """Open a pupil's results in place of the board."""
    services.notices.note_look(space_id)
    st.session_state[_LOOKED_AT] = space_id


def looked_at(services: Services, classroom: ClassroomView) -> SpaceView | None:
    """Whose results are looked at; None: nobody's, or whose were is not in the class any more."""
    space_id = st.session_state.get(_LOOKED_AT)
    pupils = {each.id: each for each in services.spaces.of_classroom(classroom.id) if each.kind is SpaceKind.PUPIL}
    return pupils.get(space_id) if isinstance(space_id, int) else None


def render_look(pupil: SpaceView, services: Services) -> None:
    """What a pupil's models have come to."""
    theirs = services.looking_at(pupil.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.button("Back to the class", icon=":material/arrow_back:", on_click=guarded(_end), args=(pupil, services))
        st.markdown(f"### {plain(pupil.name)}", width="content")
        st.badge("they see that you are looking", icon=":material/visibility:", color="blue")
    st.fragment(_sign, run_every=_SIGN_SECONDS)(pupil, services)
    datasets = theirs.library.datasets.all()
    told = ", ".join(f"{plain(each.name)} ({count(each.num_images, 'photo')})" for each in datasets)
    st.markdown(f"Datasets: {told or 'none yet'}")
    views = {view.id: view for view in theirs.runs.list_runs()}
    if not views:
        st.info("No model yet.", icon=":material/model_training:")
        return
    run_id = st.selectbox("Run", list(views), key=_RUN, format_func=lambda each: _title(views[each]))
    view = views[run_id]
    if view.status is RunStatus.DONE:
        with showing_errors():
            _render_model(view, read_answers(RunFolder(theirs.settings, view.id)), theirs)
    else:
        st.info(f"This run is {STATUS_WORDS[view.status][0]}.", icon=":material/hourglass_empty:")


def _sign(pupil: SpaceView, services: Services) -> None:
    services.notices.note_look(pupil.id)


def _end(pupil: SpaceView, services: Services) -> None:
    st.session_state.pop(_LOOKED_AT, None)
    services.notices.end_look(pupil.id)


def _title(view: RunView) -> str:
    score = best_score(view)
    told = STATUS_WORDS[view.status][0] if score is None else f"{share_text(score.accuracy)} right"
    return f"{view.name} · {told}"


def _render_model(view: RunView, answers: RunAnswers, theirs: Services) -> None:
    score, judged = best_score(view), answers.judged
    if score is None or not len(judged):
        st.info("No photos were held back, so nobody knows how good it is.", icon=":material/help:")
        return
    warning = caution(view, theirs)
    st.markdown(
        f"**{share_text(score.accuracy)} right** on {count(score.num_photos, 'photo')} that were held back, plausibly "
        f"{range_text(score.low, score.high)}. {plain(warning)}"
    )
    names = answers.class_names
    confusion = confusion_matrix(judged.class_indices, judged.predicted, num_classes=len(names))
    st.markdown("**What is taken for what** (confusion matrix): a row for each true class, a column for each answer")
    columns = {f"said {name}": list(map(int, confusion[:, place])) for place, name in enumerate(names)}
    st.dataframe({"true class": list(names), **columns}, hide_index=True, width="content")
    wrong = [place for place in range(len(judged)) if not judged.is_correct[place]]
    if not wrong:
        st.success("It was right on every photo.", icon=":material/verified:")
        return
    wrong.sort(key=lambda place: -float(judged.probabilities[place].max()))
    shown = wrong[:_MAX_MISTAKES]
    st.markdown(f"**{count(len(wrong), 'mistake')}**, the most confident first")
    photos = theirs.library.photos.get([judged.hashes[place] for place in shown])
    with st.container(horizontal=True, gap="small"):
        for place in shown:
            photo = photos.get(judged.hashes[place])
            true, said = names[judged.class_indices[place]], names[judged.predicted[place]]
            with st.container(width=150, gap=None):
                if photo is not None:
                    st.image(theirs.photo_store.thumbnail(photo, _THUMBNAIL_PX), width=150)
                sure = percent(float(judged.probabilities[place].max()))
                st.caption(f"is {plain(quoted(true))}, said {plain(quoted(said))} ({sure})")
