"""Sweeps: the same training with several values of one setting, to see what the setting does.

The runs of a sweep have a mark in common, as those of a race of networks have. Which setting it is about is not noted
anywhere: it is what their configs differ in, so that copies, projects and runs of older versions need nothing more.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core.config import LBFGS, SCRATCH, TrainConfig
from core.errors import ConfigError, RunStateError
from core.runs.desk import RunDesk
from core.runs.draft import CUT, RATE, SHARE, make_config
from core.runs.records import RunView

MAX_SWEEP_RUNS = 50
MIN_SWEEP_RUNS = 2

_PERCENT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptSetting:
    """A setting of which several values can be tried at once."""

    name: str  # as in `core.runs.draft`
    suggested: tuple[float, ...]  # that are offered at first, in the unit that people write
    is_whole: bool = False  # whether its values are whole numbers
    unit: str = ""  # behind what people write
    is_of_fine_tuning: bool = False  # whether it says nothing where the head alone is trained

    def read(self, text: str) -> float | int:
        """A value as a person wrote it, "0,3" being as good as "0.3".

        Raises:
            ConfigError: it is no number, or no whole one where that is needed.
        """
        wanted = "whole number" if self.is_whole else "number"
        try:
            number = float(text.strip().removesuffix(self.unit).strip().replace(",", "."))
            if self.is_whole and number != int(number):
                raise ValueError
        except (ValueError, OverflowError) as exc:
            raise ConfigError(
                f"“{text.strip()}” was typed; a {wanted} is needed, such as {self.suggested[-1]:g}."
            ) from exc
        if self.is_whole:
            return int(number)
        return number / _PERCENT if self.unit == "%" else number

    def write(self, value: float) -> str:
        """A value as people write it."""
        return f"{round(value, 7):g}{self.unit}" if not self.is_whole else f"{int(value)}"


SWEPT_SETTINGS: Mapping[str, SweptSetting] = MappingProxyType(
    {
        row.name: row
        for row in (
            SweptSetting(name="head_phase.learning_rate", suggested=(0.0001, 0.0003, 0.001, 0.003, 0.01)),
            SweptSetting(name="head_phase.num_epochs", suggested=(5, 10, 20, 40, 80), is_whole=True),
            SweptSetting(name="head_phase.batch_size", suggested=(8, 16, 32, 64, 128), is_whole=True),
            SweptSetting(name="head.dropout", suggested=(0, 0.1, 0.2, 0.4, 0.6)),
            SweptSetting(name="num_views", suggested=(1, 2, 4, 8, 16), is_whole=True),
            SweptSetting(name="label_smoothing", suggested=(0, 0.05, 0.1, 0.2, 0.3)),
            SweptSetting(name=SHARE, suggested=(0, 10, 20, 40, 60), unit="%"),
            SweptSetting(name=RATE, suggested=(0.00001, 0.00003, 0.0001, 0.0003, 0.001), is_of_fine_tuning=True),
            SweptSetting(
                name="fine_tune.num_epochs", suggested=(2, 5, 10, 20, 40), is_whole=True, is_of_fine_tuning=True
            ),
            # What differs between these is chance: smaller differences between other settings mean nothing.
            SweptSetting(name="seed", suggested=(0, 1, 2, 3, 4), is_whole=True),
        )
    }
)
# What a head that is solved to the end does not have.
_OF_STEPS = ("head_phase.learning_rate", "head_phase.batch_size", "head.dropout", "label_smoothing")


def settings_to_sweep(values: Mapping[str, Any], backbone: str) -> list[SweptSetting]:
    """The settings of which several values make a difference, as the form is filled in.

    Args:
        values: of the form, as `draft_values` gives them.
        backbone: as a config names it.
    """
    is_tuned = values[SHARE] > 0 and backbone != SCRATCH
    is_solved = values["head_phase.optimizer"] == LBFGS
    return [
        row
        for row in SWEPT_SETTINGS.values()
        if (is_tuned or not row.is_of_fine_tuning)
        and not (is_solved and row.name in _OF_STEPS)
        and not (backbone == SCRATCH and row.name == SHARE)
    ]


def sweep_configs(
    setting: str, chosen: Iterable[float], values: Mapping[str, Any], backbone: str, num_layers: int | None
) -> list[tuple[float, TrainConfig]]:
    """The configs of a sweep, by the value of the setting, from the smallest to the largest.

    Values that come to the same training, such as two shares that begin at the same layer, are one.

    Args:
        setting: name of one of `SWEPT_SETTINGS`.
        chosen: its values.
        values: all settings of the form, as `draft_values` gives them.
        backbone: as a config names it.
        num_layers: of the backbone; None when they are not known.

    Raises:
        ConfigError: too few or too many values, one that cannot be used, or layers that are not known yet.
    """
    different = sorted(set(chosen))
    if not MIN_SWEEP_RUNS <= len(different) <= MAX_SWEEP_RUNS:
        raise ConfigError(
            f"The number of different values is {len(different)}; from {MIN_SWEEP_RUNS} to {MAX_SWEEP_RUNS} are needed."
        )
    found: dict[TrainConfig, float] = {}
    for value in different:
        config = make_config({**values, **_change(setting, value)}, backbone, num_layers)
        if config is None:
            raise ConfigError("Which layers these values mean is known once the network is prepared. Prepare it first.")
        found.setdefault(config, value)
    if len(found) < MIN_SWEEP_RUNS:
        raise ConfigError("All of these values come to the same training; choose some that are further apart.")
    return [(value, config) for config, value in found.items()]


def _change(setting: str, value: float) -> dict[str, Any]:
    if setting == SHARE:
        return {SHARE: value, CUT: None}
    if setting == "head_phase.learning_rate":
        return {setting: value, "finds_learning_rate": False}  # or one is searched for in place of each
    return {setting: value}


def find_swept(configs: Sequence[Mapping[str, Any]]) -> str | None:
    """The setting that runs differ in; None where it is none, or more than one.

    Args:
        configs: of runs, as `TrainConfig.to_json` wrote them, of whatever version.
    """
    told: dict[str, set[str]] = {}
    for config in configs:
        for name, value in _flat(config):
            told.setdefault(name, set()).add(json.dumps(value, sort_keys=True))
    different = [name for name, seen in told.items() if len(seen) > 1]
    return different[0] if len(different) == 1 and different[0] in {*SWEPT_SETTINGS, CUT} else None


def swept_value(config: Mapping[str, Any], setting: str) -> float | None:
    """The value that a run has of a setting; None: it has none, for its network is left as it is.

    Args:
        config: of the run, as `TrainConfig.to_json` wrote it.
        setting: as `find_swept` told it.
    """
    value = dict(_flat(config)).get(setting)
    return value if isinstance(value, int | float) else None


def _flat(config: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Every setting of a config by its name; the snapshot aside, which is the same by design."""
    for name, value in config.items():
        if name == "fine_tune":
            yield CUT, None if value is None else value.get("first_layer")
            for phase_name, phase_value in ((value or {}).get("phase") or {}).items():
                yield f"fine_tune.{phase_name}", phase_value
        elif isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", inner_value) for inner, inner_value in value.items())
        elif name != "snapshot":
            yield name, value


def stop_all(desk: RunDesk, views: Iterable[RunView]) -> None:
    """End runs early: those that have begun keep their best epoch, those that wait are cancelled.

    One that ends at the same moment stays as it ended.

    Args:
        desk: that takes the wish.
        views: as they were read.

    Raises:
        UnknownRunError: a run is not there any more.
    """
    for view in sorted(views, key=lambda each: -each.id):  # what waits first, or it would begin meanwhile
        if view.is_active and not view.is_cancel_requested:
            try:
                desk.stop(view.id)
            except RunStateError:
                continue  # it has ended since it was read, as was wanted
