"""A database that grows: twins of the first tickets, made inside the database."""

from sqlalchemy import text

from shared.db.engine import Database

#: How many of the first tickets have twins, and how many twins one transaction makes.
FIRST = 1000
_SLICE = 25_000

#: What a twin does not have from its elder: one in a thousand is rare, one in ten thousand rarer.
_OWN = {
    "id": "'tkt_' || md5(new::text)",
    "number": "new",
    "version": "1",
    "category": (
        "CASE WHEN mod(new, 1000) = 0 THEN 'rare' WHEN mod(new, 9999) = 1 THEN 'rarer' "
        "ELSE elder.category END"
    ),
    "product": (
        "CASE WHEN mod(new, 1000) = 7 THEN 'rare' WHEN mod(new, 9999) = 8 THEN 'rarer' END"
    ),
    "tags": (
        "(CASE WHEN mod(new, 1000) = 9 THEN '[\"rare\"]' WHEN mod(new, 9999) = 10 "
        "THEN '[\"rarer\"]' ELSE '[\"usual\"]' END)::jsonb"
    ),
    "status": "'closed'",
    "assignee_id": "agent.id",
    "work_state": "'done'",
    "created_at": "at",
    "updated_at": "at + interval '2 days'",
    "queued_at": "at",
    "resolved_at": "at + interval '1 day'",
    "closed_at": "at + interval '2 days'",
    "expected_resolution_at": "at + interval '2 days'",
    "sla_due_at": "NULL",
    "life_due_at": "NULL",
}
#: The younger the higher the number, over five years; agents in turns.
_FROM = (
    "FROM generate_series({begin}, {end}) AS new "
    "JOIN tickets AS elder ON elder.number = 1 + mod(new, {first}) "
    "JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS all_of_them"
    " FROM agents) AS agent ON agent.place = mod(new, agent.all_of_them) "
    "CROSS JOIN LATERAL (SELECT now() - interval '5 years' * (1 - new / {goal}.0) AS at) AS moment"
)
_ASSIGNMENT = (
    "INSERT INTO assignments "
    "(id, ticket_id, agent_id, decision_id, weight, started_at, accepted_at, ended_at, end_reason) "
    "SELECT 'asg_' || md5(new::text), 'tkt_' || md5(new::text), agent.id, '', 1, at, at, "
    "at + interval '1 day', 'resolved' "
)


def grow(database: Database, goal: int) -> int:
    """Add twins until there are `goal` tickets; return how many there are.

    A twin is closed and had an agent. Needs the first thousand tickets, and an agent. Twins have no
    events: the search index and the feed would take up a million of them beside what is measured.
    """
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        names = connection.execute(
            text(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_name = 'tickets' AND table_schema = 'public'"
            )
        ).scalars()
        columns = {name: _OWN.get(name, f"elder.{name}") for name in names}
        begin = connection.exec_driver_sql("SELECT max(number) FROM tickets").scalar_one() + 1
        for start in range(begin, goal + 1, _SLICE):
            end = min(start + _SLICE - 1, goal)
            rows = _FROM.format(begin=start, end=end, first=FIRST, goal=goal)
            connection.exec_driver_sql(
                f"INSERT INTO tickets ({', '.join(columns)}) "
                f"SELECT {', '.join(columns.values())} {rows}"
            )
            connection.exec_driver_sql(_ASSIGNMENT + rows)
            connection.commit()
        stored: int = max(begin - 1, goal)
        connection.exec_driver_sql(f"SELECT setval('ticket_numbers', {stored})")
        connection.commit()
    with database.reading() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE tickets")
        connection.exec_driver_sql("VACUUM ANALYZE assignments")
    return stored
