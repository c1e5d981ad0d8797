"""Settings from the environment and an optional TOML file, and back into the environment of another process.

The value of a setting comes from, in order, the environment variable `BLUETIT_<NAME>`, the TOML file named by
`BLUETIT_SETTINGS_FILE` (or `bluetit.toml` in the working directory), the default.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.settings import ENVIRONMENT_PREFIX, Settings, expand_home

SETTINGS_FILE_VARIABLE = "BLUETIT_SETTINGS_FILE"
DEFAULT_SETTINGS_FILE = "bluetit.toml"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment and the TOML file.

    Args:
        environ: the environment variables; the process' own if not given.

    Raises:
        SettingsError: a value is of the wrong type, below its minimum or none of its choices, the file cannot be read,
            it has a name that is no setting, or there is no home folder for a workspace that is not set.
    """
    environ = os.environ if environ is None else environ
    from_file = _read_settings_file(environ)
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        variable = ENVIRONMENT_PREFIX + spec.name.upper()
        if environ.get(variable, "") != "":
            values[spec.name] = _parse(environ[variable], spec.type, f"environment variable {variable}")
        elif spec.name in from_file:
            values[spec.name] = _parse(from_file[spec.name], spec.type, f"setting {spec.name!r} in the file")
        minimum = spec.metadata["minimum"]
        if spec.name in values and minimum is not None and not values[spec.name] >= minimum:
            raise SettingsError(f"{variable} is {values[spec.name]}; it must be at least {minimum}.")
        choices = spec.metadata["choices"]
        if choices and values.get(spec.name, choices[0]) not in choices:
            raise SettingsError(f"{variable} is {values[spec.name]!r}; it must be one of {', '.join(choices)}.")
    return Settings(**values)


def find_unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """A sentence on each variable that looks like a setting and is none, probably for a typing error.

    Args:
        environ: the environment variables; the process' own if not given.
    """
    environ = os.environ if environ is None else environ
    names = [spec.name for spec in fields(Settings)]
    known = {SETTINGS_FILE_VARIABLE, *(ENVIRONMENT_PREFIX + name.upper() for name in names)}
    sentences = []
    for variable in sorted(environ):
        if not variable.upper().startswith(ENVIRONMENT_PREFIX) or variable in known:
            continue
        # Without the beginning that all have in common: else everything would be near to everything.
        near = difflib.get_close_matches(variable[len(ENVIRONMENT_PREFIX) :].lower(), names, n=1)
        meant = f"was {ENVIRONMENT_PREFIX}{near[0].upper()} meant?" if near else "docs/settings.md lists all settings."
        sentences.append(f"The environment variable {variable} is no setting and changes nothing; {meant}")
    return sentences


def _read_settings_file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get(SETTINGS_FILE_VARIABLE, "")
    path = Path(named or DEFAULT_SETTINGS_FILE)
    if not named and not os.path.isfile(path):
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsError(f"The settings file {path} cannot be read: {exc}.") from exc
    unknown = sorted(set(content) - {spec.name for spec in fields(Settings)})
    if unknown:
        known = ", ".join(spec.name for spec in fields(Settings))
        raise SettingsError(f"{path} has unknown settings {', '.join(unknown)}. Known ones are: {known}.")
    return content


def _parse(value: Any, kind: Any, where: str) -> Any:
    """Turn text (or a TOML value) into the type that the field is declared with."""
    try:
        if kind is bool:
            return _parse_flag(value)
        if kind in (int, int | None):
            if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
                raise ValueError(value)
            return int(value)
        if kind in (float, float | None):
            if isinstance(value, bool):
                raise ValueError(value)
            return float(value)
        if kind == tuple[str, ...]:
            return _parse_list(value)
        if kind in (Path, Path | None):
            return expand_home(Path(value), where).resolve()
        return str(value)
    except (TypeError, ValueError) as exc:
        expected = "list of texts" if kind == tuple[str, ...] else f"value of type {getattr(kind, '__name__', kind)}"
        raise SettingsError(f"The {where} is {value!r}; a {expected} was expected.") from exc


def _parse_list(value: Any) -> tuple[str, ...]:
    """Texts from a TOML list, from a list as JSON writes it, or between commas; the first two may hold commas."""
    parts = value
    if isinstance(value, str):
        parts = json.loads(value) if value.strip().startswith("[") else value.split(",")
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise TypeError(value)
    return tuple(part.strip() for part in parts if part.strip())


def _parse_flag(value: Any) -> bool:
    """True or false, of TOML or in the words that people write into environment variables."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).lower() not in words:
        raise ValueError(value)
    return words[str(value).lower()]


def to_environment(settings: Settings) -> dict[str, str]:
    """The environment variables from which `load_settings` makes the same settings in another process.

    Every setting is there, empty ones too, and the settings file is switched off: what the other process
    inherits or finds in its folder changes nothing.
    """
    environment = {SETTINGS_FILE_VARIABLE: os.devnull}
    for spec in fields(Settings):
        value = getattr(settings, spec.name)
        if isinstance(value, Path):
            value = value.resolve()
        elif isinstance(value, tuple):
            value = json.dumps(value)  # an empty list is no empty text, which would mean the default
        environment[ENVIRONMENT_PREFIX + spec.name.upper()] = "" if value is None else str(value)
    return environment
