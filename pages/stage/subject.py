"""What is put on stage: a model of one's own, one from elsewhere, or a ready-made network."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from core.backbones.catalog import all_backbones
from core.foreign.records import ForeignModelView
from core.runs.records import RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.address import NETWORK
from pages.widgets.chosen_network import Chosen, chosen_network
from pages.widgets.errors import guarded
from pages.widgets.preparation import Availability, availability_of
from pages.words.models import FOREIGN_PREFIX, MODEL_PREFIX, has_model

_WIDGET = "stage.subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network that can answer on a screen."""

    key: str  # as the address of live answers names it
    title: str
    kind: str  # in a word or two, for people
    run: RunView | None = None  # that it was trained in
    address: Mapping[str, str] = field(default_factory=dict)  # by which pages know it

    @property
    def run_id(self) -> int | None:
        """The number of its run; None where it was not trained here."""
        return None if self.run is None else self.run.id


def choose_subject(services: Services) -> Subject:
    """A box with all that can answer; the visitor works with what is chosen on every page from then on."""
    subjects = {each.key: each for each in _subjects(services)}
    chosen = _subject_of(chosen_network(services))
    subjects.setdefault(chosen.key, chosen)
    st.session_state[_WIDGET] = chosen.key
    st.selectbox(
        "Who is on stage?",
        list(subjects),
        key=_WIDGET,
        format_func=lambda key: f"{subjects[key].title} · {subjects[key].kind}",
        on_change=guarded(lambda: _choose(subjects)),
        help="A model that you have trained knows your own classes, and can react to them.",
    )
    return chosen


def _choose(subjects: Mapping[str, Subject]) -> None:
    subject = subjects.get(st.session_state[_WIDGET])
    if subject is not None:
        NETWORK.open(subject.address)


def _subjects(services: Services) -> list[Subject]:
    named = [each for each in all_backbones() if each.has_classes]
    ready = [each for each in named if availability_of(each, services) is Availability.READY]
    runs = [_subject_of(run) for run in services.runs.list_runs() if has_model(run)]
    return [*runs, *map(_subject_of, services.foreign.list_models()), *map(_subject_of, ready)]


def _subject_of(chosen: Chosen) -> Subject:
    if isinstance(chosen, RunView):
        return Subject(
            key=f"{MODEL_PREFIX}{chosen.id}",
            title=chosen.name,
            kind="your model",
            run=chosen,
            address=links.classify_with_model(chosen.id).address,
        )
    if isinstance(chosen, ForeignModelView):
        return Subject(
            key=f"{FOREIGN_PREFIX}{chosen.id}",
            title=chosen.name,
            kind="from elsewhere",
            address=links.classify_with_foreign(chosen.id).address,
        )
    return Subject(
        key=chosen.name,
        title=chosen.title,
        kind="1,000 kinds of things",
        address=links.classify_with_network(chosen.name).address,
    )
