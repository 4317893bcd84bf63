"""Links that a customer gets in mails and pages: who has one may act for the ticket's requester.

A link holds the ticket's id, signed for this purpose and no other. It is good until the signing
keys are rotated and their overlap is over, which is also how links are revoked.
"""

from dataclasses import dataclass

from shared.db.signing_keys import SigningKeys
from shared.domain.errors import BadToken

STATUS = "ticket-status"


@dataclass(frozen=True, slots=True)
class PublicLinks:
    """Makes and reads links; `base_url` is where strangers reach intake, without a final slash."""

    signing: SigningKeys
    base_url: str

    def token(self, ticket_id: str) -> str:
        """Return what stands for a ticket in its links."""
        return self.signing.sign(STATUS, ticket_id)

    def status(self, ticket_id: str) -> str:
        """Return the URL of a ticket's status page."""
        return f"{self.base_url}/t/{self.token(ticket_id)}"

    def rating(self, ticket_id: str, score: int) -> str:
        """Return the URL where a customer rates with one click, the score (1 to 5) chosen.

        The page asks for that click: whatever follows links in mails must not rate.
        """
        return f"{self.status(ticket_id)}/rate?score={score}"

    def ticket_id(self, token: str) -> str:
        """Return the ticket that a token stands for; raises BadToken."""
        found = self.signing.read(STATUS, token)
        if not isinstance(found, str):
            message = "This link leads to no ticket."
            raise BadToken(message)
        return found
