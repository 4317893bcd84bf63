"""patchbay rules: routing rules as files, checked, applied and shown."""

import difflib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from services.cli.actor import command_line
from services.cli.database_file import existing_database
from services.cli.rule_file import RuleFileError, read_rule_file, write_rules
from services.intake.reference import ReferenceData
from services.intake.rule_sets import (
    load_rule_set,
    read_rule_set,
    replace_rule_set,
    require_names,
    rule_set_document,
    written,
)
from shared.db.audit import record
from shared.db.engine import Database
from shared.domain.audit import AuditAction, digest_of
from shared.domain.clock import SystemClock
from shared.domain.errors import InvalidInput, VersionMismatch
from shared.settings import load_settings

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def rules() -> None:
    """Check, apply and show routing rules.

    \b
    Example:
        patchbay rules show > rules.yaml
        patchbay rules check rules.yaml
        patchbay rules apply --dry-run rules.yaml
        patchbay rules apply rules.yaml
    """  # noqa: D301 -- \b is for click


@rules.command()
@_FILE
@click.option(
    "--database-url",
    envvar="PATCHBAY_DATABASE_URL",
    help="Check teams and skills against this database too. [PATCHBAY_DATABASE_URL]",
)
def check(file: Path, database_url: str | None) -> None:
    """Check a file of rules, YAML or JSON, and change nothing.

    Needs no database. With one, teams and skills must exist in it. Each complaint is a line
    FILE:LINE: POINTER: REASON, and the status is 1 if there is any.

    \b
    Example: patchbay rules check rules.yaml
    """  # noqa: D301 -- \b is for click
    database = _open(database_url) if database_url else None
    content = _accepted(file, database)
    where = "" if database else " Teams and skills were not looked up: there is no database."
    click.echo(f"{file}: {_counted(content)}, nothing to complain of.{where}")


@rules.command("apply")
@_FILE
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--if-version",
    type=click.IntRange(0),
    help="Refuse unless this is the version in force, as If-Match does.",
)
def apply_file(file: Path, *, dry_run: bool, if_version: int | None) -> None:
    """Put the rules of a file in force, whole or not at all.

    \b
    Example: patchbay rules apply --dry-run rules.yaml
    """  # noqa: D301 -- \b is for click
    database = _open(load_settings().database_url)
    content = _accepted(file, database)
    if dry_run:
        click.echo(_difference(database, content), nl=False)
        return
    with database.transaction() as tx:
        now = SystemClock().now()
        row = replace_rule_set(tx, content, now, _only_if(if_version))
        details = {"file": file.name, "sha256": digest_of({"rules": row["rules"]})}
        version = str(row["version"])
        record(tx, command_line(), AuditAction.RULES_REPLACED, version, now, details)
    click.echo(f"Version {row['version']} of the rule set is in force, with {_counted(content)}.")


@rules.command()
@click.option("--version", type=click.IntRange(0), help="An older version; see the decisions.")
def show(version: int | None) -> None:
    """Print the rules in force as YAML that `patchbay rules apply` takes back.

    \b
    Example: patchbay rules show --version 3 > before.yaml
    """  # noqa: D301 -- \b is for click
    with _open(load_settings().database_url).reading() as connection:
        document = rule_set_document(read_rule_set(connection, version))
    click.echo(f"# Version {document['version']}, of {document['created_at'] or 'the beginning'}.")
    click.echo(write_rules(document), nl=False)


def _open(url: str) -> Database:
    settings = replace(load_settings(), database_url=url)
    return click.get_current_context().with_resource(existing_database(settings))


def _accepted(file: Path, database: Database | None) -> dict[str, Any]:
    """Return what a file holds; complain and end the command if it cannot be taken."""
    try:
        found = read_rule_file(file)
    except RuleFileError as error:
        click.echo(f"{file}:{error}")
        sys.exit(1)
    try:
        content = load_rule_set(found.document)
        if database is not None:
            require_names(ReferenceData(database), content)
    except InvalidInput as error:
        for each in error.errors:
            click.echo(f"{file}:{found.line(each.pointer)}: {each.pointer or '/'}: {each.detail}")
        sys.exit(1)
    return content


def _difference(database: Database, content: dict[str, Any]) -> str:
    with database.reading() as connection:
        row = read_rule_set(connection)
    before = write_rules(rule_set_document(row)).splitlines(keepends=True)
    after = write_rules(written(content)).splitlines(keepends=True)
    names = f"version {row['version']}", "to be applied"
    return "".join(difflib.unified_diff(before, after, *names)) or "Nothing would change.\n"


def _only_if(wanted: int | None) -> Callable[[int], None]:
    def check_version(version: int) -> None:
        if wanted is not None and version != wanted:
            message = f"The rule set is at version {version} now, not {wanted}; look at it again."
            raise VersionMismatch(message)

    return check_version


def _counted(content: dict[str, Any]) -> str:
    count = len(content["rules"])
    return "1 rule" if count == 1 else f"{count} rules"
