"""The kinds of findings, and the keys under which they are dismissed.

A finding's kind is a text: a row of `core.datasets.checks.photo_checks` may have one that is not listed here.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum


class FindingKind(StrEnum):
    """What may be wrong, or worth knowing, as far as code asks for it by name."""

    EXACT_DUPLICATES = "exact_duplicates"
    NEAR_DUPLICATES = "near_duplicates"
    IN_TWO_CLASSES = "in_two_classes"
    IN_TWO_SPLITS = "in_two_splits"
    MIRRORED_CLASSES = "mirrored_classes"  # classes that are mirror images: `class_ids`, pair after pair
    FIXED_CAMERA = "fixed_camera"  # most photos show one scene
    RENDERINGS = "renderings"  # one photo in several forms, in colour, in grey, turned; frames of one film
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    FLAT = "flat"
    TINY = "tiny"
    EXTREME_ASPECT = "extreme_aspect"
    FEW_PHOTOS = "few_photos"
    IMBALANCE = "imbalance"
    NO_VALIDATION = "no_validation"
    ROUGH_SEARCH = "rough_search"


def finding_key(kind: str, parts: Iterable[str]) -> str:
    """The key of a finding, or of a group or photo in one.

    Args:
        kind: why it is found.
        parts: what is found, in one order: the hashes of its photos, or other keys.
    """
    return f"{kind}:{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:32]}"


def group_key(kind: str, photo_hashes: Iterable[str]) -> str:
    """The key of a group of photos, in whatever order and how often each is given."""
    return finding_key(kind, sorted(set(photo_hashes)))
