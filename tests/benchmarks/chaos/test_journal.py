"""What visitors were told is read as it was written, however they were killed."""

from pathlib import Path

from benchmarks.chaos.journal import Journal, JournalReader


def test_actions_come_in_order_with_what_came_back(tmp_path: Path):
    """Answered, refused, and begun by somebody who was killed before the answer."""
    path = tmp_path / "journal"
    journal, reader = Journal(path), JournalReader(path, 3)
    assert reader.read_on() == []
    first = journal.begin("create", {"name": "a"})
    journal.end(first, {"number": 7})
    second = journal.begin("edit", {"dataset": 7})
    journal.refuse(second, "No.")
    journal.begin("purge", {"dataset": 7})
    told = [(each.kind, each.space_id, each.answer, each.refusal) for each in reader.read_on()]
    assert told == [("create", 3, {"number": 7}, None), ("edit", 3, None, "No."), ("purge", 3, None, None)]
    assert reader.read_on() == []


def test_half_a_line_counts_as_none(tmp_path: Path):
    """Whoever was killed while writing it was told nothing, and spoils nothing of those who come after."""
    path = tmp_path / "journal"
    name = Journal(path).begin("create", {"name": "a"})
    with path.open("ab") as file:
        file.write(b'\n{"action": "%s", "answ' % name.encode())
    journal = Journal(path)
    journal.end(journal.begin("create", {"name": "b"}), {"number": 8})
    told = [(each.told["name"], each.answer) for each in JournalReader(path, 1).read_on()]
    assert told == [("a", None), ("b", {"number": 8})]


def test_errors_that_are_no_sentences_are_told(tmp_path: Path):
    """They are faults of the program, whatever was promised."""
    path = tmp_path / "journal"
    Journal(path).fault("Traceback")
    reader = JournalReader(path, 1)
    assert (reader.read_on(), reader.faults) == ([], ["Traceback"])
