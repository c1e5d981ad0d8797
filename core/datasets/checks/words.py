"""What findings say: how their title begins, why it matters, and what a person answers who has seen enough of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.datasets.checks.kinds import FindingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said about a kind of finding. Empty title and `why`: they are made of what is found."""

    title: str = ""  # how the title begins; numbers follow
    why: str = ""  # why it matters, one or two sentences
    # What it means when most photos of a class are like that: it is how they are, and no reason to delete them. Empty:
    # it is a fault however many they are.
    usual: str = ""
    dismissal: str = "It is fine"  # what somebody says who wants to see no more of it
    # What somebody says who also lets a split part these photos, where that is another answer. Empty: there is none.
    unbinding: str = ""
    is_binding: bool = False  # whether a split may part the photos once they are dismissed
    looked_for: str = ""  # what a page says was looked for, in the words of "Looked for …"


_I_KNOW = "I know"

WORDS: Mapping[str, Words] = {
    FindingKind.IN_TWO_CLASSES: Words(
        title="In two classes at once",
        why="The same photo is given as an example of different things. Nothing can be learned from it, and whatever "
        "the network answers counts as wrong once. Choose the class that it belongs to.",
    ),
    FindingKind.IN_TWO_SPLITS: Words(
        title="The same or nearly the same on both sides of the split",
        why="The network is asked about photos that it has seen while learning, so it will look better than it is. "
        "Photos that belong together must be in the same split.",
        is_binding=True,
    ),
    FindingKind.MIRRORED_CLASSES: Words(dismissal="They are no mirror images"),
    FindingKind.EXACT_DUPLICATES: Words(
        title="Exact copies",
        why="A copy teaches nothing new, and counts twice when the network is judged.",
        usual="Most photos are there more than once: perhaps the same folder came twice, or every file was read as the "
        "same picture. Look at them first.",
    ),
    FindingKind.NEAR_DUPLICATES: Words(
        title="Nearly the same",
        why="A photo that is there again, saved anew, cropped or mirrored, teaches little, and makes one scene more "
        "important than others. The split keeps them on one side.",
        usual="But most photos here have such a twin: then it is how these photos are, as with a fixed camera, one "
        "film or simple drawings, and no reason to delete them.",
        is_binding=True,
    ),
    FindingKind.RENDERINGS: Words(
        title="Several forms of one photo, or frames of one film",
        why="The names of their files say so: in colour and in grey, cut out, turned, varied. A network that has "
        "learned one of them knows the others, so the split keeps them on one side. Nothing else is to be done.",
        unbinding="They are different photos",
    ),
    FindingKind.FEW_PHOTOS: Words(dismissal=_I_KNOW),
    FindingKind.NO_VALIDATION: Words(dismissal=_I_KNOW),
    FindingKind.IMBALANCE: Words(dismissal=_I_KNOW),
    FindingKind.ROUGH_SEARCH: Words(dismissal=_I_KNOW),
}
