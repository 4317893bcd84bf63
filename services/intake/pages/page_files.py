"""Files that come with a form: looked at, stored as uploads, and kept if the form comes back.

Nobody has to choose a file twice because of a mistake elsewhere in the form. What is kept goes to
the browser and back as a signed token, so that only who sent a file can attach it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.intake.api.http import parts
from services.intake.attachments import repository
from services.intake.pages.catalogues import Texts
from services.intake.pages.form_body import Form
from services.intake.pages.form_tokens import MAX_AGE
from shared.domain.errors import BadToken, FileRefused, FileTypeRefused
from shared.domain.file_name import clean_name
from shared.domain.ids import Prefix, new_id

_PURPOSE = "page-file"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is stored already; `token` stands for it in the form."""

    id: str
    name: str
    size: int
    sha256: str
    token: str


def take_files(form: Form, actor: str, t: Texts) -> tuple[list[KeptFile], list[str]]:
    """Store the files of a form beside those that it kept; return them, and what is wrong.

    Raises Unavailable if the storage is away.
    """
    rules = parts().files.receiving.rules
    kept = _kept(form.kept)
    wrong = [t("files.too_large", name=clean_name(name)) for name in form.too_large]
    too_many = form.too_many
    for file in form.files:
        if len(kept) >= rules.max_count:
            too_many = True
            break
        try:
            content = parts().files.receiving.look(file.spool, file.name)
        except FileTypeRefused:
            wrong.append(t("files.type", name=clean_name(file.name)))
        except FileRefused as error:
            reason = f"files.{error.extra['reason']}"
            wrong.append(t(reason, name=clean_name(file.name)))
        else:
            kept.append(_store(file, content, actor))
    if too_many:
        wrong.append(t("files.too_many", count=rules.max_count))
    return kept, wrong


def _kept(tokens: Sequence[str]) -> list[KeptFile]:
    signing = parts().signing
    found: dict[str, KeptFile] = {}
    for token in tokens:
        try:
            file_id, name, size, sha256 = signing.read(_PURPOSE, token, MAX_AGE)
        except (BadToken, TypeError, ValueError):
            continue
        found[file_id] = KeptFile(file_id, name, size, sha256, token)
    return list(found.values())


def _store(file: Any, content: dict[str, Any], actor: str) -> KeptFile:
    app = parts()
    stored = app.files.receiving.keep(file.spool, content)
    now = app.now()
    row = {
        "id": new_id(Prefix.UPLOAD),
        # Nobody sends its content any more.
        "token_digest": secrets.token_hex(32),
        **stored,
        "created_at": now,
        "created_by": actor,
        "expires_at": now + max(app.files.upload_ttl, MAX_AGE),
    }
    with app.database.transaction() as tx:
        repository.add_upload(tx, row)
    file_id, name, size, sha256 = (row["id"], stored["name"], stored["size"], stored["sha256"])
    token = app.signing.sign(_PURPOSE, [file_id, name, size, sha256])
    return KeptFile(file_id, name, size, sha256, token)
