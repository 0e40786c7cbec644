"""The keys of an organization by kind: those of an administrator, revoked ones, and those that have scopes."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.world.loopback_query import ApiError

# Of the Console, as that of the server: such keys have no scopes and open everything.
NEXT_KEY = "sk-ant-admin01-EXAMPLE-NEXT-KEY"
# Of a Claude Enterprise organization: its family does not say what it opens.
ANALYTICS_KEY = "sk-ant-api01-EXAMPLE-ANALYTICS-KEY"
READ_ANALYTICS = "read:analytics"
ANALYTICS = "analytics/"


@dataclass
class Key:
    """A key; `scopes` None is an administrator's.

    A key with scopes opens the analytics where `read:analytics` is among them, and of the other routes those in
    `routes`, by their path under /v1/organizations/: by the reference none, not even `me`. A test may revoke it while it
    is in use.
    """

    secret: str
    scopes: tuple[str, ...] | None = None
    routes: tuple[str, ...] = ()
    is_revoked: bool = False

    def admit(self, route: str) -> None:
        """Raise the 403 of a route that is beyond the scopes, which tells both sides as the API does."""
        if self.scopes is None or route in self.routes:
            return
        # What the routes of administrators need is not documented; no scope that can be chosen opens them.
        needed = READ_ANALYTICS if route.startswith(ANALYTICS) else "admin"
        if needed not in self.scopes:
            raise ApiError(
                403,
                "permission_error",
                f"Missing required scopes. Got: {list(self.scopes)} Needed: ['{needed}']",
            )


def analytics_key(*routes: str) -> Key:
    """Return the key of an Enterprise organization that may read analytics alone, and `routes`."""
    return Key(ANALYTICS_KEY, (READ_ANALYTICS,), routes)


def authenticated(secret: str | None, keys: Sequence[Key]) -> Key:
    """Return the key that a request comes with; raises the 401 of none, an unknown or a revoked one."""
    for key in keys:
        if key.secret == secret and not key.is_revoked:
            return key
    raise ApiError(401, "authentication_error", "invalid x-api-key")
