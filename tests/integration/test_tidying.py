"""What belongs to nobody is removed after a grace, and nothing else is."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.intake.attachments.tidying import GRACE, tidy_up
from shared.db.models import Upload
from shared.domain.errors import Unavailable
from shared.domain.ids import Prefix, new_id
from shared.runtime import Runtime
from shared.settings import Settings
from shared.storage.base import StoredObject, object_key
from shared.storage.local import LocalStorage
from tests.attaching import attached, listed, uploaded
from tests.desk import Desk
from tests.rows import rows


@pytest.fixture
def folder(settings: Settings) -> Path:
    return Path(settings.storage_url.partition(":")[2])


def stored(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def tidy(runtime: Runtime, **later: float) -> int:
    return tidy_up(runtime.database, runtime.storage, datetime.now(UTC) + timedelta(**later))


def test_a_content_without_a_row_is_removed_after_a_grace(
    desk: Desk, runtime: Runtime, folder: Path
) -> None:
    ticket_id = desk.ticket()["id"]
    attached(desk, ticket_id, ("a.txt", b"kept"))
    uploaded(desk, "b.txt", b"kept too")
    kept = stored(folder)
    orphan = object_key("0" * 64, new_id(Prefix.ATTACHMENT))
    (folder / orphan).parent.mkdir(exist_ok=True)
    (folder / orphan).write_bytes(b"a crash left this")
    (folder / "incoming" / "tmp-half").write_bytes(b"and this")
    before = datetime.now(UTC).timestamp() - GRACE.total_seconds()
    assert tidy(runtime) == 0
    assert len(stored(folder)) == 4
    for path in (folder / orphan, folder / "incoming" / "tmp-half"):
        os.utime(path, (before, before))
    assert tidy(runtime) == 1
    assert stored(folder) == kept


def test_an_upload_that_nobody_took_goes_with_its_content(
    desk: Desk, runtime: Runtime, folder: Path
) -> None:
    uploaded(desk, "a.txt", b"left behind")
    taken = uploaded(desk, "b.txt", b"taken")
    ticket_id = desk.ticket(attachments=[taken])["id"]
    assert tidy(runtime, hours=23) == 0
    assert len(rows(runtime.database, Upload)) == 1
    assert tidy(runtime, hours=25) == 1
    assert rows(runtime.database, Upload) == []
    [attachment] = listed(desk, ticket_id)
    with desk.call("GET", attachment["url"]) as response:
        assert response.data == b"taken"


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_storage_that_is_away_holds_up_nothing(runtime: Runtime, folder: Path) -> None:
    class Away(LocalStorage):
        def objects(self) -> Iterator[StoredObject]:
            raise Unavailable("The storage of attachments cannot be used.")

    assert tidy_up(runtime.database, Away(folder), datetime.now(UTC)) == 0
