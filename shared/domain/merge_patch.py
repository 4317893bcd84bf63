"""JSON Merge Patch (RFC 7396): a change of a document that looks like the document."""

from collections.abc import Mapping
from typing import Any


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` as `patch` changes it, by the algorithm of RFC 7396 §2; changes neither.

    An object is merged member by member, and null removes a member. Anything else, lists too,
    takes the place of what was there. Takes as many levels of the stack as the patch has.
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
