"""Another site, on another origin, that embeds the support form by the script tag."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.ports import choose_port

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><h1>Shop</h1><p>Buy things.</p>
<script src="{url}/support/embed.js" data-lang="{language}" data-product="Shop"></script>
</body></html>"""


class HostSite:
    """Serves one page; its policy allows scripts and frames of Patchbay, and nothing inline."""

    def __init__(self) -> None:
        self.port = choose_port()
        #: By name, and so another origin than 127.0.0.1.
        self.origin = f"http://localhost:{self.port}"
        self.url, self.language = "", "en"
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = PAGE.format(url=site.url, language=site.language).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                policy = f"default-src 'none'; script-src {site.url}; frame-src {site.url}"
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
