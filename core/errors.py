"""Every error Bluetit raises on purpose, as one tree.

    BluetitError
    ├── SettingsError            a setting has a value that cannot be used
    ├── ConfigError              a config has a value that cannot be used
    ├── StorageError             the workspace or the database failed
    │   ├── NoSpaceError         the disk, or the object store, is full
    │   ├── StoreError           the object store does not answer, or does not let us in
    │   ├── NewerDatabaseError   a newer Bluetit has changed the tables
    │   ├── ArrayFileError       a file of arrays is missing or damaged
    │   └── RecordError          a stored record is damaged, or of another version
    ├── NoRoomError              more photos than one visitor, or all, may have on the classify page
    ├── ImageError               a photo cannot be used
    │   ├── EmptyImageError      the file has no bytes
    │   ├── NotAnImageError      the bytes are not a photo in a known format
    │   ├── UnsupportedImageError  a photo, but of a variety that is not read
    │   ├── BlankImageError      there is nothing to be seen on it
    │   ├── DamagedImageError    the photo is truncated or broken
    │   └── ImageTooLargeError   more bytes or pixels than the limits allow
    ├── LinkError                a link cannot be read
    │   ├── LinkRefusedError     the address is one we do not read from
    │   └── LinkFailedError      the server did not deliver
    │       ├── LinkBrokenError  the connection broke off or fell silent; the next try may succeed
    │       └── LinkChangedError what came is not what was published there
    ├── BackboneError            a pretrained network cannot be used
    │   ├── UnknownBackboneError no such name in the catalogue
    │   ├── WeightsMissingError  the weight file is not here and cannot be fetched
    │   ├── WeightsDamagedError  the weight file is not what was expected
    │   ├── ArtefactMissingError the backbone has not been prepared yet
    │   ├── ArtefactDamagedError the prepared file is not what was written
    │   └── ParityError          a converted model answers differently from the original
    ├── DatasetError             a dataset cannot be used or changed in this way
    │   ├── UnknownDatasetError  no such dataset, class, image, import or snapshot
    │   ├── NameRefusedError     a name that a dataset, class or run cannot have
    │   ├── ArchiveError         an archive cannot be unpacked
    │   └── SourceError          a source of photos cannot be used
    ├── ProjectError             a project file cannot be written or brought in
    ├── ForeignModelError        a model from elsewhere cannot be read, or does not answer
    │   └── UnknownForeignModelError  no such model
    ├── RunError                 a run cannot be used or changed in this way
    │   ├── UnknownRunError      no such run
    │   ├── RunStateError        the run is not in a state in which that is possible
    │   ├── RunFileError         a file of the run is missing or damaged
    │   ├── TrainingDataError    the photos do not suffice to train on
    │   └── TrainingMemoryError  the network does not fit into the memory, even with single photos
    ├── ActionError              what is to happen at a class cannot be kept or shown
    ├── WebPageError             a model cannot become a web page
    │   └── WebRuntimeError      what runs models in browsers is not here, and cannot be fetched
    ├── HostingError             a class cannot be held on this computer
    │   └── CertificateError     a certificate or its key cannot be used
    ├── SpaceError               whose things are whose does not allow it
    │   ├── UnknownSpaceError    no such space
    │   ├── NotLetInError        whoever asks has not been let in
    │   ├── LimitReachedError    a space has as much as it may have
    │   └── LookOnlyError        somebody else's things can be looked at, not changed
    ├── KioskError               a kiosk cannot be set up like that, or is not there
    ├── PhoneLinkError           the link by which a phone sends photos is over
    └── JobError                 a background task cannot go on
        ├── UnknownTaskError     no such task, or no such kind of task
        ├── IllegalTransitionError  a status change that the table forbids
        ├── TaskCancelledError   somebody asked for the task to stop
        ├── TaskLostError        the task was given to another worker
        └── ClusterError         the computers that train cannot be reached or used

Messages say what came in, what was expected, and what to do. Pages show them as they are.
"""


class BluetitError(Exception):
    """Base of every error that Bluetit raises on purpose; its text is fit for a visitor's eyes."""


class SettingsError(BluetitError):
    """A setting has a value that cannot be used."""


class ConfigError(BluetitError):
    """A config has a value that cannot be used."""


class StorageError(BluetitError):
    """The workspace folder or the database failed."""


class NoSpaceError(StorageError):
    """The disk, or the object store, is full."""


class StoreError(StorageError):
    """The object store of photos and models does not answer, or does not let us in."""


class NewerDatabaseError(StorageError):
    """A newer Bluetit has changed the tables of the database."""


class ArrayFileError(StorageError):
    """A file of arrays is missing, damaged, or holds something else."""


class RecordError(StorageError):
    """A record out of the database or a file is damaged, or another version of Bluetit wrote it."""


class NoRoomError(BluetitError):
    """More photos, or bytes of photos, than one visitor or all together may have on the classify page."""


class ImageError(BluetitError):
    """A photo cannot be used; the message names the file."""


class EmptyImageError(ImageError):
    """The file has no bytes."""


class NotAnImageError(ImageError):
    """The bytes are not a photo in a format we read."""


class UnsupportedImageError(ImageError):
    """The file is whole and of a known format, but of a variety that is not read."""


class BlankImageError(ImageError):
    """All of the photo is transparent: there is nothing to be seen."""


class DamagedImageError(ImageError):
    """The photo is truncated or broken."""


class ImageTooLargeError(ImageError):
    """The photo has more bytes or pixels than the limits allow."""


class LinkError(BluetitError):
    """A link cannot be read."""


class LinkRefusedError(LinkError):
    """The link points to an address that Bluetit does not read from."""


class LinkFailedError(LinkError):
    """The server behind the link did not deliver."""


class LinkBrokenError(LinkFailedError):
    """The server cannot be reached just now, broke off or fell silent; the next try may succeed."""


class LinkChangedError(LinkFailedError):
    """What the server delivered is not the file that was published at this address."""


class BackboneError(BluetitError):
    """A pretrained network cannot be used."""


class UnknownBackboneError(BackboneError):
    """The name is not in the catalogue."""


class WeightsMissingError(BackboneError):
    """The weight file is not on this machine and cannot be fetched."""


class WeightsDamagedError(BackboneError):
    """The weight file is not the one that was published."""


class ArtefactMissingError(BackboneError):
    """The backbone has not been prepared on this machine yet."""


class ArtefactDamagedError(BackboneError):
    """The prepared file differs from what was written."""


class ParityError(BackboneError):
    """A converted model does not answer like the model it was made from."""


class DatasetError(BluetitError):
    """A dataset cannot be used or changed in this way."""


class UnknownDatasetError(DatasetError):
    """No dataset, class, image, import or snapshot has this number."""


class NameRefusedError(DatasetError):
    """A dataset, class or run cannot have this name."""


class ArchiveError(DatasetError):
    """The archive is damaged, locked, or larger than the limits allow."""


class SourceError(DatasetError):
    """A source of photos cannot be used: not allowed, not installed, or not answering."""


class ProjectError(BluetitError):
    """A project cannot be written to a file, or a project file cannot be brought in."""


class ForeignModelError(BluetitError):
    """A model from elsewhere cannot be read, is refused, or does not answer."""


class UnknownForeignModelError(ForeignModelError):
    """No model from elsewhere has this number, or it is in the trash."""


class RunError(BluetitError):
    """A run cannot be used or changed in this way."""


class UnknownRunError(RunError):
    """No run has this number."""


class RunStateError(RunError):
    """The run is not in a state in which that is possible, or it is in the trash."""


class RunFileError(RunError):
    """A file of the run is missing or damaged."""


class TrainingMemoryError(RunError):
    """The network does not fit into the memory of the machine or GPU, even with one photo at a time."""


class TrainingDataError(RunError):
    """The photos of a run cannot be learned from: too few classes, or a class without photos."""


class ActionError(BluetitError):
    """What is to happen when a class is seen cannot be kept or shown."""


class WebPageError(BluetitError):
    """A model cannot become a web page of its own."""


class WebRuntimeError(WebPageError):
    """The files that let a browser run a model are missing or damaged, and cannot be fetched."""


class HostingError(BluetitError):
    """A class cannot be held on this computer."""


class CertificateError(HostingError):
    """A certificate or its key cannot be used."""


class SpaceError(BluetitError):
    """Whose things are whose does not allow it."""


class UnknownSpaceError(SpaceError):
    """There is no such space, or it was deleted."""


class NotLetInError(SpaceError):
    """Whoever asks has not been let in yet, or not any more."""


class LimitReachedError(SpaceError):
    """A space has as many photos, bytes or runs as it may have, or as much training in an hour, or uploads a minute."""


class LookOnlyError(SpaceError):
    """Somebody else's things can be looked at, and not changed."""


class KioskError(BluetitError):
    """A kiosk cannot be set up like that, or is not there any more."""


class PhoneLinkError(BluetitError):
    """The link by which a phone sends photos into a class was never given out, or has come to its end."""


class JobError(BluetitError):
    """A background task cannot go on."""


class UnknownTaskError(JobError):
    """No task has this number, or no kind of task has this name."""


class IllegalTransitionError(JobError):
    """The table of statuses forbids this change."""


class TaskCancelledError(JobError):
    """Somebody asked for the task to stop; raised inside the worker only."""


class TaskLostError(JobError):
    """The task was given to another worker while this one was silent; this one must let go."""


class ClusterError(JobError):
    """The computers that train cannot be reached or used; the message is for whoever runs them.

    Attributes:
        told: the same for people who wait, without names of computers.
    """

    def __init__(self, message: str, *, told: str) -> None:
        super().__init__(message)
        self.told = told
