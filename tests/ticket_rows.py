"""A ticket as the database has it, for tests of what looks at tickets without a database."""

from typing import Any

from shared.domain.ticket import Channel, Priority, TicketType


def ticket_row(**changed: Any) -> dict[str, Any]:
    """The columns that rules look at."""
    return {
        "subject": "VPN drops",
        "description": "Every ten minutes.",
        "type": TicketType.TECHNICAL_PROBLEM,
        "category": "vpn",
        "product": None,
        "severity": None,
        "impact": None,
        "urgency": None,
        "priority": Priority.MEDIUM,
        "channel": Channel.EMAIL,
        "team": None,
        "tags": ["laptop", "remote"],
        "custom_fields": {"seats": 250, "plan": {"tier": "gold"}},
        "required_skills": [{"skill": "vpn", "level": 2}],
        "source": "api",
        "external_id": None,
        "requester": {
            "name": "Mira Petrova",
            "email": "mira@example.com",
            "locale": "pt-BR",
        },
        **changed,
    }
