"""An address by https in front of one by http, as far away as one likes: a process of its own.

`python -m tests.bench.network CERTIFICATE ADDRESS SECONDS` prints its URL. A round trip takes so many seconds, the one
that opens a connection included, and so do those of TLS.
"""

import asyncio
import ssl
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import AbstractContextManager
from pathlib import Path

import certifi

from tests.bench.measuring import serving


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 with its key, and a file of it with all CAs that httpx trusts by itself."""
    own, trusted = folder / "own.pem", folder / "trusted.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bench"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(own), "-out"]
    subprocess.run([*make, str(trusted)], check=True, stderr=subprocess.DEVNULL)
    one = trusted.read_text(encoding="ascii")
    own.write_text(own.read_text(encoding="ascii") + one, encoding="ascii")
    trusted.write_text(one + Path(certifi.where()).read_text(encoding="utf-8"), encoding="utf-8")
    return own, trusted


async def _carry(reader: StreamReader, writer: StreamWriter, late: float, after: float) -> None:
    """Hands on what comes, so many seconds later, and nothing that came before `after` any sooner than from then."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(2**16):
        loop.call_at(max(loop.time(), after) + late, writer.write, data)
    loop.call_at(max(loop.time(), after) + late, writer.close)


async def _joined(
    reader: StreamReader, writer: StreamWriter, host: str, port: int, trip: float
) -> None:
    """Joins a connection with one to another port."""
    # By now the client's system takes it for open, which it would be after a round trip.
    opened = asyncio.get_running_loop().time() + trip
    far_reader, far_writer = await asyncio.open_connection(host, port)
    await asyncio.gather(
        _carry(reader, far_writer, trip / 2, opened if trip else 0),
        _carry(far_reader, writer, trip / 2, 0),
        return_exceptions=True,
    )


async def _serve(own: str, address: str, trip: float) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    secure = await asyncio.start_server(
        lambda reader, writer: _joined(reader, writer, host, int(port), 0),
        "127.0.0.1",
        0,
        ssl=context,
    )
    inner = secure.sockets[0].getsockname()[1]
    far = await asyncio.start_server(
        lambda reader, writer: _joined(reader, writer, "127.0.0.1", inner, trip), "127.0.0.1", 0
    )
    sys.stdout.write(f"https://127.0.0.1:{far.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await far.serve_forever()


def secured(own: Path, address: str, trip: float = 0) -> AbstractContextManager[str]:
    """The URL of such an address."""
    return serving("-m", "tests.bench.network", str(own), address, str(trip))


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], float(sys.argv[3])))
