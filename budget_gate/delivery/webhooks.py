"""Posts to addresses that are secrets: all of them side by side, within one deadline."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from budget_gate import __version__
from budget_gate.errors import InterruptedRunError
from budget_gate.sources.http.client import is_untrusted

# In seconds, for all posts together: the report is only told after them.
DEADLINE: Final = 15.0
_MOST_SAID: Final = 100
# As Slack says why: `invalid_payload`.
_WORD: Final = re.compile(r"[A-Za-z_ ]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Post:
    """A JSON body for an address that is a secret, and headers that go with it."""

    url: str = field(repr=False)
    body: Any = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def send(posts: Sequence[Post], deadline: float) -> list[str]:
    """Why each of the posts failed, in words without its address; empty for one that was taken.

    A signal ends the wait: what was not answered by then has failed.
    """
    answers: list[str | None] = [None] * len(posts)

    def run(number: int) -> None:
        answers[number] = _send(posts[number], deadline)

    threads = [Thread(target=run, args=(number,), daemon=True) for number in range(len(posts))]
    end, missing = monotonic() + deadline, f"no answer within {deadline:g} seconds"
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            # What drips longer is left behind, and ends with the process.
            thread.join(max(0.0, end - monotonic()))
    except InterruptedRunError as error:
        missing = error.message
    return [missing if answer is None else answer for answer in answers]


def _send(post: Post, deadline: float) -> str:
    try:
        is_loopback = urlsplit(post.url).scheme == "http"
        with (
            httpx.Client(
                # A redirect would carry the report to wherever it points.
                follow_redirects=False,
                # Plain http is for this machine alone: never through a proxy, and without TLS.
                trust_env=not is_loopback,
                verify=not is_loopback,
                timeout=deadline,
            ) as client,
            client.stream(
                "POST",
                post.url,
                content=json.dumps(post.body).encode(),
                headers={
                    "content-type": "application/json",
                    "user-agent": f"budget-gate/{__version__}",
                    "accept-encoding": "identity",
                    **post.headers,
                },
            ) as response,
        ):
            if response.is_success:
                return ""
            said = next(response.iter_bytes(_MOST_SAID), b"").decode("utf-8", "replace").strip()
            # Of an answer no more than a word of the receiver's: others quote the address.
            is_word = _WORD.fullmatch(said) and said not in post.url
            return f"it answered {response.status_code}{f' ({said})' if is_word else ''}"
    except httpx.TimeoutException:
        return f"no answer within {deadline:g} seconds"
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError):
        return "its address is not valid"
    except httpx.ProxyError:
        return "the proxy did not let it through"
    except httpx.RemoteProtocolError:
        return "its answer is not valid HTTP"
    except (httpx.HTTPError, ImportError, OSError) as error:
        # The library's own words may have the address.
        return "its certificate does not verify" if is_untrusted(error) else "the connection failed"
