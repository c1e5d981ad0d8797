"""The result in plain words: how good, how sure that is, and what to look at first."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.datasets.records import Split
from core.evaluation.answers import RunAnswers
from core.evaluation.examination import Examination
from core.evaluation.guessing import Worth
from core.evaluation.reasons import listed
from core.services import Services
from pages.results.dataset_now import DatasetNow
from pages.results.labels import open_suspects
from pages.results.learning import would_help
from pages.results.material import Judged, Material, splits_to_look_at
from pages.widgets import links
from pages.widgets.errors import guarded
from pages.widgets.worth import MENDINGS, NO_REASON, find_reasons, reason_markdown, render_place, trained_with_mirroring
from pages.words.wording import count, named, percent, plain, share_text

SPLIT = "results.split"
_TITLES = {Split.TEST: "Test", Split.VALIDATION: "Validation"}
_SURE = 0.9  # calibrated probability from which on a mistake counts as a confident one
_FEW_PHOTOS = 50  # below, a single photo more or less moves the result by two points or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One sentence of the summary, and the section that tells more."""

    text: str  # Markdown
    icon: str
    section: str


def chosen_split() -> Split | None:
    """The split that the visitor wants to look at; None before anybody chose."""
    chosen: Split | None = st.session_state.get(SPLIT)
    return chosen


def render_headline(material: Material, services: Services) -> None:
    """How often it was right, and between which figures the truth lies."""
    judged = material.judged
    if judged is None:
        _render_unjudged(material)
        return
    metrics = judged.metrics
    if material.worth is not None and not material.worth.worth.is_better:
        st.title(f":orange[:material/casino:] {plain(material.worth.title)}", anchor=False)
        st.markdown(f"##### {plain(material.worth.sentence)}")
    else:
        st.title(f"Right {metrics.num_correct:,} times out of {metrics.num_photos:,}", anchor=False)
        st.markdown(f"##### Between **{_in_hundred(metrics.low, metrics.high)}** for photos like these.")
    st.caption(which_photos(judged))
    if material.answers is not None:
        _render_split_choice(material.answers)
    if judged.split is Split.VALIDATION and not len(material.answers.test if material.answers else ()):
        _render_caveat(material)
    mirrored = trained_with_mirroring(material.view, services)
    if mirrored:
        st.markdown(
            f":orange[:material/flip:] {plain(listed(mirrored))} are mirror images of each other, and this run was "
            "trained with mirroring on: it was shown each of them under both names."
        )


def which_photos(judged: Judged) -> str:
    """What photos the headline is about, and what its figures are called in the field."""
    metrics = judged.metrics
    photos = count(metrics.num_photos, "photo")
    if judged.split is Split.TEST:
        which = f"On the {photos} of the test, which it had never seen and by which nothing was chosen."
    else:
        which = f"On the {photos} for validation, which it did not learn from."
    told = f" Accuracy {share_text(metrics.accuracy)}; 95 % interval (Wilson) {share_text(metrics.low)} to "
    told += f"{share_text(metrics.high)}."
    if metrics.num_photos < _FEW_PHOTOS:
        told += " So few photos leave much to chance; more held-out ones would narrow it down."
    return which + told


def _in_hundred(low: float, high: float) -> str:
    low_count, high_count = round(100 * low), round(100 * high)
    return (
        f"{low_count} and {high_count} in 100" if low_count != high_count else f"{low_count} in 100, give or take one"
    )


def _render_split_choice(answers: RunAnswers) -> None:
    splits = splits_to_look_at(answers)
    if len(splits) < 2:
        return
    if st.session_state.get(SPLIT) not in splits:
        st.session_state[SPLIT] = splits[0]
    st.segmented_control(
        "Photos to look at",
        splits,
        key=SPLIT,
        required=True,
        format_func=lambda split: f"{_TITLES[split]} · {len(answers.of(split)):,}",
        label_visibility="collapsed",
        persist_state="session",
    )


def _render_caveat(material: Material) -> None:
    with st.container(gap=None, key="results-caveat"):
        st.caption(
            ":material/info: There are no test photos. The validation photos also decided which epoch was kept, so "
            "the result is probably a little too good."
        )
        _render_way_to_split(material)


def _render_way_to_split(material: Material) -> None:
    dataset_id = material.view.dataset_id
    if dataset_id is not None:
        links.render_link(
            links.dataset(dataset_id, "Split"),
            "Set photos aside for a test",
            icon=":material/call_split:",
        )


def _render_unjudged(material: Material) -> None:
    st.title("Nobody can tell how good it is", anchor=False)
    if material.answers is None:
        return  # the problem is told below
    st.markdown(
        "There were neither test nor validation photos when it was trained, so there is nothing that it could be "
        "judged by. Set some photos aside and train again."
    )
    _render_way_to_split(material)


# --- in short --------------------------------------------------------------------------------------------


def render_pointers(
    material: Material, now: DatasetNow | None, open_section: Callable[[str], None], services: Services
) -> None:
    """A few sentences, each of which leads to its section; or what may be behind a result that is chance."""
    if material.worth is not None and not material.worth.worth.is_better:
        _render_reasons(material, material.worth.worth, services)
        if material.worth.worth.is_chance:
            return
    pointers = find_pointers(material, now)
    if not pointers:
        return
    with st.container(border=True, gap=None, key="results-pointers"):
        st.markdown("**Look at this first**")
        for pointer in pointers:
            st.button(
                pointer.text,
                icon=f":material/{pointer.icon}:",
                type="tertiary",
                key=f"results.pointer.{pointer.section}",
                on_click=guarded(open_section),
                args=(pointer.section,),
            )


def _render_reasons(material: Material, worth: Worth, services: Services) -> None:
    reasons = find_reasons(material.view, worth, services)
    with st.container(border=True, gap="small", key="results-reasons"):
        st.markdown("**What may be behind it**" if reasons else NO_REASON)
        for reason in reasons:
            mending = MENDINGS[reason.kind]
            st.markdown(reason_markdown(reason))
            if mending.section:
                render_place(mending, material.view)
        if any(not MENDINGS[reason.kind].section for reason in reasons):
            links.render_link(
                links.training(material.view.id),
                "Put it right at its training",
                icon=":material/build:",
            )


def find_pointers(material: Material, now: DatasetNow | None) -> list[Pointer]:
    """What a person should look at first."""
    judged, examination, names = material.judged, material.examination, material.class_names
    found = [] if judged is None else [_worst_confusion(judged, names), _confident_mistakes(judged)]
    found.append(_suspected_labels(len(open_suspects(material, now))))
    if examination is not None:
        found += [_shortcuts(examination, names), _more_photos(examination)]
    return [pointer for pointer in found if pointer is not None]


def _worst_confusion(judged: Judged, class_names: tuple[str, ...]) -> Pointer | None:
    mistakes = judged.metrics.confusion.copy()
    np.fill_diagonal(mistakes, 0)
    number = int(mistakes.max())
    if not number:
        return Pointer(text="It made no mistake on these photos.", icon="check_circle", section="Per class")
    true, said = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
    others = int((mistakes == number).sum()) - 1
    text = f"It took {named(class_names[true])} for {named(class_names[said])} {_times(number)}"
    text += f", and {count(others, 'other pair')} just as often." if others else ", more often than any other pair."
    if len(class_names) == 2 and not others:
        text = f"{text.removesuffix(', more often than any other pair.')}, the other way round "
        text += f"{_times(int(mistakes[said, true]))}."
    return Pointer(text=text, icon="grid_on", section="Confusion")


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number:,} times")


def _confident_mistakes(judged: Judged) -> Pointer | None:
    total = len(judged.mistakes)
    if not total:
        return None
    sure = int((judged.confidences[judged.mistakes] >= _SURE).sum())
    if sure:
        text = f"**{sure:,}** of its {count(total, 'mistake')} came with more than {percent(_SURE)} confidence."
    else:
        text = f"None of its {count(total, 'mistake')} came with more than {percent(_SURE)} confidence."
    return Pointer(text=text, icon="priority_high", section="Mistakes")


def _suspected_labels(num_suspects: int) -> Pointer | None:
    if not num_suspects:
        return None
    text = f"**{count(num_suspects, 'training photo')}** may be in the wrong class."
    return Pointer(text=text, icon="label_off", section="Labels")


def _shortcuts(examination: Examination, class_names: tuple[str, ...]) -> Pointer | None:
    names = [class_names[each.class_index] for each in examination.shortcuts if each.is_suspected]
    if not names:
        return None
    shown = ", ".join(map(named, names[:3])) + (" and others" if len(names) > 3 else "")
    return Pointer(
        text=f"It may recognise {shown} by something beside the thing itself.", icon="visibility", section="Why"
    )


def _more_photos(examination: Examination) -> Pointer | None:
    sentence = would_help(examination.learning_curve)
    return None if sentence is None else Pointer(text=sentence, icon="trending_up", section="More photos?")
