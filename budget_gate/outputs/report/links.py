"""Where a reader of a step summary goes next: the policy on GitHub, the run, the Console."""

import re
from typing import Final, NamedTuple
from urllib.parse import quote

CONSOLE: Final = "https://platform.claude.com/settings/usage"

_SERVER: Final = r"https://[a-z0-9.-]+(:[0-9]+)?"
_REPOSITORY: Final = r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"
_COMMIT: Final = r"[0-9a-f]{40,64}"


class Links(NamedTuple):
    """What GitHub Actions says of the repository and the run; what looks odd makes none."""

    server: str | None = None
    repository: str | None = None
    commit: str | None = None
    run_id: str | None = None

    def policy(self, file: str, line: int) -> str | None:
        """The address of a line of the policy; None where the file may not be the repository's."""
        if not self._base or not re.fullmatch(_COMMIT, self.commit or ""):
            return None
        path = file.removeprefix("./")
        if path.startswith("/") or ".." in path.split("/") or "\\" in path:
            return None
        quoted = quote(path, errors="replace")
        return f"{self._base}/blob/{self.commit}/{quoted}#L{line}"

    @property
    def run(self) -> str | None:
        """The address of the run."""
        if not self._base or not (self.run_id or "").isdecimal():
            return None
        return f"{self._base}/actions/runs/{self.run_id}"

    @property
    def _base(self) -> str | None:
        server, repository = self.server or "", self.repository or ""
        known = re.fullmatch(_SERVER, server) and re.fullmatch(_REPOSITORY, repository)
        return f"{server}/{repository}" if known else None


NO_LINKS: Final = Links()
