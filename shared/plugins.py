"""Which plugins are installed, by the metadata of their distributions; looking imports nothing.

Patchbay's own plugins are entry points like those of anybody else: there is one way to be found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

OWN_DISTRIBUTION = "patchbay"


class PluginKind(StrEnum):
    """The extension points; the group of entry points is `patchbay.<kind>s`."""

    FILTER = "filter"
    SCORER = "scorer"
    MATCHER = "matcher"
    ORDER = "order"

    @property
    def group(self) -> str:
        """The group of entry points."""
        return f"patchbay.{self}s"


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin that could be loaded, and the distribution that brought it."""

    kind: PluginKind
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def own(self) -> bool:
        """Whether it came with Patchbay."""
        return self.distribution == OWN_DISTRIBUTION


def refused_options(plugin: Installed, options: Mapping[str, Any]) -> str | None:
    """Return why a plugin does not take these options, or None if it does.

    Also None where the plugin cannot be loaded because what it computes with is not installed in
    this process; then the router has the last word.
    """
    try:
        plugin.entry_point.load()(**options)
    except ImportError:
        return None
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a stranger's code does
        return str(error) or type(error).__name__
    return None


@cache
def installed(kind: PluginKind) -> Mapping[str, Installed]:
    """Return the plugins of a kind by name; of two with one name Patchbay's own wins."""
    found: dict[str, Installed] = {}
    for point in entry_points(group=kind.group):
        name = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else ""
        plugin = Installed(kind, point.name, name, version, point)
        if point.name not in found or plugin.own:
            found[point.name] = plugin
    return dict(sorted(found.items()))
