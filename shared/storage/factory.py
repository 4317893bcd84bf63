"""Chooses a storage by the scheme of its URL."""

import importlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from shared.settings import Settings, SettingsError
from shared.storage.base import Storage
from shared.storage.local import LocalStorage


def _local(settings: Settings) -> Storage:
    return LocalStorage(Path(settings.storage_url.partition(":")[2]))


def _s3(settings: Settings) -> Storage:
    try:
        # Here and not above: what it stands on is an extra that most installations do without.
        module = importlib.import_module("shared.storage.s3")
    except ModuleNotFoundError as error:
        message = f"PATCHBAY_STORAGE_URL: s3: needs more packages ({error}): install patchbay[s3]"
        raise SettingsError(message) from error
    url = urlsplit(settings.storage_url)
    found: Storage = module.S3Storage(
        url.netloc,
        url.path.strip("/"),
        endpoint=settings.storage_s3_endpoint or None,
        region=settings.storage_s3_region or None,
        access_key_id=settings.storage_s3_access_key_id or None,
        secret_access_key=settings.storage_s3_secret_access_key or None,
    )
    return found


_STORAGES: dict[str, Callable[[Settings], Storage]] = {"file": _local, "s3": _s3}


def storage_for(settings: Settings) -> Storage:
    """Return the storage that the settings name. Opens nothing."""
    return _STORAGES[settings.storage_url.partition(":")[0]](settings)
