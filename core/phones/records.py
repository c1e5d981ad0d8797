"""What the links of phones hand out, and what phones bring."""

from dataclasses import dataclass
from typing import Self

from core.storage.schema import PhoneLink

# Photos are made smaller on the phone: at 1,024 pixels they have a tenth of that.
MAX_PHOTO_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLinkView:
    """A link as it was when asked for; times in Unix seconds."""

    id: int
    space_id: int  # whose dataset it leads into
    dataset_id: int
    class_id: int
    class_name: str
    created_at: float
    expires_at: float
    num_photos: int  # that have come through it

    @classmethod
    def of(cls, row: PhoneLink, class_name: str) -> Self:
        """Copy a row."""
        return cls(
            id=row.id,
            space_id=row.space_id,
            dataset_id=row.dataset_id,
            class_id=row.class_id,
            class_name=class_name,
            created_at=row.created_at,
            expires_at=row.expires_at,
            num_photos=row.num_photos,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPhoto:
    """A photo that a phone has sent."""

    data: bytes  # its file, not decoded yet
    key: str  # a secret that the phone made for this photo, the same when it is sent once more
    burst: str | None  # what photos that were taken in one go have in common; None: it was taken alone
