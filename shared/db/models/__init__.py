"""The tables, one file each; importing this package registers them all."""

from shared.db.models.absence import Absence
from shared.db.models.agent import Agent, AgentSkill, AgentTeam
from shared.db.models.agent_performance import AgentPerformance
from shared.db.models.api_key import ApiKey
from shared.db.models.assignment import Assignment
from shared.db.models.attachment import Attachment
from shared.db.models.audit_entry import AuditEntry
from shared.db.models.base import Base
from shared.db.models.bulk_chunk import BulkChunk
from shared.db.models.bulk_job import BulkJob
from shared.db.models.bulk_key import BulkKey
from shared.db.models.calendar import Calendar
from shared.db.models.comment import Comment
from shared.db.models.configuration import ConfigurationVersion
from shared.db.models.decision import Decision
from shared.db.models.delivery import Delivery
from shared.db.models.delivery_attempt import DeliveryAttempt
from shared.db.models.dropped_work import DroppedWork
from shared.db.models.dry_run import DryRun
from shared.db.models.endpoint_health import EndpointHealth
from shared.db.models.event_outbox import OutboxEntry
from shared.db.models.feed_reader import FeedReader
from shared.db.models.idempotency_key import IdempotencyKey
from shared.db.models.lease import Lease
from shared.db.models.mail_digest_entry import MailDigestEntry
from shared.db.models.mail_preference import MailPreference
from shared.db.models.mail_suppression import MailSuppression
from shared.db.models.profile import Profile
from shared.db.models.requester import Requester
from shared.db.models.requester_identity import RequesterIdentity
from shared.db.models.requirement import Requirement
from shared.db.models.routing_rules import RoutingRules
from shared.db.models.search_document import SearchDocument
from shared.db.models.shadow_decision import ShadowDecision
from shared.db.models.signing_key import SigningKey
from shared.db.models.skill import Skill
from shared.db.models.sla_policy import SlaPolicy, SlaPolicyVersion
from shared.db.models.subscription import Subscription
from shared.db.models.team import Team
from shared.db.models.ticket import Ticket
from shared.db.models.ticket_event import TicketEvent
from shared.db.models.ticket_link import TicketLink
from shared.db.models.upload import Upload
from shared.db.models.waiting_look import WaitingLook

__all__ = [
    "Absence",
    "Agent",
    "AgentPerformance",
    "AgentSkill",
    "AgentTeam",
    "ApiKey",
    "Assignment",
    "Attachment",
    "AuditEntry",
    "Base",
    "BulkChunk",
    "BulkJob",
    "BulkKey",
    "Calendar",
    "Comment",
    "ConfigurationVersion",
    "Decision",
    "Delivery",
    "DeliveryAttempt",
    "DroppedWork",
    "DryRun",
    "EndpointHealth",
    "FeedReader",
    "IdempotencyKey",
    "Lease",
    "MailDigestEntry",
    "MailPreference",
    "MailSuppression",
    "OutboxEntry",
    "Profile",
    "Requester",
    "RequesterIdentity",
    "Requirement",
    "RoutingRules",
    "SearchDocument",
    "ShadowDecision",
    "SigningKey",
    "Skill",
    "SlaPolicy",
    "SlaPolicyVersion",
    "Subscription",
    "Team",
    "Ticket",
    "TicketEvent",
    "TicketLink",
    "Upload",
    "WaitingLook",
]
