"""Choosing what is compared: models, plain networks, or one of the tutorials' comparisons."""

from collections.abc import Mapping

import streamlit as st

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import all_backbones, find_backbone
from core.runs.names import names_dataset
from core.runs.records import RunView
from core.services import Services
from pages.compare.chosen import MAX_FOREIGN, MAX_NETWORKS, MAX_RUNS, Chosen, choose, is_comparable
from pages.compare.ready_made import ReadyMade, find_ready_made
from pages.widgets import links
from pages.widgets.errors import guarded
from pages.words.standing import best_score
from pages.words.wording import plain, share_text

_RUNS, _NETWORKS, _FOREIGN = "compare.runs", "compare.networks", "compare.foreign"


def render_chooser(chosen: Chosen, services: Services) -> None:
    """Two boxes to choose from, the ready-made comparisons, and what could not be found."""
    every_run = services.runs.list_runs()
    runs = [run for run in every_run if is_comparable(run)]
    if not runs:
        _render_nothing()
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _render_runs(runs, chosen, services)
    with right:
        _render_networks(chosen, services)
        _render_foreign(chosen, services)
    if chosen.complaints:
        st.warning("  \n".join(map(plain, chosen.complaints)), icon=":material/warning:")
    ready_made = find_ready_made(every_run)
    if chosen.is_empty:
        st.markdown("Or begin with a comparison that the tutorials make:")
        for column, each in zip(st.columns(len(ready_made)), ready_made, strict=True):
            with column:
                _render_ready_made(each)
    else:
        with st.popover("The tutorials' comparisons", icon=":material/school:", width="content"):
            for each in ready_made:
                _render_ready_made(each)


def _render_nothing() -> None:
    st.info("There are no finished models to compare yet. Train two, and see here which is better.")
    links.render_link(links.trainings(), "Train a model", icon=":material/model_training:", look="primary")


def _render_runs(runs: list[RunView], chosen: Chosen, services: Services) -> None:
    datasets = {dataset.id: dataset.name for dataset in services.library.datasets.all()}
    names = {run.id: _describe(run, datasets) for run in runs}
    st.session_state[_RUNS] = [run.id for run in chosen.runs if run.id in names]
    st.multiselect(
        "Your models",
        list(names),
        key=_RUNS,
        format_func=names.__getitem__,
        max_selections=MAX_RUNS,
        placeholder="Choose two or more",
        wrap=True,
        on_change=guarded(_take),
    )


def _render_networks(chosen: Chosen, services: Services) -> None:
    wanted = [backbone.name for backbone in chosen.networks]
    named = [each for each in all_backbones() if each.has_classes]
    ready = [each.name for each in named if find_artefact(each, services.settings) is not None]
    titles = {name: find_backbone(name).title for name in [*ready, *wanted]}
    st.session_state[_NETWORKS] = wanted
    st.multiselect(
        "Networks as they are (ImageNet)",
        list(titles),
        key=_NETWORKS,
        format_func=titles.__getitem__,
        max_selections=MAX_NETWORKS,
        placeholder="None",
        wrap=True,
        help="Networks that were not trained on your photos. They can be judged where your classes have the same names "
        "as things or groups that ImageNet knows, such as dog or goldfish.",
        on_change=guarded(_take),
    )


def _render_foreign(chosen: Chosen, services: Services) -> None:
    """A box with the models from elsewhere, where there are any."""
    titles = {model.id: model.name for model in [*services.foreign.list_models(), *chosen.foreign]}
    st.session_state[_FOREIGN] = [model.id for model in chosen.foreign]
    if not titles:
        return
    st.multiselect(
        "Models from elsewhere",
        list(titles),
        key=_FOREIGN,
        format_func=titles.__getitem__,
        max_selections=MAX_FOREIGN,
        placeholder="None",
        wrap=True,
        help="They are judged by those of your photos whose classes they have under the same names.",
        on_change=guarded(_take),
    )


def _take() -> None:
    choose(st.session_state[_RUNS], st.session_state[_NETWORKS], st.session_state.get(_FOREIGN, ()))


def _describe(run: RunView, datasets: Mapping[int, str]) -> str:
    score = best_score(run)
    dataset = None if run.dataset_id is None else datasets.get(run.dataset_id)
    facts = [run.name]
    if dataset is not None and not names_dataset(run.name, dataset):
        facts.append(dataset)
    if score is not None:
        facts.append(share_text(score.accuracy))
    return " · ".join(facts)


def _render_ready_made(each: ReadyMade) -> None:
    with st.container(border=True, gap="small", height="stretch"):
        st.markdown(f"**{each.title}**  \n{each.question}")
        if each.missing:
            st.caption(plain(each.missing))
        st.space("stretch")
        st.button(
            "Compare",
            key=f"compare.ready_made.{each.key}",
            icon=":material/compare_arrows:",
            disabled=not each.run_ids,
            on_click=guarded(choose),
            args=(each.run_ids,),
        )
