"""The section with the figures: who wins, the table, what was done differently, and what each costs."""

from collections.abc import Sequence

import streamlit as st

from core.errors import BluetitError
from core.services import Services
from pages.compare.asked import MAX_PHOTOS, ask_with_progress
from pages.compare.charts import render_trade_offs
from pages.compare.differences import render_differences
from pages.compare.entrants import Entrant, judged_alike
from pages.compare.pairs import lead
from pages.compare.speed import Speeds, describe_speeds, render_speed_button, speeds_of
from pages.compare.table import render_table
from pages.compare.words import is_hardly_luck, joined_by_and, verdict
from pages.widgets import links
from pages.widgets.errors import show_error
from pages.words.wording import count, plain, share_text, size_text

# A model that costs so much less is worth a word.
_WORTHWHILE_FACTOR = 1.25


def render_figures(entrants: Sequence[Entrant], services: Services) -> None:
    """Everything that is known of the models in numbers."""
    speeds = speeds_of(entrants)
    _render_headline(entrants, speeds)
    for entrant in entrants:
        if entrant.to_ask:
            _render_question(entrant, services)
    render_table(entrants, speeds)
    _render_remarks(entrants, speeds, services)
    render_speed_button(entrants, speeds, services)
    render_trade_offs(entrants, speeds)
    render_differences(entrants, services)


def ranked(entrants: Sequence[Entrant]) -> list[Entrant]:
    """Those whose answers are known, the most accurate first; of equal ones the order stays."""
    known = [entrant for entrant in entrants if entrant.contender is not None and entrant.metrics is not None]
    return sorted(known, key=lambda entrant: -(entrant.metrics.accuracy if entrant.metrics else 0.0))


def _render_headline(entrants: Sequence[Entrant], speeds: Speeds) -> None:
    order = ranked(entrants)
    if len(order) < 2:
        if len(entrants) < 2:
            st.info("Choose a second model to compare this one with.", icon=":material/add:")
        return
    best = order[0]
    if best.metrics is None:
        return
    if not judged_alike(order):
        st.markdown(
            "These models were judged by **different photos**, so their shares of right answers cannot be compared "
            "directly. *Really better?* judges two at a time by the photos that both may be judged by."
        )
        return
    if _render_chance(order):
        return
    equal = [each.title for each in order if each.metrics and each.metrics.num_correct == best.metrics.num_correct]
    share = f"{share_text(best.metrics.accuracy)} of {best.photos_text}"
    if len(equal) > 1:
        names = joined_by_and([plain(name) for name in equal])
        st.subheader(f"{names} are right equally often: {share}", anchor=False)
    else:
        st.subheader(f"{plain(best.title)} is right most often: {share}", anchor=False)
    advice = advise(order, speeds)
    if advice:
        st.markdown(advice)


def _render_chance(order: Sequence[Entrant]) -> bool:
    """Say which models cannot be told from guessing; whether none can, so that there is no best one."""
    chance = [entrant for entrant in order if entrant.is_chance]
    if not chance:
        return False
    if len(chance) == len(order):
        both = "Neither" if len(order) == 2 else "None of them"
        st.subheader(f":orange[:material/casino:] {both} can be told from guessing", anchor=False)
    for entrant in chance:
        render_chance(entrant)
    return len(chance) == len(order)


def render_chance(entrant: Entrant) -> None:
    """A model whose figures may all be chance, with the way to the reasons."""
    if entrant.weighed is None:
        return
    text = f"{plain(entrant.title)}: **{plain(entrant.weighed.title)}.** {plain(entrant.weighed.sentence)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":orange[:material/casino:] {text}", width="stretch")
        if entrant.run is not None:
            links.render_link(
                links.results(entrant.run.id),
                "Why?",
                icon=":material/arrow_forward:",
            )


def advise(order: Sequence[Entrant], speeds: Speeds) -> str:
    """Whether the lead of the best could be luck, and which cheaper model would then do as well; Markdown.

    Args:
        order: models judged by the same photos, the most accurate first, at least two.
        speeds: of all of them.
    """
    best, second = order[0], order[1]
    found = lead(best, second)
    parts = [verdict(found, second.title, best.title)] if found.num_photos else []
    rivals = [each for each in order[1:] if _is_as_good(each, best)]
    cheaper = [(each, _savings(each, best, speeds)) for each in rivals]
    worthwhile = [(each, saved) for each, saved in cheaper if saved]
    if worthwhile:
        each, saved = worthwhile[0]
        parts.append(f"**{plain(each.title)}** is not shown to be worse, and {saved}.")
    if len(order) > 2:
        parts.append("The best of several is partly the luckiest; its lead shrinks on new photos.")
    return " ".join(parts)


def _is_as_good(entrant: Entrant, best: Entrant) -> bool:
    """Whether no difference is shown."""
    found = lead(best, entrant)
    return found.num_photos > 0 and not is_hardly_luck(found)


def _savings(entrant: Entrant, best: Entrant, speeds: Speeds) -> str:
    """What a model saves beside the best, in words; nothing where it is hardly worth telling."""
    parts = []
    mine, theirs = speeds.milliseconds.get(entrant.key), speeds.milliseconds.get(best.key)
    if mine and theirs and theirs > _WORTHWHILE_FACTOR * mine:
        parts.append(f"{theirs / mine:.1f} times faster")
    if entrant.model_bytes and best.model_bytes and best.model_bytes > _WORTHWHILE_FACTOR * entrant.model_bytes:
        parts.append(f"smaller ({size_text(entrant.model_bytes)} against {size_text(best.model_bytes)})")
    return joined_by_and(parts)


def _render_remarks(entrants: Sequence[Entrant], speeds: Speeds, services: Services) -> None:
    for entrant in entrants:
        for problem in entrant.problems:
            if entrant.run is not None:
                show_error(f"{entrant.title}: {problem}")
            else:
                st.info(f"**{plain(entrant.title)}:** {plain(problem)}", icon=":material/hub:")
    remarks = ["★ marks the best of a column; a click on a title sorts."]
    if any(entrant.judged_by == "validation" for entrant in entrants):
        remarks.append(
            "Validation photos also chose the epoch that was kept, so these shares are probably a little too good; "
            "test photos would tell the truth."
        )
    if not judged_alike(entrants):
        remarks.append("Judged by different photos: the first four figures are not ranked.")
    if any(entrant.backbone is not None and entrant.metrics is not None for entrant in entrants):
        remarks.append(
            "A plain network is asked which of your classes it sees: the probabilities of ImageNet classes of the same "
            "kind are added up. Nobody knows whether one of your photos was among those it learned from."
        )
    if any(entrant.foreign is not None and entrant.metrics is not None for entrant in entrants):
        remarks.append(
            "A model from elsewhere is judged by the photos whose classes it has under the same names. Nobody knows "
            "whether one of them was among those it learned from."
        )
    remarks.append(describe_speeds(speeds, services))
    st.caption(" ".join(remarks))


def _render_question(entrant: Entrant, services: Services) -> None:
    """A plain network that has not been asked yet, and the button that asks it."""
    num_photos = min(len(entrant.to_ask), MAX_PHOTOS)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{plain(entrant.title)} has not been asked about {count(len(entrant.to_ask), 'photo')} yet.")
        is_pressed = st.button(f"Ask about {num_photos:,}", key=f"compare.ask.{entrant.key}", icon=":material/quiz:")
    if not is_pressed:
        return
    try:
        classifier = entrant.load(services)
    except BluetitError as exc:
        show_error(str(exc))
        return
    ask_with_progress(entrant.fingerprint, classifier, entrant.to_ask[:MAX_PHOTOS], services)
    st.rerun()
