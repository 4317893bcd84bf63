"""What a client does to attach files, in few words."""

import io
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from tests.desk import Desk


def send(desk: Desk, ticket_id: str, *parts: tuple[str, bytes]) -> TestResponse:
    """Attach files of these names and contents by one form."""
    path = f"/v1/tickets/{ticket_id}/attachments"
    content_type, body = form(*parts)
    return desk.call("POST", path, data=body, content_type=content_type)


def form(*parts: tuple[str, bytes]) -> tuple[str, bytes]:
    """Return the Content-Type and the body of a form of these files."""
    data = [FileStorage(io.BytesIO(content), name) for name, content in parts]
    boundary, body = encode_multipart(MultiDict({"file": data}))
    return f"multipart/form-data; boundary={boundary}", body


def attached(desk: Desk, ticket_id: str, *parts: tuple[str, bytes]) -> list[dict[str, Any]]:
    """Attach files, which must succeed; return their documents."""
    response = send(desk, ticket_id, *parts)
    assert response.status_code == 201, response.get_data(as_text=True)
    return list(response.get_json()["items"])


def listed(desk: Desk, ticket_id: str) -> list[dict[str, Any]]:
    return list(desk.ok("GET", f"/v1/tickets/{ticket_id}/attachments")["items"])


def uploaded(desk: Desk, name: str, content: bytes) -> str:
    """Declare a file and send it; return the id."""
    declared = desk.ok("POST", "/v1/uploads", {"name": name, "size": len(content)})
    assert put(desk, declared["url"], content).status_code == 200
    return str(declared["id"])


def put(desk: Desk, url: str, content: bytes, **more: Any) -> TestResponse:
    """Send a content to the URL of an upload, without a key."""
    more.setdefault("content_type", "application/octet-stream")
    return desk.app.test_client().put(url, data=content, **more)
