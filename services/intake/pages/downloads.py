"""/t/{token}/files: the attachments of a ticket, for whoever has its link."""

from flask import Blueprint, Response

from services.intake.api.downloads import send_file
from services.intake.api.http import parts
from services.intake.pages import problems
from services.intake.pages.public_repository import public_attachment
from services.intake.pages.site import site
from shared.domain.attachment import AttachmentKind, ScanState
from shared.domain.errors import NotFound
from shared.storage.base import ObjectMissing

blp = Blueprint("page_downloads", __name__)
problems.register(blp)


@blp.route("/t/<token>/files/<attachment_id>", methods=["GET"])
def download(token: str, attachment_id: str) -> Response:
    """Send a file, as a download that no script runs in."""
    app = parts()
    ticket_id = site().links.ticket_id(token)
    with app.database.reading() as connection:
        row = public_attachment(connection, ticket_id, attachment_id)
    withheld = row["state"] in (ScanState.PENDING, ScanState.INFECTED)
    if row["kind"] is not AttachmentKind.FILE or withheld:
        message = f"{attachment_id!r} is not handed out."
        raise NotFound(message)
    try:
        response = send_file(app.files.receiving.storage, row, app.files.downloads.take)
    except ObjectMissing as error:
        message = f"The content of {attachment_id!r} is gone from the storage."
        raise NotFound(message) from error
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
