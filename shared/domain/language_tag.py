"""Language tags: `en`, `pt-BR`, `zh-Hant-TW`, by the grammar of BCP 47 (RFC 5646 §2.1)."""

import re

_TAG = re.compile(
    r"""
    (?: [a-z]{2,3} (?:-[a-z]{3}){0,3} | [a-z]{4,8} )   # language, with extended languages
    (?: -[a-z]{4} )?                                    # script
    (?: -(?: [a-z]{2} | [0-9]{3} ) )?                   # region
    (?: -(?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*      # variants
    (?: -[0-9a-wy-z] (?:-[a-z0-9]{2,8})+ )*             # extensions
    (?: -x (?:-[a-z0-9]{1,8})+ )?                       # private use
    | x (?:-[a-z0-9]{1,8})+
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def is_language_tag(text: str) -> bool:
    """Tell whether `text` is a well-formed language tag; whether anybody speaks it is not asked."""
    return bool(_TAG.fullmatch(text))
