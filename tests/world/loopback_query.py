"""What every route of the loopback API does with a query: parameters, ranges, cursors and errors."""

import base64
import binascii
import contextlib
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class BucketWidth:
    """An interval of the report, with the page sizes that go with it."""

    seconds: int
    default_limit: int
    maximum_limit: int

    def floor(self, epoch: int) -> int:
        """Return the start of the bucket that holds an instant, in Unix seconds."""
        return epoch - epoch % self.seconds


BUCKET_WIDTHS = {
    "1d": BucketWidth(86_400, 7, 31),
    "1h": BucketWidth(3_600, 24, 168),
    "1m": BucketWidth(60, 60, 1_440),
}


@dataclass(frozen=True)
class ReportRange:
    """The buckets of a report: `start` inclusive, `end` exclusive, both bucket starts in Unix seconds."""

    start: int
    end: int
    width: BucketWidth


class ApiError(Exception):
    """An answer that is an error of the API."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def invalid(message: str) -> NoReturn:
    """Raise the 400 of a query that the API does not take."""
    raise ApiError(400, "invalid_request_error", message)


def not_found() -> ApiError:
    """Return the 404 of a path that there is not."""
    return ApiError(404, "not_found_error", "The requested resource could not be found.")


class Parameters:
    """A query string with the API's strictness about repeated, unknown and malformed parameters."""

    def __init__(self, query: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = defaultdict(list)
        for name, value in query:
            self._values[name].append(value)

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Raise 400 for the first parameter that is not known."""
        for name in self._values:
            if name not in known:
                invalid(f"{name}: Extra inputs are not permitted")

    def many(self, name: str) -> list[str]:
        """Return every value of a repeated parameter."""
        return self._values.get(name, [])

    def one(self, name: str) -> str | None:
        """Return the value of a single parameter, None where absent; 400 where repeated."""
        values = self.many(name)
        if len(values) > 1:
            invalid(f"{name}: Input should be a single value")
        return values[0] if values else None

    def integer(self, name: str, default: int, maximum: int) -> int:
        """Return a whole number from 1 to the maximum."""
        text = self.one(name)
        if text is None:
            return default
        if re.fullmatch(r"-?\d+", text, re.ASCII) is None:
            invalid(f"{name}: Input should be a valid integer")
        if not 1 <= int(text) <= maximum:
            invalid(
                f"{name}: Input should be greater than or equal to 1 and less than or equal to {maximum}"
            )
        return int(text)

    def flag(self, name: str) -> bool:
        """Return whether it is `true`; false where absent."""
        text = self.one(name)
        if text not in (None, "true", "false"):
            invalid(f"{name}: Input should be a valid boolean")
        return text == "true"

    def instant(self, name: str) -> int | None:
        """Return an RFC 3339 instant as Unix seconds; None where absent."""
        text = self.one(name)
        if text is None:
            return None
        if RFC_3339.fullmatch(text.upper()) is not None:
            with contextlib.suppress(ValueError):
                return epoch(datetime.fromisoformat(text.upper()))
        invalid(f"{name}: Input should be a valid RFC 3339 datetime")


def epoch(at: datetime) -> int:
    """Return whole Unix seconds, rounded down."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def rfc_3339(seconds: int) -> str:
    """Return Unix seconds as an instant in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(values: Collection[str]) -> str:
    """Return the values that are let through, as an error names them."""
    return " or ".join(f"'{value}'" for value in values)


def report_range(
    parameters: Parameters, now: datetime, *, open_day: bool, whole_bucket_at_end: bool
) -> ReportRange:
    """Return the buckets asked for, cut to those that the API has by now.

    Daily buckets include today only with `open_day`.
    """
    width_name = parameters.one("bucket_width") or "1d"
    if width_name not in BUCKET_WIDTHS:
        invalid(f"bucket_width: Input should be {listed(BUCKET_WIDTHS)}")
    width = BUCKET_WIDTHS[width_name]
    starting_at = parameters.instant("starting_at")
    if starting_at is None:
        invalid("starting_at: Field required")
    ending_at = parameters.instant("ending_at")
    available = width.floor(epoch(now))
    if width_name != "1d" or open_day:
        available += width.seconds
    start = width.floor(starting_at)
    end = available
    if ending_at is not None:
        past_the_end = width.seconds - 1 if whole_bucket_at_end else 0
        end = min(available, width.floor(ending_at + past_the_end))
    if end <= start:
        invalid("Invalid date range: ending date must be after starting date")
    return ReportRange(start, end, width)


@dataclass(frozen=True)
class Cursors:
    """The opaque cursors of one query: each is a position, and a digest of it and that query."""

    path: str
    query: list[tuple[str, str]]

    def at(self, position: str) -> str:
        """Return the cursor of the page that starts at a position."""
        rest = sorted((name, value) for name, value in self.query if name != "page")
        digest = hashlib.sha256(json.dumps([position, self.path, rest]).encode()).hexdigest()[:16]
        return "page_" + base64.b64encode(f"{position}|{digest}".encode()).decode()

    def at_instant(self, seconds: int) -> str:
        """Return the cursor of the page that starts with a bucket."""
        return self.at(rfc_3339(seconds))

    def position(self, page: str) -> str:
        """Return the position of a cursor; raises 400 where it is not of this very query."""
        try:
            text = base64.b64decode(page.removeprefix("page_"), validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            invalid("page: Invalid page token")
        position = text.partition("|")[0]
        if page != self.at(position):
            invalid("page: The page token does not belong to this query")
        return position

    def instant(self, page: str) -> int:
        """Return the first bucket of a page; raises 400 where its cursor is not of this very query."""
        return epoch(datetime.fromisoformat(self.position(page)))
