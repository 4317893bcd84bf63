"""A virus scanner that speaks as clamd(8) on a real socket, and finds one word."""

import socket
import socketserver
import struct
import threading
from pathlib import Path

VIRUS = b"X5O!P%@AP-TEST"
END = struct.pack("!I", 0)
FOUND = b"stream: Eicar-Test-Signature FOUND\0"


class Scanner:
    """Listens until it is closed. `limit` is its StreamMaxLength; `mute` hangs up unanswered."""

    def __init__(self, path: Path | None = None, port: int = 0) -> None:
        self.scanned: list[bytes] = []
        self.limit = 1 << 30
        self.mute = False
        self.version = b"ClamAV 1.4.1"
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._serve(self.request)

        class Tcp(socketserver.ThreadingTCPServer):
            allow_reuse_address = True

        if path is None:
            self._server: socketserver.BaseServer = Tcp(("127.0.0.1", port), Handler)
            self.port = int(self._server.server_address[1])
            self.url = f"tcp://127.0.0.1:{self.port}"
        else:
            self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
            self.url = f"unix://{path}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        command = b""
        while not command.endswith(b"\0"):
            piece = file.read(1)
            if not piece:  # Whoever asks has died.
                return
            command += piece
        if command == b"zVERSION\0":
            connection.sendall(self.version + b"\0")
            return
        assert command == b"zINSTREAM\0"
        data = b""
        while (size := file.read(4)) != END:
            if len(size) < len(END):
                return
            data += file.read(struct.unpack("!I", size)[0])
            if len(data) > self.limit:
                connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                return
        if self.mute:
            return
        self.scanned.append(data)
        connection.sendall(FOUND if VIRUS in data else b"stream: OK\0")
