"""Renders news about a webhook to one mail, by the templates of all mails.

The same event always gives the same bytes.
"""

import re
from collections.abc import Mapping
from typing import Any

from services.notifier.channels.base import PermanentFailure
from services.notifier.channels.mail_address import InvalidMailbox, one_line, parse_mailbox
from services.notifier.mail.facts import MailFacts
from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.templates import BrokenTemplate, MailText
from services.notifier.mail.threading import references, ticket_reference
from shared.domain.delivery import OwnerMailKind

_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


class OwnerMails:
    """Builds mails to owners in the name of a desk."""

    def __init__(self, renderer: MailRenderer) -> None:
        self._renderer = renderer

    def render(
        self, kind: OwnerMailKind, recipient: str, event: Mapping[str, Any], facts: MailFacts
    ) -> RenderedMail | PermanentFailure:
        """Build one mail from the decoded body of an event.

        Returns PermanentFailure when the address is none or a template is broken.
        """
        try:
            to = parse_mailbox(recipient)
            text = self.filled(kind, event, facts)
        except (InvalidMailbox, BrokenTemplate) as fault:
            return PermanentFailure(str(fault))
        return self._renderer.assembled(kind, to, text, event["timestamp"], facts)

    def filled(self, kind: OwnerMailKind, event: Mapping[str, Any], facts: MailFacts) -> MailText:
        """Return what a mail says; raises BrokenTemplate."""
        data = event["data"]
        values = {
            # What receivers answer and people describe is one line each, whatever it was.
            "webhook": {name: one_line(value) for name, value in data["webhook"].items()},
            "since": data["failing_since"],
            "failures": int(data["failures"]),
            "reason": one_line(data["reason"]),
            "unsubscribe_url": "",
        }
        return self._renderer.templates.fill(kind, facts.locale, values, facts.zone)

    def facts(
        self,
        kind: OwnerMailKind,
        event: Mapping[str, Any],
        return_path: str,
        zone: str,
        locale: str,
    ) -> MailFacts:
        """Return everything about a mail that is not in its event.

        Mails about one webhook are a thread.
        """
        if not _ID.fullmatch(event["id"]):
            raise ValueError("an id in the event is not one of ours")
        domain = self._renderer.domain
        own = f"<{event['id']}.{kind.value}@{domain}>"
        root = ticket_reference(event["data"]["webhook"]["id"], domain)
        return MailFacts(own, references(root, [], own), return_path, locale=locale, zone=zone)
