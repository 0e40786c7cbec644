"""What budget-gate posts to: Slack's incoming webhook and any other receiver, on this machine, at their best and worst."""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.world import slack

# Secrets, as the addresses of webhooks are; a test looks for their last part.
SLACK_PATH = "/services/T0EXAMPLE/B0EXAMPLE/xxSLACKxxSECRETxx"
HOOK_PATH = "/hooks/xxHOOKxxSECRETxx?token=xxQUERYxxSECRETxx"
SECRETS = ("xxSLACKxxSECRETxx", "xxHOOKxxSECRETxx", "xxQUERYxxSECRETxx")


@dataclass(frozen=True)
class Posted:
    """A request as it arrived: `headers` by their small names."""

    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """What was posted, decoded."""
        return json.loads(self.raw)

    @property
    def key(self) -> str:
        """Its Idempotency-Key; empty without one."""
        return self.headers.get("idempotency-key", "")


@dataclass(frozen=True)
class Answer:
    """A status with a body and headers; `silent` and `dripping` ones never end, `garbage` is no HTTP."""

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "whole"


SILENT, DRIPPING, GARBAGE = (Answer(kind=kind) for kind in ("silent", "dripping", "garbage"))
# A receiver that quotes the address, as many do where they know it no more.
QUOTING = Answer(404, f"Cannot POST {SLACK_PATH} or {HOOK_PATH}")

Rule = Callable[[Posted], Answer | None]


class Channels:
    """A server on 127.0.0.1, as a context manager; `posts` holds every request that arrived.

    What comes to Slack's path is answered as Slack would: a message that it would refuse, or show
    other than meant, is a 400 and one of `refusals`. `answer`, where it gives one, goes before.
    """

    def __init__(self, answer: Rule = lambda _: None) -> None:
        self.answer = answer
        self.posts: list[Posted] = []
        self.refusals: list[str] = []
        self._done = threading.Event()
        self._arrived = threading.Condition()
        channels = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                channels.take(Posted(self.path, headers, raw), self)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """Leaves stderr alone."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        """Serves from here on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Lets go of whoever still waits, and ends."""
        self._done.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that hold the addresses."""
        return {
            "SLACK_WEBHOOK_URL": self.url + SLACK_PATH,
            "BUDGET_WEBHOOK_URL": self.url + HOOK_PATH,
        }

    @property
    def to_slack(self) -> list[Any]:
        """The messages that Slack was sent."""
        return [it.body for it in self.posts if it.path == SLACK_PATH]

    @property
    def to_hook(self) -> list[Posted]:
        """What the other receiver was sent."""
        return [it for it in self.posts if it.path == HOOK_PATH]

    def wait_for(self, count: int) -> None:
        """Returns once so many requests have arrived."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.posts) >= count, 20)

    def take(self, posted: Posted, handler: BaseHTTPRequestHandler) -> None:
        """Keeps a request, and answers it."""
        given = self.answer(posted)
        answer = given or self._own(posted)
        with self._arrived:
            self.posts.append(posted)
            self._arrived.notify_all()
        match answer.kind:
            case "silent":
                self._done.wait(30)
                return
            case "garbage":
                handler.wfile.write(b"\x00\xff no HTTP \r\n\r\n")
                return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.kind == "dripping":
            self._drip(handler)
            return
        raw = answer.body.encode()
        handler.send_header("content-length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Header after header, each before a client would give up on the next."""
        handler.flush_headers()
        with suppress(OSError):
            for number in range(90):
                handler.wfile.write(f"x-{number}: y\r\n".encode())
                if self._done.wait(0.05):
                    break

    def _own(self, posted: Posted) -> Answer:
        if posted.path != SLACK_PATH:
            return Answer(204, "")
        try:
            found = slack.faults(posted.body)
        except ValueError:
            found = ["invalid_payload"]
        if posted.headers.get("content-type") != "application/json":
            found.append("invalid_payload")
        self.refusals += found
        return Answer(400, "invalid_blocks") if found else Answer()
