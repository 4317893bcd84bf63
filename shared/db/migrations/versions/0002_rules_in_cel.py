"""Rules in CEL: conditions become text, and a rule set has a time zone and a count.

`{"category": ["vpn", "wifi"], "tags": ["remote"]}` becomes
`ticket.category in ["vpn", "wifi"] && "remote" in ticket.tags`. A condition that would be too long
is made two rules with the same actions, and names that came twice get a number, because a name
stands for one rule now.
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
RULES = sa.table(
    "routing_rules",
    sa.column("version", sa.Integer()),
    sa.column("rules", DOCUMENT),
    sa.column("rule_count", sa.Integer()),
    sa.column("time_zone", sa.Text()),
)

#: The longest condition and the longest name, in characters, that this release takes.
MAX_SOURCE, MAX_NAME = 4096, 128


def upgrade() -> None:
    with op.batch_alter_table("routing_rules") as batch_op:
        batch_op.add_column(sa.Column("rule_count", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("time_zone", sa.Text(), nullable=True))
    connection = op.get_bind()
    stored = connection.execute(sa.select(RULES.c.version, RULES.c.rules)).all()
    for version, rules in stored:
        converted = convert(rules)
        connection.execute(
            sa.update(RULES)
            .where(RULES.c.version == version)
            .values(rules=converted, rule_count=len(converted), time_zone="UTC")
        )
    if stored:
        # Routers read their configuration again only when this number moves.
        op.execute("UPDATE configuration_versions SET version = version + 1")
    with op.batch_alter_table("routing_rules") as batch_op:
        batch_op.alter_column("rule_count", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("time_zone", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    rules = op.get_bind().execute(sa.select(RULES.c.rules)).scalars().all()
    if any(rules):
        message = (
            "Rules in CEL have no form in schema 0001. Put an empty rule set and delete the older "
            "versions from routing_rules, or restore a backup."
        )
        raise RuntimeError(message)
    with op.batch_alter_table("routing_rules") as batch_op:
        batch_op.drop_column("time_zone")
        batch_op.drop_column("rule_count")


def convert(rules):
    """Return rules with conditions on fields as rules with conditions in CEL."""
    converted, names = [], set()
    for rule in rules:
        for when in fitting(rule.get("when") or {}):
            name = free(rule["name"], names)
            names.add(name)
            converted.append({**rule, "name": name, "when": condition(when)})
    return converted


def fitting(when):
    """Return conditions, as few as are needed, that together say the same and are short enough."""
    if len(condition(when)) <= MAX_SOURCE:
        return [when]
    longest = max(when, key=lambda field: sum(len(value) for value in when[field]))
    values = when[longest]
    half = len(values) // 2
    parts = values[:half], values[half:]
    return [each for part in parts for each in fitting({**when, longest: part})]


def condition(when):
    """Return the CEL text of a condition on fields; without any it is always true."""
    return " && ".join(one_field(field, values) for field, values in sorted(when.items())) or "true"


def one_field(field, values):
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    listed = f"[{', '.join(texts)}]"
    if field == "tags":
        if len(texts) == 1:
            return f"{texts[0]} in ticket.tags"
        return f"ticket.tags.exists(tag, tag in {listed})"
    if len(texts) == 1:
        return f"ticket.{field} == {texts[0]}"
    return f"ticket.{field} in {listed}"


def free(name, taken):
    """Return a name, with a number if it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        ending = f" ({number})"
        found = name[: MAX_NAME - len(ending)] + ending
    return found
