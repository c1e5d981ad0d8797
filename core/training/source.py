"""Where the network of a run comes from: the catalogue, TensorFlow Hub, or nothing at all."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.backbones.artefacts import Artefact, load_artefact
from core.backbones.catalog import find_backbone, members_of
from core.backbones.weights import find_all_weights
from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.errors import ConfigError, WeightsMissingError
from core.links.published import Report
from core.networks.hub import load_hub_backbone, resolve_hub_module
from core.networks.network import BackboneNetwork, build_backbone, wrap_hub_layer
from core.networks.prepare import prepare_backbone
from core.networks.prepare_hub import prepare_hub_module
from core.settings import Settings
from core.training.baseline import BASELINE_IMAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSource:
    """The backbone of a run, found and prepared."""

    name: str  # as in `TrainConfig.backbone`
    image_size: tuple[int, int]  # height and width in pixels
    artefact: Artefact | None  # None: from scratch
    # Of the networks that stand side by side in it, by which features are computed; itself where it is one network.
    members: tuple[Artefact, ...] = ()

    def build(self, settings: Settings) -> BackboneNetwork:
        """The backbone as a Keras network, with its pretrained weights.

        Raises:
            BackboneError: it cannot be built, or its weights are gone.
            ConfigError: there is no backbone, for the network starts from nothing, or it is a module that may not be
                loaded.
        """
        if self.name == SCRATCH:
            raise ConfigError("A network from scratch has no backbone to build.")
        if self.name.startswith(HUB_PREFIX):
            return wrap_hub_layer(load_hub_backbone(resolve_hub_module(self.name, settings)), self.image_size)
        backbone = find_backbone(self.name)
        weights = find_all_weights(backbone, settings)
        if weights is None:
            raise WeightsMissingError(
                f"The weights of {backbone.title} are not on this machine any more. Prepare the network again."
            )
        return build_backbone(backbone, self.image_size, weights)


def find_source(
    config: TrainConfig, settings: Settings, *, report: Report, check_cancelled: Callable[[], None]
) -> NetworkSource:
    """Find the backbone that a config asks for, and prepare it where that has not been done.

    Args:
        config: of the run.
        settings: folders and limits.
        report: called with the fraction done, 0-1, and a sentence.
        check_cancelled: called between the steps; raises to stop.

    Raises:
        BackboneError: it is unknown, cannot be had, or cannot be prepared.
        ConfigError: it is a module of TensorFlow Hub that may not be loaded.
        StorageError: the disk is full.
    """
    if config.backbone == SCRATCH:
        return NetworkSource(name=SCRATCH, image_size=config.image_size or BASELINE_IMAGE_SIZE, artefact=None)
    members: tuple[Artefact, ...] = ()
    if config.backbone.startswith(HUB_PREFIX):
        artefact = prepare_hub_module(
            config.backbone,
            config.image_size,
            settings,
            report=report,
            check_cancelled=check_cancelled,
        )
    else:
        backbone = find_backbone(config.backbone)
        if config.image_size is not None:
            backbone = replace(backbone, image_size=config.image_size)
        prepare_backbone(backbone, settings, report=report, check_cancelled=check_cancelled)
        artefact = load_artefact(backbone, settings)
        if backbone.members:
            members = tuple(load_artefact(member, settings) for member in members_of(backbone))
    return NetworkSource(
        name=config.backbone,
        image_size=artefact.record.image_size,
        artefact=artefact,
        members=members or (artefact,),
    )
