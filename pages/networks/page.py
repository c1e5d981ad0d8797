"""Every pretrained network in the catalogue: compare, fetch, choose."""

from collections.abc import Mapping

import plotly.graph_objects as go
import streamlit as st

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone, all_backbones
from core.backbones.preparation import preparation_key
from core.backbones.weights import find_all_weights
from core.jobs.status import TaskStatus
from core.services import Services
from pages.server.services import get_services
from pages.widgets import links
from pages.widgets.chosen_network import chosen_backbone
from pages.widgets.errors import guarded, showing_errors
from pages.widgets.preparation import Availability, availabilities, describe_availability, render_preparation
from pages.widgets.visitor_photos import open_batch
from pages.words.wording import size_text

_POLL_SECONDS = 0.5

# The logo's colours; readable on the light and on the dark background.
_COLOURS = {
    Availability.READY: "#2f7fd0",
    Availability.BUNDLED: "#e0a912",
    Availability.ON_THIS_MACHINE: "#6f9a4f",
    Availability.DOWNLOAD: "#93a1b1",
}


def accuracy_chart(backbones: list[Backbone], availability: Mapping[str, Availability]) -> go.Figure:
    """Published accuracy over size, a dot per network, coloured by where its weights are."""
    dots = []
    for kind in Availability:
        group = [backbone for backbone in backbones if availability[backbone.name] is kind and backbone.imagenet_top1]
        dots.append(
            {
                "type": "scatter",
                "x": [backbone.weights_megabytes for backbone in group],
                "y": [backbone.imagenet_top1 for backbone in group],
                "text": [backbone.title for backbone in group],
                "mode": "markers",
                "marker": {"size": 11, "color": _COLOURS[kind]},
                "name": kind.value,
                "hovertemplate": "%{text}<br>%{y:.1f} % right first time<br>%{x:,.0f} MB<extra></extra>",
            }
        )
    layout = {
        "height": 340,
        "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
        "legend": {"orientation": "h", "y": 1.12},
        "dragmode": False,
        "xaxis": {
            "type": "log",
            "title": {"text": "Size in MB (logarithmic)"},
            "dtick": 1,
            "fixedrange": True,
        },
        "yaxis": {"title": {"text": "Right first time, %"}, "fixedrange": True},
    }
    return go.Figure(data=dots, layout=layout)


def render_table(backbones: list[Backbone], availability: Mapping[str, Availability], services: Services) -> Backbone:
    """The catalogue as a table; the selected row, else the network in use."""
    artefacts = [find_artefact(backbone, services.settings) for backbone in backbones]
    selection = st.dataframe(
        {
            "Network": [backbone.title for backbone in backbones],
            "Right first time": [backbone.imagenet_top1 for backbone in backbones],
            "Names by itself": ["1,000 things" if backbone.has_classes else "nothing" for backbone in backbones],
            "Speed here": [artefact.record.litert_milliseconds if artefact else None for artefact in artefacts],
            "Size": [backbone.weights_megabytes for backbone in backbones],
            "Parameters": [backbone.num_parameters / 1e6 for backbone in backbones],
            "Pixels": [backbone.image_size[0] for backbone in backbones],
            "Weights": [describe_availability(backbone, availability[backbone.name]) for backbone in backbones],
            "Year": [str(backbone.year) for backbone in backbones],
            "Licence": [backbone.licence or "not stated" for backbone in backbones],
            "Paper": [backbone.paper_url for backbone in backbones],
        },
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [backbones.index(chosen_backbone(services))]}},
        key="backbones.table",
        height=420,
        placeholder="–",
        column_config={
            "Network": st.column_config.TextColumn(pinned=True),
            "Right first time": st.column_config.ProgressColumn(
                format="%.1f %%", min_value=50, max_value=100, help="Published top-1 accuracy on ImageNet."
            ),
            "Names by itself": st.column_config.TextColumn(
                help="What it can name before it is trained on your photos. With every network a model of yours names "
                "your own classes."
            ),
            "Speed here": st.column_config.NumberColumn(
                format="%.0f ms",
                help="One photo on one core of this computer; known once the network is prepared.",
            ),
            "Size": st.column_config.NumberColumn(format="%.0f MB"),
            "Parameters": st.column_config.NumberColumn(format="%.1f M", help="Learned numbers, in millions."),
            "Pixels": st.column_config.NumberColumn(help="Height and width of the square that the network sees."),
            "Paper": st.column_config.LinkColumn(display_text="read"),
        },
    )
    rows = selection.selection.rows
    return backbones[rows[0]] if rows else chosen_backbone(services)


def is_being_prepared(backbone: Backbone, services: Services) -> bool:
    """Whether a worker has the backbone, or will have it."""
    return services.queue.find_active(preparation_key(backbone)) is not None


def render_actions(backbone: Backbone, services: Services, *, was_busy: bool) -> None:
    """What can be done with the selected network."""
    with showing_errors():
        task = services.queue.latest(preparation_key(backbone))
        if find_artefact(backbone, services.settings) is not None:
            _render_links(backbone)
        elif task is None or task.status is TaskStatus.DONE:
            is_here = find_all_weights(backbone, services.settings) is not None
            st.button(
                f"{'Prepare' if is_here else 'Download and prepare'} ({size_text(backbone.weights_megabytes * 1e6)})",
                icon=":material/download:",
                on_click=guarded(services.request_preparation),
                args=(backbone,),
            )
        else:
            render_preparation(backbone, services)
    if is_being_prepared(backbone, services) != was_busy:
        st.rerun()  # the whole page: the table knows the new state, and the timer starts or stops


def _render_links(backbone: Backbone) -> None:
    """To the pages that work with a prepared network."""
    with st.container(horizontal=True, gap="small"):
        if backbone.has_classes:
            links.render_link(
                links.classify_with_network(backbone.name),
                "Classify with it",
                icon=":material/image_search:",
                look="primary",
            )
        links.render_link(
            links.train_with_network(backbone.name),
            "Train with it",
            icon=":material/model_training:",
            look="secondary" if backbone.has_classes else "primary",
        )


def render_description(backbone: Backbone) -> None:
    """What the selected network is good for, what does not work with it, and where it was published."""
    st.subheader(backbone.title, anchor=False)
    if backbone.remark:
        st.markdown(backbone.remark)
    if backbone.limits:
        st.markdown("\n".join(["What does not work with it:", "", *(f"- {limit}" for limit in backbone.limits)]))
    licence = backbone.licence or "not stated"
    st.markdown(f"[{backbone.paper}]({backbone.paper_url}), {backbone.year} · licence: {licence}")


services = get_services()
open_batch(services)  # keeps the visitor's photos in the address, for a reload of this page
st.title("Networks", anchor=False)
st.markdown(
    "Pretrained networks (backbones) differ in size, speed and accuracy. Three come with Bluetit, which also answer "
    "together; the others are downloaded once, when you ask for them. Choose one to see what it is good for, and what "
    "does not work with it."
)
availability = availabilities(services)
backbones = list(all_backbones())  # in the catalogue's order: a row must stay where it is while its state changes
shown = render_table(backbones, availability, services)
render_description(shown)
is_busy = is_being_prepared(shown, services)
st.fragment(render_actions, run_every=_POLL_SECONDS if is_busy else None)(shown, services, was_busy=is_busy)
st.subheader("Accuracy and size", anchor=False)
st.plotly_chart(
    accuracy_chart(backbones, availability),
    config={"displayModeBar": False},
    alt="Scatter chart of published ImageNet accuracy over file size; larger networks tend to be more accurate.",
)
