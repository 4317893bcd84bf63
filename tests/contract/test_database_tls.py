"""TLS to PostgreSQL, by the options of its URL, against a server of its own that speaks it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from deploy.local import Servers
from deploy.local.postgres import Postgres
from shared.db.engine import Database
from shared.domain.errors import Unavailable
from tests.certificates import Authority
from tests.waiting import eventually


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def url(
    servers: Servers, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server whose certificate is for 127.0.0.1, and which the others do not share."""
    folder = tmp_path_factory.mktemp("postgres")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o011)
    server = Postgres(folder)
    server.start()
    plain = server.url("postgres").replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        data = Path(connection.execute("SHOW data_directory").fetchone()[0])  # type: ignore[index]
        for made, name in zip(
            authority.issue("127.0.0.1"), ("server.crt", "server.key"), strict=True
        ):
            shutil.copy(made, data / name)
            (data / name).chmod(0o600)
            os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
        connection.execute("ALTER SYSTEM SET ssl = on")
        connection.execute("SELECT pg_reload_conf()")
        eventually(lambda: connection.execute("SHOW ssl").fetchone() == ("on",))
    yield server.url("postgres")
    server.remove()


def encrypted(url: str) -> bool:
    database = Database(url, 1)
    try:
        with database.reading() as connection:
            query = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return bool(connection.execute(query).scalar_one())
    finally:
        database.close()


def refusal(url: str) -> str:
    with pytest.raises(Unavailable) as refused:
        encrypted(url)
    return str(refused.value.__cause__)


def test_the_certificate_of_the_database_is_verified_with_its_name(
    url: str, authority: Authority, tmp_path: Path
) -> None:
    verified = f"sslmode=verify-full&sslrootcert={authority.path}"
    assert encrypted(f"{url}?{verified}")
    by_another_name = url.replace("127.0.0.1", "localhost")
    assert "does not match host name" in refusal(f"{by_another_name}?{verified}")
    assert encrypted(f"{by_another_name}?sslmode=verify-ca&sslrootcert={authority.path}")
    stranger = Authority(tmp_path)
    assert "certificate verify failed" in refusal(
        f"{url}?sslmode=verify-full&sslrootcert={stranger.path}"
    )


def test_without_verification_tls_is_spoken_where_the_server_offers_it(url: str) -> None:
    assert encrypted(url)
    assert not encrypted(f"{url}?sslmode=disable")
