"""How tickets belong together."""

from enum import StrEnum


class LinkKind(StrEnum):
    """What the other ticket is to this one: its parent, what it duplicates, what it follows.

    `related` says no more than that, in both directions; `merged` is made by merging.
    """

    RELATED = "related"
    PARENT = "parent"
    DUPLICATE = "duplicate"
    FOLLOW_UP = "follow_up"
    MERGED = "merged"


class LinkRole(StrEnum):
    """What the other ticket is to the one that is read: each kind has two ends."""

    RELATED = "related"
    PARENT = "parent"
    CHILD = "child"
    DUPLICATE_OF = "duplicate_of"
    DUPLICATED_BY = "duplicated_by"
    FOLLOW_UP_OF = "follow_up_of"
    FOLLOWED_UP_BY = "followed_up_by"
    MERGED_INTO = "merged_into"
    MERGED_FROM = "merged_from"


#: A link as its two tickets see it: the one that holds it first.
ROLES: dict[LinkKind, tuple[LinkRole, LinkRole]] = {
    LinkKind.RELATED: (LinkRole.RELATED, LinkRole.RELATED),
    LinkKind.PARENT: (LinkRole.PARENT, LinkRole.CHILD),
    LinkKind.DUPLICATE: (LinkRole.DUPLICATE_OF, LinkRole.DUPLICATED_BY),
    LinkKind.FOLLOW_UP: (LinkRole.FOLLOW_UP_OF, LinkRole.FOLLOWED_UP_BY),
    LinkKind.MERGED: (LinkRole.MERGED_INTO, LinkRole.MERGED_FROM),
}
