"""Which keys an installation seals its secrets with.

By settings, PATCHBAY_SECRET_KEYS or PATCHBAY_SECRET_KEYS_FILE. Without them a SQLite database has a
key file beside it, made for its owner alone when the first secret is written: everything is on one
machine anyhow, and a copy of the database alone gives nothing away. Processes on several machines
cannot agree on a key by themselves, so with PostgreSQL nothing is sealed until one is set.
"""

import os
import secrets
import threading
from pathlib import Path

from sqlalchemy.engine import make_url

from shared.domain.errors import SecretUnreadable
from shared.domain.sealing import Keyring, SealingKey, new_key, parse_keyring
from shared.settings import Settings, SettingsError

#: What the key file of a database is called, behind its name.
SUFFIX = ".key"


class FileKeyring(Keyring):
    """The keyring in a file, which is made when the first secret is sealed.

    The file may appear later: another process of this machine made it in that moment.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._lock = threading.Lock()

    @property
    def sealing(self) -> SealingKey:
        """The first key of the file, which is there from now on."""
        with self._lock:
            if self._sealing is None and not self._read():
                self._make()
                self._read()
            assert self._sealing is not None  # noqa: S101 -- we made it
            return self._sealing

    @property
    def sealing_id(self) -> str | None:
        """The id of the first key of the file, if there is one yet."""
        with self._lock:
            if self._sealing is None:
                self._read()
            return None if self._sealing is None else self._sealing.id

    def key(self, key_id: str) -> SealingKey | None:
        """Return a key by its id, if it is here."""
        with self._lock:
            if key_id not in self._keys:
                self._read()
            return self._keys.get(key_id)

    def _read(self) -> bool:
        try:
            found = parse_keyring(self.path.read_text())
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as error:
            message = f"The key file {self.path} cannot be used: {error}"
            raise SecretUnreadable(message) from error
        self._keys, self._sealing = found._keys, found._sealing  # noqa: SLF001 -- our own kind
        if self._sealing is None:
            message = f"The key file {self.path} holds no key; bring it back from a backup."
            raise SecretUnreadable(message)
        return True

    def _make(self) -> None:
        """Write the file whole or not at all; of two that do so at once the first one stays."""
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{new_key()}\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                self.path.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        except OSError as error:
            message = f"The key file {self.path} cannot be made: {error}"
            raise SecretUnreadable(message) from error


def key_file_of(database_url: str) -> Path | None:
    """Return the key file beside a database; None if it is no file."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(f"{url.database}{SUFFIX}")


def keyring_of_url(database_url: str) -> Keyring:
    """Return the keyring of a database for which no keys are set."""
    path = key_file_of(database_url)
    return Keyring() if path is None else FileKeyring(path)


def keyring_of(settings: Settings) -> Keyring:
    """Return the keyring of an installation; raises SettingsError for a file that is none."""
    if settings.secret_keys:
        return parse_keyring(settings.secret_keys)
    if settings.secret_keys_file is None:
        return keyring_of_url(settings.database_url)
    try:
        found = parse_keyring(settings.secret_keys_file.read_text())
    except (OSError, ValueError) as error:
        message = f"PATCHBAY_SECRET_KEYS_FILE: {error}"
        raise SettingsError(message) from error
    if found.sealing is None and not found.plain:
        message = f"PATCHBAY_SECRET_KEYS_FILE: {settings.secret_keys_file} holds no key"
        raise SettingsError(message)
    return found
