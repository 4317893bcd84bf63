"""Which keys an installation seals its secrets with.

By settings, PATCHBAY_SECRET_KEYS or PATCHBAY_SECRET_KEYS_FILE. Without them a SQLite database has a
key file beside it, made for its owner alone when the first secret is written: everything is on one
machine anyhow, and a copy of the database alone gives nothing away. Processes on several machines
cannot agree on a key by themselves, so with PostgreSQL nothing is sealed until one is set.
"""

import errno
import os
import secrets
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import make_url

from shared.domain.errors import SecretUnreadable
from shared.domain.sealing import Keyring, SealingKey, new_key, parse_keyring
from shared.settings import Settings, SettingsError

#: What the key file of a database is called, behind its name.
SUFFIX = ".key"

#: What file systems say that have no hard links, such as FAT and some network shares.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class FileKeyring(Keyring):
    """The keyring in a file, which is made when the first secret is sealed.

    The file may appear later: another process of this machine made it in that moment. None is made
    for a database that another key has sealed already: with two of them, the one from a backup
    could not be brought back any more.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._lock = threading.Lock()
        self._used: Callable[[], Collection[str]] = tuple

    def guard(self, used: Callable[[], Collection[str]]) -> None:
        """Make no key while `used` returns ids of keys that something is sealed by."""
        self._used = used

    def begin_anew(self) -> None:
        """Make a key whatever is sealed by another one, because that one is lost for good."""
        self._used = tuple

    @property
    def seals(self) -> bool:
        """Whether a new secret would be sealed: always."""
        return True

    @property
    def sealing(self) -> SealingKey:
        """The first key of the file, which is there from now on."""
        with self._lock:
            if self._sealing is None and not self._read():
                self._require_first()
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

    def _require_first(self) -> None:
        """Raise SecretUnreadable if something is sealed by a key that was in a file once."""
        used = sorted(self._used())
        # Whoever sealed it may have made the file since we looked.
        if used and not self._read():
            message = (
                f"Secrets in the database are sealed by the key {', '.join(used)}, and its key "
                f"file {self.path} is gone; bring it back from a backup."
            )
            raise SecretUnreadable(message)

    def _make(self) -> None:
        """Write the file whole or not at all; of two that do so at once the first one stays."""
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        try:
            write_new(draft, f"{new_key()}\n")
            try:
                put_in_place(draft, self.path)
            finally:
                draft.unlink()
            # Before a secret is sealed by it: after a power cut the name must be there as well.
            _sync_folder(self.path.parent)
        except OSError as error:
            message = f"The key file {self.path} cannot be made: {error}"
            raise SecretUnreadable(message) from error


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, for its owner alone; raises FileExistsError, OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def put_in_place(draft: Path, path: Path, link: Callable[[Path, Path], None] = os.link) -> None:
    """Give a finished draft its name, unless another file has it; raises OSError.

    `link` makes hard links: they are there whole or not at all. Where there are none the text is
    written once more, and only the name is taken at once.
    """
    try:
        link(draft, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with suppress(FileExistsError):
            write_new(path, draft.read_text())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
