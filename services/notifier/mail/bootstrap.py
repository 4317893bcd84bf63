"""Puts together what mails are made with, from the settings."""

from email.utils import parseaddr

from services.notifier.mail.brand import Brand
from services.notifier.mail.desk import MailDesk
from services.notifier.mail.domain_rate import DomainRate
from services.notifier.mail.message import MailRenderer
from services.notifier.mail.pause import ChannelPause
from services.notifier.mail.post import PostRules
from services.notifier.mail.repository import MailRepository
from services.notifier.mail.sender import MailTools
from services.notifier.mail.signature import DkimSigner
from services.notifier.mail.templates import MailTemplates
from shared.db.engine import Database
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import Clock
from shared.mail_tokens import MailTokens
from shared.public_links import PublicLinks
from shared.settings import Settings, SettingsError, life_rules, public_url
from shared.storage.base import Storage


def mail_renderer(settings: Settings) -> MailRenderer:
    """Return what renders mails in the desk's name; raises InvalidMailbox for a bad sender."""
    name, address = parseaddr(settings.email_from)
    brand = Brand(
        name or address,
        settings.email_brand_color,
        settings.email_brand_logo_url,
        settings.email_brand_footer,
    )
    templates = MailTemplates(settings.email_templates_dir, brand)
    return MailRenderer(templates, sender=settings.email_from)


def mail_tools(settings: Settings, database: Database, clock: Clock, storage: Storage) -> MailTools:
    """Return what the desk's own mails are made and judged with."""
    renderer, rules = mail_renderer(settings), life_rules(settings)
    signing = SigningKeys(database, clock)
    desk = MailDesk(
        links=PublicLinks(signing, public_url(settings)),
        tokens=MailTokens(signing),
        storage=storage,
        address=renderer.address,
        reply_to=settings.email_reply_to,
        bounce_to=settings.email_bounce_to,
        ticket_url=settings.email_ticket_url,
        closes_after=rules.auto_close_after,
        reopen_window=rules.reopen_window,
        attach_max_bytes=settings.email_attach_max_bytes,
    )
    repository = MailRepository(database, settings.email_time_zone, settings.email_locale)
    return MailTools(renderer, desk, repository, clock)


def post_rules(settings: Settings, tools: MailTools) -> PostRules:
    """Return what holds for every mail; raises SettingsError for a DKIM key that is none."""
    return PostRules(
        tools.repository,
        DomainRate(settings.email_domain_rate_per_s),
        ChannelPause(),
        tools.clock,
        tools.desk.is_ours,
        _signer(settings, tools.renderer.domain),
    )


def _signer(settings: Settings, domain: str) -> DkimSigner | None:
    if settings.email_dkim_key is None:
        return None
    try:
        return DkimSigner(settings.email_dkim_key, settings.email_dkim_selector, domain)
    except ValueError as error:
        raise SettingsError(f"PATCHBAY_EMAIL_DKIM_KEY: {error}") from error
