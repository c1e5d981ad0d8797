"""A receipt in words, for a head of school: what there was, that it is gone, how that was found out."""

import time

from core.spaces.deleting.records import DeletionReason, Receipt

_TITLES = {
    DeletionReason.CLASS: "Everything of a class was deleted",
    DeletionReason.PUPIL: "Everything of a pupil was deleted",
    DeletionReason.OVERDUE: "Everything of pupils who were away for long was deleted",
    DeletionReason.ACCOUNT: "Everything of an account was deleted",
}


def receipt_markdown(receipt: Receipt) -> str:
    """A receipt as a page that can be printed; times in the time zone of this computer."""
    kept = (
        f"{_count(receipt.num_kept_photos, 'photo')} of these were in datasets or models of somebody else as well, "
        "such as the teacher's own, from where they had been handed out. They stay there."
        if receipt.num_kept_photos
        else "Nothing. No photo of these is in anybody else's dataset or model."
    )
    plain = (
        f" {_count(receipt.num_plain_photos, 'photo')} had no piece to look for, being so plain or small that any "
        "plain photo has the same; of these only the name was looked for."
        if receipt.num_plain_photos
        else ""
    )
    who = "accounts" if receipt.reason is DeletionReason.ACCOUNT else "pupils"
    of_teacher = "What the teacher had made was deleted as well." if receipt.has_teachers else ""
    stored = " and everything in the store of photos and models" if receipt.has_store else ""
    copies = (
        "- Other servers have copies of what they used last. Each deletes those of what is gone within ten minutes in "
        "which it runs.\n"
        if receipt.has_store
        else ""
    )
    return f"""# {_TITLES[receipt.reason]}

Begun on {_moment(receipt.began_at)}, deleted on {_moment(receipt.finished_at)} (asked for at \
{_moment(receipt.requested_at)}). {of_teacher}

## What there was, and is gone

| what | how much |
| --- | ---: |
| {who}, with their names and the keys of their browsers | {receipt.num_spaces:,} |
| datasets | {receipt.num_datasets:,} |
| different photos | {receipt.num_photos:,} ({_size(receipt.photo_bytes)}) |
| trainings | {receipt.num_runs:,} ({_size(receipt.run_bytes)}) |
| models among them | {receipt.num_models:,} |
| notes of background work | {receipt.num_tasks:,} |
| what networks had computed of photos | {receipt.num_features:,} entries |
| uploads, drafts, maps, logs and packed files | {receipt.num_other_files:,} |

## What is left

{kept}

## How it was found out that nothing else is left

- Every row of the {receipt.num_tables} tables of the database was read ({_count(receipt.num_rows, "row")}): none \
belongs to one of the {who}, none names one of the deleted photos.
- {receipt.database_sentence}
- Every file of the workspace and its cache{stored} was looked through, byte for byte \
({_count(receipt.num_files, "file")}, {_size(receipt.num_bytes)}), for {receipt.num_windows:,} pieces and names of the \
deleted photos. None was found.{plain}

## What this does not say

{copies}- Backups of this computer, and what {who} have saved or sent elsewhere themselves, are not looked through.
- Where a file was, a disk keeps its bytes until it writes over them. Whoever takes disks apart could read them, \
unless the disk is encrypted.
"""


def _moment(seconds: float) -> str:
    when = time.localtime(seconds)
    return f"{when.tm_mday} {time.strftime('%B %Y, %H:%M', when)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB" if num_bytes >= 100_000 else f"{num_bytes:,} bytes"
