"""Stands before a Redis and has it tell another time: nothing else that it answers is changed."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

# How a client asks for the time, which no other command has in it.
TIME = b"*1\r\n$4\r\nTIME\r\n"


@contextmanager
def telling(port: int, now: datetime) -> Iterator[int]:
    """The port of a Redis that says it is `now`, on the same data as that of `port`."""
    seconds, micros = f"{int(now.timestamp())}", f"{now.microsecond}"
    parts = ["EVAL", "return {ARGV[1], ARGV[2]}", "0", seconds, micros]
    told = f"*{len(parts)}\r\n" + "".join(f"${len(part)}\r\n{part}\r\n" for part in parts)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, port, told.encode()), daemon=True).start()
        yield listening.getsockname()[1]
        # A thread that waits to accept is woken by this alone.
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, port: int, told: bytes) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            server = socket.create_connection(("127.0.0.1", port))
            for source, target, time in ((client, server, told), (server, client, TIME)):
                threading.Thread(target=_carry, args=(source, target, time), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, time: bytes) -> None:
    """Carries bytes until the source ends, with `time` in place of the question for it."""
    held = b""
    with source, target, suppress(OSError):
        while received := source.recv(65536):
            data = (held + received).replace(TIME, time)
            # A question may come in two parts.
            kept = next((n for n in range(len(TIME) - 1, 0, -1) if data.endswith(TIME[:n])), 0)
            kept = kept if time != TIME and not data.endswith(b"\r\n") else 0
            held = data[len(data) - kept :]
            target.sendall(data[: len(data) - kept])
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
