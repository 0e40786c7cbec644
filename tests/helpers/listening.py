"""What recipes speak to: a server that takes whatever it is sent, and a stand-in for `gh`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

# It keeps the arguments and the file or stdin that they name, and finds the issue that a test says is open.
GH = """\
#!/bin/bash
{ printf '%s\\n' "$@"; echo --; } >> "$KEPT/gh"
case "$1 $2" in
  "issue list") if [ -n "$FOUND" ]; then echo "$FOUND"; fi ;;
  "issue create") cat > "$KEPT/body" ;;
  "pr comment" | "gist edit") cp "${@: -1}" "$KEPT/body" ;;
esac
"""


@dataclass
class Heard:
    """The requests that a server was sent: the method and the body of each."""

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Heard]:
    """A server that takes whatever it is sent."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            heard.requests.append((self.command, body.decode()))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Leaves stderr alone."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        heard.url = f"http://127.0.0.1:{server.server_port}/hook"
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def put_gh(folder: Path) -> None:
    """Puts the stand-in for `gh` into a folder; the variable KEPT says where it keeps what it is given."""
    gh = folder / "gh"
    gh.write_text(GH, encoding="utf-8")
    gh.chmod(0o755)


def calls(kept: Path) -> list[list[str]]:
    """The arguments of each call of `gh` that it kept there."""
    log = kept / "gh"
    told = log.read_text(encoding="utf-8").split("--\n")[:-1] if log.exists() else []
    return [call.splitlines() for call in told]
