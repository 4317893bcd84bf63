"""/v1/uploads: files that are sent before the ticket or comment that they belong to."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from hmac import compare_digest
from typing import Any

from flask import Response, request
from marshmallow import RAISE, fields

from services.intake.api import described
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import actor, answer, blueprint, body, parts
from services.intake.api.transfers import body_pieces
from services.intake.attachments import repository
from shared.domain.errors import (
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    PatchbayError,
    Unavailable,
)
from shared.domain.file_name import clean_name
from shared.domain.ids import Prefix, new_id
from shared.domain.role import EVERYBODY
from shared.schemas.base import StrictSchema
from shared.schemas.upload import CreateUploadSchema, NewUploadSchema, UploadSchema
from shared.storage.spool import Spool

blp = blueprint("uploads", "Files that are declared first, sent next, and attached at last.")

_schema, _new_schema = UploadSchema(), NewUploadSchema()


class TokenQuerySchema(StrictSchema):
    """The token of an upload's URL."""

    token = fields.String(load_default="")


@blp.route("/uploads", methods=["POST"])
@requires("tickets:write", problems=(400, 401, 403, 413, 415, 422, 503), roles=EVERYBODY)
@body(CreateUploadSchema())
@blp.response(201, NewUploadSchema())
def create_upload(content: Mapping[str, Any]) -> Response:
    """Declare a file.

    The answer has the `url` to PUT the content to, without an API key, until `expires_at`. Then
    name the id in `attachments` of a new ticket.
    """
    app = parts()
    app.files.receiving.rules.require_size(content["size"])
    now, token = app.now(), secrets.token_urlsafe(24)
    row = {
        "id": new_id(Prefix.UPLOAD),
        "token_digest": _digest(token),
        "name": clean_name(content["name"]),
        "size": content["size"],
        "media_type": content["media_type"],
        "sha256": content["sha256"],
        "storage_key": None,
        "created_at": now,
        "created_by": actor(),
        "expires_at": now + app.files.upload_ttl,
    }
    path = f"/v1/uploads/{row['id']}"
    document = {**row, "received": False, "url": f"{path}?token={token}"}
    with change() as unit:
        repository.add_upload(unit.tx, row)
        return unit.answer(_new_schema.dump(document), 201, {"Location": path})


@blp.route("/uploads/<upload_id>", methods=["GET"])
@requires("tickets:write", problems=(401, 403, 404, 503), roles=EVERYBODY)
@blp.response(200, UploadSchema())
def get_upload(upload_id: str) -> Response:
    """Read how far an upload is."""
    app = parts()
    with app.database.reading() as connection:
        row = repository.upload(connection, upload_id, app.now())
    if row["created_by"] != actor():
        raise _unknown(upload_id)
    return answer(_document(row))


@blp.route("/uploads/<upload_id>", methods=["PUT"])
@described.by_token
@described.bodies({"application/octet-stream": described.BYTES})
@described.problems(400, 403, 404, 408, 413, 415, 422, 503)
@blp.arguments(TokenQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, UploadSchema())
def put_upload(query: Mapping[str, Any], upload_id: str) -> Response:
    """Send the content of an upload, whole; sending the same again does no harm.

    The token in the URL stands for the API key. Size, and SHA-256 if it was declared, must be what
    was declared.
    """
    app = parts()
    with app.database.reading() as connection:
        row = repository.upload(connection, upload_id, app.now())
    if not compare_digest(row["token_digest"], _digest(query["token"])):
        message = "The token in the URL is not that of this upload."
        raise Forbidden(message)
    if "Content-Range" in request.headers:
        # RFC 9110 §14.5: a part that is taken for the whole would be stored as the whole.
        detail = "Send the whole content at once."
        raise InvalidInput(detail, [FieldError("/headers/Content-Range", detail)])
    with app.files.uploads.taken(), app.files.receiving.declared_spool(_exactly(row)) as spool:
        with body_pieces(app.files.timeout_s) as pieces:
            _write(spool, pieces, row)
        return answer(_document(_store(spool, row)))


put_upload.media_type = None


def _exactly(row: Mapping[str, Any]) -> Any:
    def allow(size: int) -> None:
        if size > row["size"]:
            raise _differs("size", f"The content is longer than the declared {row['size']} bytes.")

    return allow


def _write(spool: Spool, pieces: Iterator[bytes], row: Mapping[str, Any]) -> None:
    for piece in pieces:
        spool.write(piece)
    if spool.size != row["size"]:
        detail = f"The content has {spool.size} bytes, and {row['size']} were declared."
        raise _differs("size", detail)


def _store(spool: Spool, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep a content and note it in its row; return the row."""
    app = parts()
    content = app.files.receiving.look(spool, row["name"])
    if row["sha256"] not in (None, content["sha256"]):
        detail = f"The content has the SHA-256 {content['sha256']}, another than before."
        raise _differs("sha256", detail)
    if row["storage_key"] is not None:
        return row
    kept = app.files.receiving.keep(spool, content)
    try:
        with app.database.transaction() as tx:
            return repository.fill_upload(tx, row["id"], kept, app.now())
    except PatchbayError as error:
        if not isinstance(error, Unavailable):
            app.files.discard([kept["storage_key"]])
        raise


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_schema.dump({**row, "received": row["storage_key"] is not None}))


def _differs(name: str, detail: str) -> InvalidInput:
    return InvalidInput("The content is not the declared one.", [FieldError(f"/{name}", detail)])


def _unknown(upload_id: str) -> NotFound:
    return NotFound(f"There is no upload {upload_id!r}.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
