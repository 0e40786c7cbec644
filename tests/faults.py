"""The faults that an API can have, as data, and a server that has them: each is tried against each request of a run.

`python -m tests.faults` prints tests/FAULTS.md.
"""

import gc
import gzip
import io
import json
import os
import socket
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fractions import Fraction
from functools import cache
from itertools import batched
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import httpx

from budget_gate.cli import main
from budget_gate.sources import transport
from tests.loopback import LoopbackAPI, Organization, Request, Response, Workspace
from tests.oracle import EVERY_DIMENSION, KNOWN_ORG_SCOPED, Usage, total
from tests.serving import ME, USAGE, WORKSPACES, first, is_lengths, raw_server, reply, with_limit
