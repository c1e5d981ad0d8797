"""Beginning a sweep: the run of the form several times, with other values of one setting."""

import uuid
from collections.abc import Sequence

import streamlit as st

from core.backbones.layers import LayerRow
from core.config import TrainConfig
from core.datasets.records import DatasetView
from core.errors import ConfigError
from core.runs.begin import RunRequest, begin_runs, find_obstacle
from core.runs.draft import Draft, draft_values, num_layers_of
from core.runs.sweep import MAX_SWEEP_RUNS, SWEPT_SETTINGS, settings_to_sweep, sweep_configs
from core.services import Services
from pages.train.expected import estimate
from pages.train.opened import open_race
from pages.widgets.errors import guarded
from pages.widgets.prospects import find_dataset_prospect
from pages.words.sweep_told import SWEEP_TITLES, value_text
from pages.words.wording import count, plain, time_text

_SETTING, _VALUES = "train.sweep.setting", "train.sweep.values"


def render_sweep_form(draft: Draft, dataset: DatasetView, layers: Sequence[LayerRow], services: Services) -> None:
    """A folded panel with one setting and its values."""
    default = services.settings.default_backbone
    values, backbone = draft_values(draft, default), draft.backbone_name(default)
    rows = {row.name: row for row in settings_to_sweep(values, backbone)}
    with st.expander("Try several values of one setting (sweep)", icon=":material/tune:"):
        st.markdown(
            "Trains with each of these values, everything else as set above, on the same photos, and shows in one "
            "chart which value suits them."
        )
        if st.session_state.get(_SETTING) not in rows:
            st.session_state[_SETTING] = next(iter(rows))
        name = st.selectbox(
            "Setting",
            list(rows),
            key=_SETTING,
            format_func=lambda each: _capitalised(SWEEP_TITLES[each]),
            persist_state="session",
        )
        suggested = [rows[name].write(value) for value in rows[name].suggested]
        key = f"{_VALUES}.{name}"
        st.session_state.setdefault(key, suggested)
        chosen = st.multiselect(
            "Values",
            list(dict.fromkeys([*suggested, *st.session_state[key]])),
            key=key,
            accept_new_options=True,
            max_selections=MAX_SWEEP_RUNS,
            help=f"Take some away, or type others. At most {MAX_SWEEP_RUNS}.",
            persist_state="session",
        )
        configs, reason = _read(name, chosen, draft, layers, services)
        obstacle = find_obstacle(
            dataset, services.library.classes.of(dataset.id), find_dataset_prospect(dataset, services)
        )
        if obstacle is not None:
            reason = obstacle.text
        if reason:
            st.caption(f":orange[:material/warning:] {plain(reason)}")
        elif (told := _seconds_text(configs, dataset, services)) is not None:
            st.caption(f":material/timer: {told}")
        st.button(
            f"Start {count(len(configs), 'training')}" if configs else "Start the trainings",
            key="train.sweep.begin",
            icon=":material/tune:",
            disabled=bool(reason),
            on_click=guarded(_begin),
            args=(name, configs, draft, dataset.id, services),
        )


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _read(
    name: str, chosen: Sequence[str], draft: Draft, layers: Sequence[LayerRow], services: Services
) -> tuple[list[tuple[float, TrainConfig]], str]:
    """The configs by value, and why there can be none, plain text."""
    default = services.settings.default_backbone
    backbone = draft.backbone_name(default)
    try:
        numbers = [SWEPT_SETTINGS[name].read(text) for text in chosen]
        values = draft_values(draft, default)
        return sweep_configs(name, numbers, values, backbone, num_layers_of(backbone, layers)), ""
    except ConfigError as exc:
        return [], str(exc)


def _seconds_text(configs: Sequence[tuple[float, TrainConfig]], dataset: DatasetView, services: Services) -> str | None:
    """How long all of them take; None while the network has not been measured."""
    prospect = find_dataset_prospect(dataset, services)
    expected = [estimate(config, prospect, dataset, services) for _, config in configs]
    seconds = [each.total_seconds for each in expected if each is not None]
    if len(seconds) < len(configs):
        return None
    return f"At most about {time_text(sum(seconds))} in all; each photo is looked at only once for all of them."


def _begin(
    name: str, configs: Sequence[tuple[float, TrainConfig]], draft: Draft, dataset_id: int, services: Services
) -> None:
    mark = uuid.uuid4().hex
    requests = [
        RunRequest(
            dataset_id=dataset_id,
            config=config,
            recipe=draft.recipe,
            parent_id=draft.parent_id,
            race=mark,
            detail=f"{SWEEP_TITLES[name].partition(' (')[0]} {value_text(name, value)}",
        )
        for value, config in configs
    ]
    begin_runs(services.database, services.run_desk, requests)
    open_race(mark)
