"""Every storage keeps the same promises: a local folder, and S3 as a real server speaks it."""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import obstore
import pytest
from obstore.store import S3Store

from shared.domain.errors import Unavailable
from shared.domain.ids import Prefix, new_id
from shared.ports import LOOPBACK, choose_port
from shared.storage.base import ObjectMissing, Storage, object_key
from shared.storage.local import LocalStorage
from shared.storage.s3 import S3Storage
from shared.storage.spool import Spool, discard_leftovers
from shared.waiting import wait_until

#: For importing all that the server is made of, on a busy machine.
START_TIMEOUT_S = 60.0
KEYS = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server on loopback, a process of its own: what it takes is not taken by us."""
    port = choose_port()
    command = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)]
    quiet = subprocess.DEVNULL
    url = f"http://{LOOPBACK}:{port}"
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as server:
        try:
            assert wait_until(lambda: answers(url), START_TIMEOUT_S)
            yield url
        finally:
            server.kill()


def answers(url: str) -> bool:
    try:
        urlopen(url).close()
    except OSError:
        return False
    return True


@pytest.fixture
def bucket(s3_server: str) -> str:
    """A bucket of this test."""
    name = f"test-{new_id(Prefix.TICKET)[4:]}"
    urlopen(Request(f"{s3_server}/{name}", method="PUT")).close()
    return name


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "attachments")
    server = request.getfixturevalue("s3_server")
    bucket = request.getfixturevalue("bucket")
    return S3Storage(bucket, "pre/fix", endpoint=server, **KEYS)


def allow_all(_: int) -> None:
    return None


def stored(storage: Storage, content: bytes) -> str:
    with Spool(storage.incoming, allow_all) as spool:
        spool.write(content)
        key = object_key(spool.finish(), new_id(Prefix.ATTACHMENT))
        storage.put(key, spool.path)
    return key


def content(storage: Storage, key: str, start: int = 0, stop: int = 1 << 30) -> bytes:
    return b"".join(storage.read(key, start, stop))


def test_what_was_put_is_read_whole_or_in_part(storage: Storage) -> None:
    data = os.urandom(600_000)
    key = stored(storage, data)
    assert content(storage, key, 0, len(data)) == data
    assert content(storage, key, 100_000, 500_001) == data[100_000:500_001]
    assert content(storage, key, len(data) - 1, len(data)) == data[-1:]
    assert content(storage, key, 7, 7) == b""


def test_putting_takes_the_file_away_from_where_it_arrived(storage: Storage) -> None:
    with Spool(storage.incoming, allow_all) as spool:
        spool.write(b"once")
        key = object_key(spool.finish(), new_id(Prefix.ATTACHMENT))
        storage.put(key, spool.path)
        assert not spool.path.exists()
    assert content(storage, key, 0, 4) == b"once"


def test_the_same_content_of_two_owners_is_kept_twice(storage: Storage) -> None:
    first, second = stored(storage, b"same"), stored(storage, b"same")
    assert first != second
    assert first.partition(".")[0] == second.partition(".")[0]
    storage.delete([first])
    assert content(storage, second, 0, 4) == b"same"


def test_what_is_not_there_is_missing_and_deleting_it_does_no_harm(storage: Storage) -> None:
    key = object_key("0" * 64, new_id(Prefix.ATTACHMENT))
    with pytest.raises(ObjectMissing):
        storage.read(key, 0, 1)
    storage.delete([key])
    storage.delete([])
    kept = stored(storage, b"x")
    storage.delete([kept, key])
    with pytest.raises(ObjectMissing):
        storage.read(kept, 0, 1)


def test_everything_is_listed_with_its_time(storage: Storage) -> None:
    assert list(storage.objects()) == []
    keys = {stored(storage, bytes([number])) for number in range(5)}
    found = list(storage.objects())
    assert {each.key for each in found} == keys
    for each in found:
        assert abs(each.written_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_hundred_megabytes_pass_through_little_memory(storage: Storage) -> None:
    piece, count = os.urandom(1 << 20), 100
    tracemalloc.start()
    with Spool(storage.incoming, allow_all) as spool:
        for _ in range(count):
            spool.write(piece)
        key = object_key(spool.finish(), new_id(Prefix.ATTACHMENT))
        if isinstance(storage, LocalStorage):
            storage.put(key, spool.path)
            assert sum(map(len, storage.read(key, 0, count << 20))) == count << 20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_file_larger_than_one_part_is_put_in_parts(s3_server: str, bucket: str) -> None:
    storage = S3Storage(bucket, "", endpoint=s3_server, **KEYS)
    data = os.urandom(20 << 20)
    key = stored(storage, data)
    assert content(storage, key, 0, len(data)) == data
    bare = S3Store(
        bucket,
        endpoint=s3_server,
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
        **KEYS,
    )
    assert str(obstore.head(bare, key)["e_tag"]).endswith('-3"')


def test_a_spool_is_removed_unless_it_was_put(tmp_path: Path) -> None:
    with Spool(tmp_path / "in", allow_all) as spool:
        spool.write(b"half a fi")
    assert list((tmp_path / "in").iterdir()) == []


def test_a_spool_asks_before_it_grows(tmp_path: Path) -> None:
    asked: list[int] = []
    with Spool(tmp_path, asked.append) as spool:
        spool.write(b"12345")
        spool.write(b"678")
    assert asked == [5, 8]


def test_what_crashes_left_is_discarded_after_a_while(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x")
    (tmp_path / "young").write_bytes(b"x")
    moment = datetime.now(UTC)
    os.utime(tmp_path / "old", (0, 0))
    assert discard_leftovers(tmp_path, moment - timedelta(hours=1)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["young"]
    assert discard_leftovers(tmp_path / "none", moment) == 0


def test_only_keys_of_our_own_making_reach_a_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for key in ("../../etc/passwd", "ab/x", "/etc/passwd", "ab/" + "0" * 64 + ".att_../x"):
        with pytest.raises(ValueError, match="not a key"):
            storage.read(key, 0, 1)
        with pytest.raises(ValueError, match="not a key"):
            storage.delete([key])


def s3_that_is_away(_: Path) -> Storage:
    return S3Storage("bucket", "", endpoint="http://127.0.0.1:9", **KEYS)


def folder_that_is_a_file(folder: Path) -> Storage:
    (folder / "taken").write_text("no folder")
    return LocalStorage(folder / "taken")


@pytest.mark.parametrize("away", [s3_that_is_away, folder_that_is_a_file])
def test_a_storage_that_is_away_is_unavailable(
    away: Callable[[Path], Storage], tmp_path: Path
) -> None:
    storage = away(tmp_path)
    key = object_key("0" * 64, new_id(Prefix.ATTACHMENT))
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(Unavailable, match="storage of attachments"):
        storage.put(key, source)
    with pytest.raises(Unavailable, match="storage of attachments"):
        storage.read(key, 0, 1)
    with pytest.raises(Unavailable, match="storage of attachments"):
        storage.delete([key])
