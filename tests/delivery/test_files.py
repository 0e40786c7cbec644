"""Files that other programs read: whole, or as they were."""

import os
import pty
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from budget_gate.delivery.files import append, write_whole
from budget_gate.errors import ConfigurationError
from tests.helpers.running import files_of_at_most


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """UTF-8, with the line ends as they are, and nothing left beside it."""
    path = tmp_path / "report.json"
    write_whole(path, "first\nsecond é\n")
    assert path.read_bytes() == "first\nsecond é\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_replaces_another(tmp_path: Path) -> None:
    """Of the longer one before it nothing is left."""
    path = tmp_path / "report.json"
    path.write_text("x" * 10_000, encoding="utf-8")
    write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_that_has_the_old_file_open_keeps_it(tmp_path: Path) -> None:
    """The new file takes the place of the old one, which is not written into."""
    path = tmp_path / "report.json"
    path.write_text("old", encoding="utf-8")
    with path.open(encoding="utf-8") as reader:
        write_whole(path, "new")
        assert reader.read() == "old"


def test_a_file_can_be_read_by_others(tmp_path: Path) -> None:
    """A later step may run as somebody else."""
    path = tmp_path / "report.json"
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be written whole is not written, and no part of it stays behind."""
    path = tmp_path / "report.json"
    path.write_text("old", encoding="utf-8")
    with files_of_at_most(4096), pytest.raises(ConfigurationError) as caught:
        write_whole(path, "x" * 100_000)
    assert str(path) in caught.value.message
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    """It stays, and nothing is left beside it."""
    path = tmp_path / "report.json"
    path.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_whole(path, "new")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("before", ["old", None], ids=["to a file", "to nowhere"])
def test_a_link_is_followed(tmp_path: Path, before: str | None) -> None:
    """The file that it names is replaced whole, or made, and the link stays."""
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "report.json"
    if before:
        target.write_text(before, encoding="utf-8")
    link = tmp_path / "link"
    link.symlink_to(Path("elsewhere") / "report.json")
    write_whole(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_link_in_a_circle_is_an_error(tmp_path: Path) -> None:
    """It names no file, and stays."""
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_whole(link, "new")
    assert list(tmp_path.iterdir()) == [link]
    assert link.is_symlink()


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_fifo_is_written_into(tmp_path: Path, *, through_a_link: bool) -> None:
    """Whoever reads it has the whole text, more than it can hold at once, and it stays."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "link").symlink_to(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text(encoding="utf-8")))
    reader.start()
    # The reader may not have opened its end yet, which is an error and no wait.
    for _ in range(1000):
        with suppress(ConfigurationError):
            write_whole(tmp_path / ("link" if through_a_link else "fifo"), "é" * 200_000)
            break
        time.sleep(0.01)
    reader.join(30)
    assert read == ["é" * 200_000]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("put", [write_whole, append])
def test_a_fifo_that_nobody_reads_is_an_error(
    tmp_path: Path, put: Callable[[Path, str], None]
) -> None:
    """It is not waited for."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(ConfigurationError, match="cannot be written: nobody reads from it"):
        put(fifo, "new")
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_socket_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no text, and stays."""
    # Its path may be no longer than about a hundred characters.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(ConfigurationError, match="cannot be written"):
            write_whole(Path("socket"), "new")
    assert stat.S_ISSOCK(Path("socket").stat().st_mode)


def test_a_device_is_written_into(tmp_path: Path) -> None:
    """A terminal shows the text; the link that names it stays, and so does the device."""
    master, terminal = pty.openpty()
    link = tmp_path / "link"
    link.symlink_to(os.ttyname(terminal))
    try:
        write_whole(link, "new\n")
        assert os.read(master, 100) == b"new\r\n"
    finally:
        os.close(terminal)
        os.close(master)
    assert link.is_symlink()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """Folders are not made by themselves."""
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_whole(tmp_path / "missing" / "report.json", "new")


def test_text_is_added_to_the_end(tmp_path: Path) -> None:
    """What another program wrote stays."""
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    append(path, "after é\n")
    assert path.read_text(encoding="utf-8") == "before\nafter é\n"


def test_a_file_to_add_to_is_made(tmp_path: Path) -> None:
    """A first text needs no file."""
    append(tmp_path / "summary.md", "first\n")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == "first\n"


def test_text_that_is_no_unicode_is_added_all_the_same(tmp_path: Path) -> None:
    """A path with bytes of another encoding does not stop the outputs of a run."""
    path = tmp_path / "output"
    append(path, os.fsdecode(b"report-\xff.json\n"))
    assert path.read_bytes() == b"report-?.json\n"


def test_a_file_that_cannot_be_added_to_is_an_error(tmp_path: Path) -> None:
    """A folder takes no text."""
    with pytest.raises(ConfigurationError, match="cannot be written"):
        append(tmp_path, "text")
