"""Search: documents of words and fields, and the place up to which the feed was indexed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.types import UTCDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = UTCDateTime()

#: The words come as stems already. Other than words there are only fields, such as status=open.
WORDS = (
    "CREATE VIRTUAL TABLE search_words USING fts5 (title, people, body, comments, fields, "
    "tokenize = \"ascii tokenchars '=%_.-~'\")"
)


def upgrade() -> None:
    op.create_table(
        "feed_readers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", ID, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed_readers")),
    )
    op.create_table(
        "search_documents",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("audience", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("ticket_id", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column(
            "words", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=True
        ),
        sa.PrimaryKeyConstraint("number", "audience", name=op.f("pk_search_documents")),
    )
    op.create_index(
        "ix_search_documents_words",
        "search_documents",
        ["words"],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 512},
        sqlite_where=sa.text("words IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(WORDS)
    else:
        # Words in line, if they can be: phrases are looked up in them.
        op.execute("ALTER TABLE search_documents ALTER COLUMN words SET STORAGE MAIN")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_words")
    op.drop_table("search_documents")
    op.drop_table("feed_readers")
