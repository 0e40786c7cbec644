"""A package index on this machine, which pip and uv install from."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


class _Handler(BaseHTTPRequestHandler):
    """Answers with the wheels of a folder; a file may be kept for ever, as those of the public index may."""

    folder: Path
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page of a project, or a file."""
        name = self.path.strip("/").rpartition("/")[2]
        if name.endswith(".whl"):
            content = (self.folder / name).read_bytes()
            self._answer(content, "application/octet-stream", "max-age=365000000, immutable")
        else:
            links = [
                f'<a href="/{path.name}#sha256={sha256(path.read_bytes()).hexdigest()}">{path.name}</a>'
                for path in self.folder.glob("*.whl")
                if path.name.partition("-")[0].replace("_", "-") == name
            ]
            self._answer("\n".join(links).encode(), "text/html", "max-age=600")

    def _answer(self, content: bytes, kind: str, kept: str) -> None:
        self.send_response(200)
        for header, value in (("Content-Type", kind), ("Cache-Control", kept)):
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of an index that has the wheels of a folder."""
    handler = type("Handler", (_Handler,), {"folder": folder})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple"
        finally:
            server.shutdown()
