"""A key file gets its name whole or not at all, also where there are no hard links."""

import errno
import os
import stat
from pathlib import Path

import pytest

from shared.db.keyrings import put_in_place, write_new


def refuse(number: int) -> None:
    raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_hard_links_the_first_one_stays_as_well(tmp_path: Path, number: int) -> None:
    drafts, path = [tmp_path / name for name in ("a", "b")], tmp_path / "desk.db.key"
    for draft in drafts:
        write_new(draft, draft.name)
        put_in_place(draft, path, link=lambda *_: refuse(number))
    assert path.read_text() == "a"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_with_them_too(tmp_path: Path) -> None:
    drafts, path = [tmp_path / name for name in ("a", "b")], tmp_path / "desk.db.key"
    for draft in drafts:
        write_new(draft, draft.name)
        put_in_place(draft, path)
    assert path.read_text() == "a"


def test_any_other_error_is_told(tmp_path: Path) -> None:
    draft = tmp_path / "a"
    write_new(draft, "a")
    with pytest.raises(OSError, match="No space"):
        put_in_place(draft, tmp_path / "desk.db.key", link=lambda *_: refuse(errno.ENOSPC))
