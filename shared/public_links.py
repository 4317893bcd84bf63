"""Links that a customer gets in mails and pages: who has one may act for the ticket's requester.

A link holds the ticket's id, signed for this purpose and no other. It is good until the signing
keys are rotated and their overlap is over, which is also how links are revoked.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.db.signing_keys import SigningKeys
from shared.domain.errors import BadToken

STATUS = "ticket-status"
UNSUBSCRIBE = "mail-unsubscribe"


@dataclass(frozen=True, slots=True)
class PublicLinks:
    """Makes and reads links; `base_url` is where strangers reach intake, without a final slash."""

    signing: SigningKeys
    base_url: str

    def token(self, ticket_id: str, at: datetime | None = None) -> str:
        """Return what stands for a ticket in its links; as of `at` it is always the same."""
        return self.signing.sign(STATUS, ticket_id, at)

    def status(self, ticket_id: str, at: datetime | None = None) -> str:
        """Return the URL of a ticket's status page."""
        return f"{self.base_url}/t/{self.token(ticket_id, at)}"

    def rating(self, ticket_id: str, score: int, at: datetime | None = None) -> str:
        """Return the URL where a customer rates with one click, the score (1 to 5) chosen.

        The page asks for that click: whatever follows links in mails must not rate.
        """
        return f"{self.status(ticket_id, at)}/rate?score={score}"

    def file(self, ticket_id: str, attachment_id: str, at: datetime | None = None) -> str:
        """Return the URL of an attachment that the requester may see."""
        return f"{self.status(ticket_id, at)}/files/{attachment_id}"

    def unsubscribe(self, person_id: str, mail: str, at: datetime | None = None) -> str:
        """Return the URL by which a person is not sent a kind of mail any more."""
        return f"{self.base_url}/u/{self.signing.sign(UNSUBSCRIBE, [person_id, mail], at)}"

    def unsubscribed(self, token: str) -> tuple[str, str]:
        """Return whose link it is, and for which kind of mail; raises BadToken."""
        person_id, mail = self.signing.read(UNSUBSCRIBE, token)
        return str(person_id), str(mail)

    def ticket_id(self, token: str) -> str:
        """Return the ticket that a token stands for; raises BadToken."""
        found = self.signing.read(STATUS, token)
        if not isinstance(found, str):
            message = "This link leads to no ticket."
            raise BadToken(message)
        return found
