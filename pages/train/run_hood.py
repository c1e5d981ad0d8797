"""Under the hood of a run: its model as a diagram, and how Keras would be told to do the same."""

import streamlit as st

from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.datasets.exporting import safe_file_name
from core.errors import ConfigError, RunFileError, StorageError, UnknownBackboneError
from core.keras_script.script import write_script
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.runs.records import RunView
from core.runs.story import Outcome
from core.services import Services
from pages.train.diagram import Block, blocks_of, draw, head_blocks
from pages.train.layers import layers_of
from pages.widgets.errors import told
from pages.words.wording import plain, short_count

_KEY = "train.hood"
_SCRIPT_PX = 480


def render_run_hood(view: RunView, services: Services) -> None:
    """A folded panel; what is in it is worked out when it is opened."""
    panel = st.expander("Under the hood", icon=":material/build:", key=f"{_KEY}.{view.id}", on_change="rerun")
    if not panel.open:
        return
    with panel:
        try:
            config = view.config
        except ConfigError:
            st.caption("This run was made by another version of Bluetit, whose settings this one cannot read.")
            return
        num_classes = len(services.run_reader.class_names(view))
        _render_diagram(view, config, num_classes, services)
        _render_script(view, config, services)


def _render_script(view: RunView, config: TrainConfig, services: Services) -> None:
    st.markdown("##### The same in Keras")
    try:
        script = write_script(
            config, class_names=services.run_reader.class_names(view), image_size=_image_size(view, services)
        )
    except (ConfigError, UnknownBackboneError) as exc:
        st.caption(plain(told(str(exc))))
        return
    st.markdown(
        "A complete program that does what this run did, without Bluetit. It reads a folder of photos as the export of "
        "the dataset makes it."
    )
    st.download_button(
        "Download the script",
        data=script,
        file_name=f"{safe_file_name(view.name)}.py",
        mime="text/x-python",
        icon=":material/download:",
        on_click="ignore",
        key=f"{_KEY}.script.{view.id}",
    )
    st.code(script, language="python", height=_SCRIPT_PX)


def _image_size(view: RunView, services: Services) -> tuple[int, int] | None:
    """Of the run's model; None where there is none yet."""
    folder = RunFolder(services.settings, view.id)
    if not folder.model_record_path.is_file():
        return None
    try:
        return folder.read_record(folder.model_record_path, ModelRecord).image_size
    except (RunFileError, StorageError):
        return None


def _render_diagram(view: RunView, config: TrainConfig, num_classes: int, services: Services) -> None:
    st.markdown("##### The model")
    blocks = _blocks(config, num_classes, services)
    if not blocks:
        st.caption(_without_blocks(view, config))
        return
    num_all = sum(block.num_parameters for block in blocks)
    num_trained = sum(block.num_trained for block in blocks)
    st.markdown(
        f"A photo goes through the blocks from left to right. **{short_count(num_trained)}** of "
        f"**{short_count(num_all)}** learned numbers (parameters) were trained; the frozen ones are as they were when "
        "the network learned from a million other photos or more."
    )
    st.html(draw(blocks))


def _blocks(config: TrainConfig, num_classes: int, services: Services) -> list[Block]:
    """The blocks of a model, as far as its layers are known on this machine."""
    layers = layers_of(config.backbone, services)
    if not layers or not num_classes:
        return []
    first_layer = len(layers) if config.fine_tune is None else config.fine_tune.first_layer
    num_outputs = 1 if config.head.one_unit_for_two_classes and num_classes == 2 else num_classes
    num_features = layers[-1].output_shape[-1]
    return blocks_of(layers, first_layer) + head_blocks(config.head.hidden_units, num_features, num_outputs)


def _without_blocks(view: RunView, config: TrainConfig) -> str:
    """What is known of a model whose layers are not."""
    if config.backbone == SCRATCH:
        what = "Four pairs of convolution and pooling (32, 64, 128, 128 filters), a dense layer of 512 units, and the "
        what += "last layer; all of it trained from nothing."
    elif config.backbone.startswith(HUB_PREFIX):
        what = "A module of TensorFlow Hub, which is a single layer to Keras, and the head on top."
    else:
        what = "The layers of this network are known once it is prepared on this computer."
    if view.outcome is None:
        return what
    outcome = Outcome.from_json(view.outcome)
    return f"{what} {outcome.num_trained_parameters:,} of {outcome.num_parameters:,} parameters were trained."
