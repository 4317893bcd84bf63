"""Releases that are not written yet: this one's migrations and one more."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from shared.db import schema

MIGRATIONS = Path("shared/db/migrations")


def migration(revision: str, body: str, *, compatible_with: str | None, after: str = "") -> str:
    """Return a migration that does `body`, after the newest one or another."""
    stated = "" if compatible_with is None else f"compatible_with = {compatible_with!r}\n"
    head = (
        f'"""What a later release adds."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"from shared.db.migrations.online import create_index\n\n"
        f"revision = {revision!r}\ndown_revision = {after or schema.newest_revision()!r}\n"
        f"branch_labels = None\ndepends_on = None\n{stated}\n\ndef upgrade() -> None:\n"
    )
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    return f"{head}{lines}\n\ndef downgrade() -> None:\n    pass\n"


def write_later(folder: Path, migrations: Mapping[str, str]) -> Path:
    """Copy this release's migrations into an empty folder, and add some by their names."""
    shutil.copytree(Path(__file__).parents[1] / MIGRATIONS, folder)
    for name, source in migrations.items():
        (folder / "versions" / f"{name}.py").write_text(source)
    return folder
