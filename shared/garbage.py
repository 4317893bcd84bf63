"""Python's garbage collector in processes of ours: it looks seldom, and not at what was loaded."""

import gc

#: When it looks at the young (new containers), and how often at the older (gc.set_threshold).
#: Requests and batches make thousands of objects that die by reference count alone.
THRESHOLDS = (10_000, 20, 20)


def look_seldom() -> None:
    """Collect less often than Python does; that takes an eighth of the time modules load in."""
    gc.set_threshold(*THRESHOLDS)


def settle() -> None:
    """Tell the collector that what is loaded now stays, and to look seldom.

    Otherwise each full collection goes through every class and schema of the process, which stops
    all its threads for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    look_seldom()
