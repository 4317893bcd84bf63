"""What the pages say, by language: one catalogue of plain YAML for each.

An operator's folder may hold further ones, which replace single texts or add a language.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FALLBACK = "en"
_OWN = Path(__file__).parent / "texts"


class Texts:
    """The texts of one language, by dotted names."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, name: str, /, **values: Any) -> str:
        """Return a text with its {words} filled in; KeyError if there is none of that name."""
        text = self._texts[name]
        return text.format(**values) if values else text


def load_texts(folder: Path | None) -> dict[str, Texts]:
    """Return the catalogue of each language; `folder`/texts/*.yaml goes over our own.

    A language of which only some texts are translated has the rest in English. Raises ValueError
    for a file that is no catalogue or has a text that there is not.
    """
    found = dict(_own())
    known = set(found[FALLBACK])
    for path in sorted((folder / "texts").glob("*.yaml")) if folder else ():
        changed = _read(path)
        if strange := sorted(set(changed) - known):
            message = f"{path}: there is no text {strange[0]!r}"
            raise ValueError(message)
        found[path.stem] = {**found.get(path.stem, {}), **changed}
    return {
        language: Texts(language, {**found[FALLBACK], **texts}) for language, texts in found.items()
    }


@cache
def _own() -> dict[str, dict[str, str]]:
    return {path.stem: _read(path) for path in sorted(_OWN.glob("*.yaml"))}


def _read(path: Path) -> dict[str, str]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        message = f"{path}: this is no catalogue; it begins with names and texts"
        raise ValueError(message)  # noqa: TRY004 -- the file is wrong, not the caller
    return dict(_flat(document, ""))


def _flat(document: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
