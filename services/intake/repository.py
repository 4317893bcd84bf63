"""Intake's SQL for everything but new tickets: reading tickets, and the configuration."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, case, delete, func, insert, or_, select
from sqlalchemy import update as sql_update

from shared.db.engine import Row, Transaction, first, rows
from shared.db.models import (
    Agent,
    AgentSkill,
    AgentTeam,
    ApiKey,
    Assignment,
    Calendar,
    ConfigurationVersion,
    Decision,
    DryRun,
    Profile,
    RoutingRules,
    Skill,
    SlaPolicy,
    Subscription,
    Team,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.db.sealed_types import as_kept
from shared.db.ticket_changes import Offer
from shared.domain.agent import Presence
from shared.domain.errors import NotFound
from shared.domain.work import WorkState
from shared.schemas.profile import DEFAULT_DOCUMENT

TICKETS, AGENTS, TEAMS, SKILLS = table(Ticket), table(Agent), table(Team), table(Skill)
PROFILES, DRY_RUNS = table(Profile), table(DryRun)
CALENDARS, SLA_POLICIES = table(Calendar), table(SlaPolicy)
SUBSCRIPTIONS, API_KEYS = table(Subscription), table(ApiKey)
_EVENTS, _DECISIONS = table(TicketEvent), table(Decision)
_ASSIGNMENTS = table(Assignment)
_AGENT_SKILLS, _AGENT_TEAMS = table(AgentSkill), table(AgentTeam)
_RULES, _VERSIONS = table(RoutingRules), table(ConfigurationVersion)

#: How much later than the last edit of an agent the next one is at least.
AFTER = timedelta(microseconds=1)

Rows = list[Row]


def ticket(connection: Connection, ticket_id: str) -> tuple[Row, dict[str, Any] | None]:
    """Return a ticket and its assignee; raises NotFound."""
    query = (
        select(
            TICKETS,
            AGENTS.c.name.label("assignee_name"),
            AGENTS.c.email.label("assignee_email"),
        )
        .outerjoin(AGENTS, AGENTS.c.id == TICKETS.c.assignee_id)
        .where(TICKETS.c.id == ticket_id)
    )
    row = first(connection, query)
    if row is None:
        raise _no("ticket", ticket_id)
    return row, assignee_of(row)


def assignee_of(row: Row) -> dict[str, Any] | None:
    """Return who has a ticket that was read with `assignee_name` and `assignee_email`."""
    if row["assignee_id"] is None:
        return None
    return {
        "id": row["assignee_id"],
        "name": row["assignee_name"],
        "email": row["assignee_email"],
    }


def ticket_by_external_id(connection: Connection, source: str, external_id: str) -> str | None:
    """Return the id of a ticket by the id that another system has for it."""
    names = (TICKETS.c.external_id == external_id, TICKETS.c.source == source)
    found: str | None = connection.execute(select(TICKETS.c.id).where(*names)).scalar()
    return found


def locked_ticket(tx: Transaction, ticket_id: str) -> tuple[Row, dict[str, Any] | None]:
    """Lock a ticket for a change and return it with its assignee; raises NotFound."""
    query = select(TICKETS).where(TICKETS.c.id == ticket_id).with_for_update(key_share=True)
    row = tx.first(query)
    if row is None:
        raise _no("ticket", ticket_id)
    assignee = None
    if row["assignee_id"] is not None:
        found = select(AGENTS.c.id, AGENTS.c.name, AGENTS.c.email).where(
            AGENTS.c.id == row["assignee_id"]
        )
        assignee = tx.first(found)
    return row, assignee


def agent_identity(tx: Transaction, agent_id: str) -> Row | None:
    """Return an agent's id, name and e-mail address."""
    query = select(AGENTS.c.id, AGENTS.c.name, AGENTS.c.email).where(AGENTS.c.id == agent_id)
    return tx.first(query)


def profile_of_team(tx: Transaction, team: str | None) -> dict[str, Any]:
    """Return the document of a team's profile, with everything filled in."""
    query = (
        select(PROFILES.c.document)
        .join(TEAMS, TEAMS.c.profile == PROFILES.c.name)
        .where(TEAMS.c.name == team)
    )
    row = tx.first(query)
    return {**DEFAULT_DOCUMENT, **(row["document"] if row else {})}


def open_offer(tx: Transaction, ticket_id: str, now: datetime) -> Offer | None:
    """Return the offer that a ticket is out on, or None if there is none or its time is over."""
    query = (
        select(
            _ASSIGNMENTS.c.id,
            _ASSIGNMENTS.c.decision_id,
            AGENTS.c.id.label("agent_id"),
            AGENTS.c.name,
            AGENTS.c.email,
        )
        .join(AGENTS, AGENTS.c.id == _ASSIGNMENTS.c.agent_id)
        .where(
            _ASSIGNMENTS.c.ticket_id == ticket_id,
            _ASSIGNMENTS.c.ended_at.is_(None),
            _ASSIGNMENTS.c.accepted_at.is_(None),
            _ASSIGNMENTS.c.offered_until > now,
        )
    )
    row = tx.first(query)
    if row is None:
        return None
    agent = {"id": row["agent_id"], "name": row["name"], "email": row["email"]}
    return Offer(row["id"], row["decision_id"], agent)


def ticket_events(connection: Connection, ticket_id: str, after: int, limit: int) -> list[str]:
    """Return the stored bodies of a ticket's events after a sequence; raises NotFound."""
    _require_ticket(connection, ticket_id)
    query = (
        select(_EVENTS.c.body)
        .where(_EVENTS.c.ticket_id == ticket_id, _EVENTS.c.sequence > after)
        .order_by(_EVENTS.c.sequence)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def ticket_decisions(connection: Connection, ticket_id: str, after: str, limit: int) -> Rows:
    """Return a ticket's routing decisions after an id, oldest first; raises NotFound."""
    _require_ticket(connection, ticket_id)
    query = (
        select(_DECISIONS)
        .where(_DECISIONS.c.ticket_id == ticket_id, _DECISIONS.c.id > after)
        .order_by(_DECISIONS.c.id)
        .limit(limit)
    )
    return rows(connection, query)


def listing(connection: Connection, resource: Table, after: str, limit: int) -> Rows:
    """Return rows of a resource in the order of their keys, after a key; secrets as kept."""
    key = next(iter(resource.primary_key.columns))
    query = select(*as_kept(resource)).where(key > after).order_by(key).limit(limit)
    return rows(connection, query)


def one(connection: Connection, resource: Table, key: str, noun: str) -> Row:
    """Return one row by its key, secrets as they are kept; raises NotFound."""
    column = next(iter(resource.primary_key.columns))
    row = first(connection, select(*as_kept(resource)).where(column == key))
    if row is None:
        raise _no(noun, key)
    return row


def locked(tx: Transaction, resource: Table, key: str, noun: str) -> Row:
    """Lock one row by its key, for a change that depends on what it holds; raises NotFound.

    Its secrets are as they are kept.
    """
    column = next(iter(resource.primary_key.columns))
    query = select(*as_kept(resource)).where(column == key)
    row = tx.first(query.with_for_update(key_share=True))
    if row is None:
        raise _no(noun, key)
    return row


def add(tx: Transaction, resource: Table, values: Mapping[str, Any]) -> None:
    """Insert one row now, so that a taken name is told at once."""
    tx.execute(insert(resource).values(**values))


def change(
    tx: Transaction, resource: Table, key: str, values: Mapping[str, Any], noun: str
) -> None:
    """Update one row; raises NotFound."""
    column = next(iter(resource.primary_key.columns))
    statement = sql_update(resource).where(column == key).values(**values).returning(column)
    if tx.execute(statement).first() is None:
        raise _no(noun, key)


def with_skills_and_teams(connection: Connection, agents: Rows) -> list[dict[str, Any]]:
    """Return agents as documents of `shared.schemas.agent.AgentSchema`, before dumping."""
    ids = [agent["id"] for agent in agents]
    documents = {agent["id"]: {**agent, "skills": [], "teams": []} for agent in agents}
    skills = (
        select(_AGENT_SKILLS)
        .where(_AGENT_SKILLS.c.agent_id.in_(ids))
        .order_by(_AGENT_SKILLS.c.skill)
    )
    for row in connection.execute(skills):
        documents[row.agent_id]["skills"].append({"skill": row.skill, "level": row.level})
    teams = (
        select(_AGENT_TEAMS).where(_AGENT_TEAMS.c.agent_id.in_(ids)).order_by(_AGENT_TEAMS.c.team)
    )
    for row in connection.execute(teams):
        documents[row.agent_id]["teams"].append(row.team)
    return list(documents.values())


def replace_skills(tx: Transaction, agent_id: str, skills: Sequence[Mapping[str, Any]]) -> None:
    """Set an agent's skills."""
    tx.execute(delete(_AGENT_SKILLS).where(_AGENT_SKILLS.c.agent_id == agent_id))
    tx.insert(_AGENT_SKILLS, [{"agent_id": agent_id, **skill} for skill in skills])


def replace_teams(tx: Transaction, agent_id: str, teams: Sequence[str]) -> None:
    """Set an agent's teams."""
    tx.execute(delete(_AGENT_TEAMS).where(_AGENT_TEAMS.c.agent_id == agent_id))
    tx.insert(_AGENT_TEAMS, [{"agent_id": agent_id, "team": team} for team in teams])


def change_agent(tx: Transaction, agent_id: str, values: Mapping[str, Any], now: datetime) -> None:
    """Update an agent and put it on the matching list; raises NotFound.

    A capacity below the present load is allowed: the excess is noted as overcommitment, which keeps
    the table's check true and ends as tickets leave. No two edits have the same time, for that is
    how routers tell that somebody's skills and teams have to be read again.
    """
    locked = select(AGENTS.c.updated_at).where(AGENTS.c.id == agent_id).with_for_update()
    before = tx.execute(locked).scalar_one_or_none()
    changed = {
        **values,
        "updated_at": now if before is None else max(now, before + AFTER),
        "work_state": WorkState.READY,
        "available_at": now,
    }
    if "capacity" in values:
        excess = AGENTS.c.load - values["capacity"]
        changed["overcommit"] = case((excess > 0, excess), else_=0)
    change(tx, AGENTS, agent_id, changed, "agent")


def change_presence(tx: Transaction, agent_id: str, presence: Presence, now: datetime) -> None:
    """Set an agent's presence; the same again does not make it begin anew. Raises NotFound."""
    since = case((AGENTS.c.presence != presence, now), else_=AGENTS.c.presence_since)
    change_agent(tx, agent_id, {"presence": presence, "presence_since": since}, now)


def bump_configuration(tx: Transaction) -> None:
    """Tell every router that the configuration changed."""
    tx.service_levels.forget()
    tx.execute(sql_update(_VERSIONS).values(version=_VERSIONS.c.version + 1))


def rules(connection: Connection, version: int | None) -> Row | None:
    """Return a version of the rule set; raises NotFound.

    Without a version it is the one in force, or None before there was one.
    """
    if version is None:
        return first(connection, select(_RULES).order_by(_RULES.c.version.desc()).limit(1))
    found = first(connection, select(_RULES).where(_RULES.c.version == version))
    if found is None:
        raise _no("version of the rule set", version)
    return found


def rule_versions(connection: Connection, before: int, limit: int) -> Rows:
    """Return version, time and number of rules of rule sets before a version, newest first."""
    query = (
        select(_RULES.c.version, _RULES.c.created_at, _RULES.c.rule_count.label("count"))
        .where(_RULES.c.version < before)
        .order_by(_RULES.c.version.desc())
        .limit(limit)
    )
    return rows(connection, query)


def put_rules(
    tx: Transaction,
    time_zone: str,
    documents: Sequence[Any],
    now: datetime,
    check: Callable[[int], None],
) -> Row:
    """Store a new version of the rule set, put it in force and return it.

    The bump comes first: its row lock makes concurrent writers take turns. `check` may then refuse
    because of the version that is replaced.
    """
    bump_configuration(tx)
    version = tx.execute(select(func.coalesce(func.max(_RULES.c.version), 0))).scalar_one()
    check(version)
    row = {
        "version": version + 1,
        "created_at": now,
        "time_zone": time_zone,
        "rules": documents,
        "rule_count": len(documents),
    }
    add(tx, _RULES, row)
    return row


def put_profile(tx: Transaction, name: str, document: Mapping[str, Any], now: datetime) -> None:
    """Make a profile or replace it; its version rises."""
    bump_configuration(tx)
    known = tx.first(select(PROFILES.c.version).where(PROFILES.c.name == name))
    if known is None:
        row = {"name": name, "version": 1, "document": document}
        add(tx, PROFILES, {**row, "created_at": now, "updated_at": now})
    else:
        values = {"version": known["version"] + 1, "document": document, "updated_at": now}
        change(tx, PROFILES, name, values, "profile")


def teams_of_profile(tx: Transaction, name: str) -> list[str]:
    """Return the teams that name a profile; locks the configuration."""
    bump_configuration(tx)
    columns = (TEAMS.c.profile, TEAMS.c.shadow_profile, TEAMS.c.trial_profile)
    query = select(TEAMS.c.name).where(or_(*(column == name for column in columns)))
    return [row["name"] for row in tx.rows(query)]


def delete_profile(tx: Transaction, name: str) -> None:
    """Delete a profile; raises NotFound."""
    statement = delete(PROFILES).where(PROFILES.c.name == name).returning(PROFILES.c.name)
    if tx.execute(statement).first() is None:
        raise _no("profile", name)


def key_by_digest(connection: Connection, digest: str) -> Row | None:
    """Return an API key by the hash of its token, or of the one before the last rotation."""
    known = or_(API_KEYS.c.digest == digest, API_KEYS.c.previous_digest == digest)
    return first(connection, select(API_KEYS).where(known))


def note_use(tx: Transaction, key_id: str, now: datetime, before: datetime) -> None:
    """Note that an API key was used, unless another process has done so since `before`."""
    last = API_KEYS.c.last_used_at
    due = or_(last.is_(None), last <= before)
    tx.execute(sql_update(API_KEYS).where(API_KEYS.c.id == key_id, due).values(last_used_at=now))


def names(connection: Connection, resource: Table) -> frozenset[str]:
    """Return all keys of a small resource."""
    return frozenset(connection.execute(select(next(iter(resource.primary_key.columns)))).scalars())


def _require_ticket(connection: Connection, ticket_id: str) -> None:
    one(connection, TICKETS, ticket_id, "ticket")


def _no(noun: str, key: object) -> NotFound:
    return NotFound(f"There is no {noun} {key!r}.")
