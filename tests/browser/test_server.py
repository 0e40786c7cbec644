"""The page as nginx serves it with the block of docs/dashboard.md, in Chromium."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from budget_gate.outputs.dashboard.page import render_page
from tests.browser.test_page import FIGURES, REPORT
from tests.helpers.browsing import browsing
from tests.helpers.pages import BLOCKS
from tests.helpers.postgresql import free_port

NAME, PASSWORD = "reader", "EXAMPLE-password"
(BLOCK,) = (it.text for it in BLOCKS if it.text.startswith("server {\n"))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of an nginx with the block, whose files and port are of the test's own."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert nginx, "no nginx is installed: .ci/nginx installs it"
    port = free_port()
    block = BLOCK
    for written, own in (
        ("443 ssl", f"127.0.0.1:{port} ssl"),
        ("/etc/ssl/spend.example.com.pem", f"{folder}/certificate.pem"),
        ("/etc/ssl/private/spend.example.com.key", f"{folder}/certificate.key"),
        ("/var/www/spend", f"{folder}/site"),
        ("/etc/nginx/spend.htpasswd", f"{folder}/passwords"),
    ):
        assert block.count(written) == 1, written
        block = block.replace(written, own)
    (folder / "passwords").write_text(f"{NAME}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
    key = ["-keyout", f"{folder}/certificate.key", "-out", f"{folder}/certificate.pem"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *key], check=True, capture_output=True)
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{it}_temp_path {folder}/{it};" for it in places)
    # Workers of root would be of a user that may not read the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; {user} pid {folder}/pid; error_log {folder}/log; events {{}}\n"
        f"http {{ types {{ text/html html; }} access_log off; {temporary}\n{block}}}\n",
        encoding="utf-8",
    )
    command = [nginx, "-e", f"{folder}/log", "-c", f"{folder}/nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as server:
        # It listens before it writes down its process.
        while not (folder / "pid").exists() or not (folder / "pid").read_text():
            assert server.poll() is None, (folder / "log").read_text()
        try:
            yield f"https://127.0.0.1:{port}/"
        finally:
            server.terminate()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where the page is served."""
    (tmp_path / "site").mkdir()
    page = tmp_path / "site" / "index.html"
    page.write_text(render_page(FIGURES, REPORT, "budget.yml"), encoding="utf-8")
    with served(tmp_path) as found:
        yield found


def test_only_who_has_the_password_reads_it_and_nobody_keeps_or_frames_it(
    url: str, tmp_path: Path
) -> None:
    """As the page of the documentation promises."""
    trusted = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    refused = httpx.get(url, verify=trusted, trust_env=False)
    assert refused.status_code == 401
    assert "Over budget" not in refused.text
    answer = httpx.get(url, verify=trusted, trust_env=False, auth=(NAME, PASSWORD))
    assert "Over budget" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_it_draws_and_asks_for_nothing_else(url: str) -> None:
    """From a server as from a file."""
    with browsing() as browser:
        context = browser.new_context(
            ignore_https_errors=True,
            http_credentials={"username": NAME, "password": PASSWORD},
        )
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        page.wait_for_selector("#daily svg")
        assert page.locator("#daily .mark-area path").count() == 3
        assert (said, asked) == ([], [url])
