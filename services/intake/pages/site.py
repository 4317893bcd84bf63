"""What the pages need besides the parts of the API: texts, templates, assets, links, limits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from flask import current_app
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from services.intake.pages.catalogues import Texts, load_texts
from services.intake.pages.form_tokens import FormTokens
from services.intake.pages.stranger_limits import LINK_LIMIT_PER_HOUR, Counted, StrangerLimits
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import Clock
from shared.domain.support_field import SupportField
from shared.public_links import PublicLinks
from shared.settings import Network, Settings, public_url

_HERE = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: The style sheet of an operator, which comes after our own.
THEME = "theme.css"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load; `tag` changes with its content."""

    content: bytes
    media_type: str
    tag: str


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of the pages. `base_path` stands before every path, without a final slash."""

    texts: Mapping[str, Texts]
    templates: Environment
    assets: Mapping[str, Asset]
    links: PublicLinks
    tokens: FormTokens
    limits: StrangerLimits
    base_path: str
    embed_origins: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    fields: frozenset[SupportField]
    min_fill: timedelta


def site() -> Site:
    """Return the parts of the pages of the running application."""
    found: Site = current_app.extensions["patchbay.pages"]
    return found


def build_site(settings: Settings, signing: SigningKeys, clock: Clock) -> Site:
    """Put the pages together; reads files and opens nothing."""
    folder = settings.pages_dir
    url = public_url(settings)
    return Site(
        texts=load_texts(folder),
        templates=_templates(folder),
        assets=_assets(folder),
        links=PublicLinks(signing, url),
        tokens=FormTokens(signing, clock, timedelta(seconds=settings.idempotency_ttl_s)),
        limits=StrangerLimits(
            {
                Counted.IP: settings.support_ip_limit_per_hour,
                Counted.LINK: LINK_LIMIT_PER_HOUR,
                Counted.EMAIL: settings.support_email_limit_per_hour,
            }
        ),
        base_path=urlsplit(url).path.rstrip("/"),
        embed_origins=settings.embed_origins,
        trusted_proxies=settings.trusted_proxies,
        fields=settings.support_fields,
        min_fill=timedelta(seconds=settings.support_min_fill_s),
    )


@cache
def _templates(folder: Path | None) -> Environment:
    """Return the templates; changed ones are read by the next process.

    Each is compiled once, however many applications a process makes.
    """
    folders = [folder / "templates"] if folder else []
    return Environment(
        loader=ChoiceLoader([FileSystemLoader(each) for each in (*folders, _HERE / "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _assets(folder: Path | None) -> dict[str, Asset]:
    paths = list((_HERE / "assets").iterdir())
    if folder and (folder / THEME).exists():
        paths.append(folder / THEME)
    return {path.name: _asset(path) for path in paths if path.suffix in _MEDIA_TYPES}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    tag = hashlib.sha256(content).hexdigest()[:12]
    return Asset(content, f"{_MEDIA_TYPES[path.suffix]}; charset=utf-8", tag)
