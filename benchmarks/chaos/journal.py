"""What visitors asked for and were told, written down outside of the database: each answer is a promise.

A line is written before an action begins and another when it has returned. Of an action with the first line alone
nobody knows whether it happened; it must have happened whole or not at all.
"""

import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True, kw_only=True)
class Action:
    """Something that a visitor asked for."""

    space_id: int
    kind: str
    told: dict[str, Any]  # what was asked for
    answer: dict[str, Any] | None = None  # what came back; None: nothing, for the visitor was killed before
    refusal: str | None = None  # the sentence by which it was refused, so that nothing has changed

    @property
    def is_sure(self) -> bool:
        """Whether the visitor was told how it ended."""
        return self.answer is not None or self.refusal is not None


class Journal:
    """The lines of one visitor; whoever is killed while writing leaves half a line, which counts as none."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)

    def begin(self, kind: str, told: dict[str, Any]) -> str:
        """Note what is going to be asked for; the name of the action."""
        name = uuid.uuid4().hex
        self._write({"action": name, "kind": kind, "told": told})
        return name

    def end(self, name: str, answer: dict[str, Any]) -> None:
        """Note what came back."""
        self._write({"action": name, "answer": answer})

    def refuse(self, name: str, refusal: str) -> None:
        """Note by which sentence it was refused."""
        self._write({"action": name, "refusal": refusal})

    def fault(self, text: str) -> None:
        """Note what should never happen: an error that is no sentence for people."""
        self._write({"fault": text})

    def _write(self, line: dict[str, Any]) -> None:
        # In front too: half a line of a visitor who was killed must not spoil this one.
        os.write(self._file, f"\n{json.dumps(line)}\n".encode())


@dataclass(slots=True)
class JournalReader:
    """Reads on in the journal of one space, while nobody writes."""

    path: Path
    space_id: int
    faults: list[str] = field(default_factory=list)
    _offset: int = 0

    def read_on(self) -> list[Action]:
        """The actions since the last time, in order."""
        if not self.path.is_file():
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        actions: dict[str, Action] = {}
        for text in data.decode().splitlines():
            line = _parse(text)
            if "fault" in line:
                self.faults.append(line["fault"])
            elif "kind" in line:
                actions[line["action"]] = Action(space_id=self.space_id, kind=line["kind"], told=line["told"])
            elif line:
                action = actions[line["action"]]
                action.answer, action.refusal = line.get("answer"), line.get("refusal")
        return list(actions.values())


def _parse(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text) if text else {}
    except ValueError:
        return {}  # its writer was killed in the middle
    return line if isinstance(line, dict) else {}
