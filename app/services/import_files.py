"""Import files: what is uploaded, kept in pieces until it has been imported, and read back as rows.

The pieces are in the database because the worker may be another machine. Neither side ever has more
than one of them in memory.
"""

import sqlite3
import struct
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import IO, Any

from sqlalchemy import delete, insert, select

from app.database import db
from app.errors import Invalid
from app.models import ImportPart, ImportRun
from app.rules import oneroster, tables
from app.rules.oneroster import Columns, File
from app.rules.tables import Unreadable

MOST_BYTES = 50 * 1024 * 1024  # of all files of one import, unpacked
PEOPLE = "people"  # a plain CSV, whose columns are mapped by hand
_PIECE = 256 * 1024  # bytes
_SCHOOLS = 20  # names of schools, for whoever looks at what they chose
_ZIP = b"PK\x03\x04"
# What a damaged zip makes of `zipfile`: names that are no text are a ValueError.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
)
_NO_SET = "This is a zip file, or a workbook. Save the table as CSV, then import that."
_FIELD = "file"

Upload = tuple[str, IO[bytes]]  # its name tells only which other files of a set to leave alone


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of an import, as it will be read. `name`: as it was chosen. `told`: what its rows
    say, where that is known when it is uploaded. `content` is open only while it is uploaded."""

    name: str
    file: str
    encoding: str
    delimiter: str
    columns: list[str]
    told: dict[str, Any]
    content: IO[bytes]

    @property
    def said(self) -> dict[str, Any]:
        read = {"encoding": self.encoding, "delimiter": self.delimiter, "columns": self.columns}
        return {**read, **self.told}


@contextmanager
def opened(uploads: Sequence[Upload]) -> Iterator[list[Kept]]:
    """What these files are: one CSV of people, or files of OneRoster, alone or in a zip. Raises
    Invalid in words for whoever chose them."""
    with closing(_Room()) as room:
        try:
            found = [
                _looked_at(name, one)
                for upload in uploads
                if len(uploads) == 1 or _stem(upload[0]) not in oneroster.OTHERS
                for name, one in room.of(*upload)
            ]
            chosen = _chosen(found, room.is_zip)
        except Unreadable as error:
            raise Invalid(_FIELD, str(error)) from None
        yield chosen


def _stem(name: str) -> str:
    return oneroster.plain_name(PurePosixPath(name.replace("\\", "/")).stem)


def _chosen(found: list[Kept], is_zip: bool) -> list[Kept]:
    """One CSV of people, or one set of OneRoster; nothing that was chosen is dropped silently."""
    files = Counter(each.file for each in found)
    if twice := [file for file in File if files[file] > 1]:
        raise Unreadable(f"There is more than one {twice[0]}.csv. Import one set at a time.")
    if File.USERS not in files:
        if is_zip:
            raise Unreadable(_NO_SET)
        if len(found) != 1 or found[0].file:
            raise Unreadable(
                "Choose one CSV file of people, or files of OneRoster with users.csv among them."
            )
        return found
    if strange := [each.name for each in found if not each.file]:
        raise Unreadable(
            f"{strange[0][:100]} lacks the columns of a file of OneRoster. Import it by itself."
        )
    if len(found) == 1 and not is_zip and oneroster.version_of(found[0].columns) != "1.1":
        return [replace(found[0], file="")]  # a table with such columns, but without any roles
    return sorted(found, key=lambda each: [*File].index(File(each.file)))


class _Room:
    """What is unpacked, and how much of it there may be."""

    def __init__(self) -> None:
        self.left = MOST_BYTES
        self.is_zip = False
        self._open: list[Any] = []

    def of(self, name: str, content: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
        content.seek(0)
        if content.read(len(_ZIP)) != _ZIP:
            self._take(content)
            yield name, content
            return
        self.is_zip = True
        try:
            archive = zipfile.ZipFile(content)
            self._open.append(archive)
            for info in _of_a_set(archive):
                one = archive.open(info)
                self._open.append(one)
                self._take(one)
                yield info.filename.rpartition("/")[2], one
        except _BROKEN:
            raise Unreadable("This zip file cannot be opened.") from None

    def _take(self, content: IO[bytes]) -> None:
        """By what is really in it: the size that a zip names may be a lie."""
        for piece in _pieces(content):
            self.left -= len(piece)
            if self.left < 0:
                most = MOST_BYTES // 1024 // 1024
                raise Unreadable(f"The file is larger than {most} MB. Import it in parts.")

    def close(self) -> None:
        for each in reversed(self._open):
            each.close()


def _of_a_set(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    wanted = {f"{each.value}.csv" for each in File}
    found = [i for i in archive.infolist() if i.filename.rpartition("/")[2].lower() in wanted]
    if not any(info.filename.lower().endswith("users.csv") for info in found):
        raise Unreadable(_NO_SET)
    # The others unpack a whole piece at once, however large it becomes.
    if any(i.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for i in found):
        raise Unreadable("This zip file is packed in an unusual way. Pack it again as a plain zip.")
    return found


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    """With a turn for the sockets of this process after each."""
    for piece in _at_once(content):
        yield piece
        time.sleep(0)


def _at_once(content: IO[bytes]) -> Iterator[bytes]:
    content.seek(0)
    while piece := content.read(_PIECE):
        yield piece


def _looked_at(name: str, content: IO[bytes]) -> Kept:
    encoding = tables.encoding_of(_pieces(content))
    delimiter = tables.delimiter_of(tables.lines(_pieces(content), encoding))
    rows = tables.rows(tables.lines(_pieces(content), encoding), delimiter)
    head = list(islice(rows, 2))
    if not head:
        raise Unreadable("The file is empty.")
    columns = tables.columns_of(head[0][1])
    found = oneroster.file_of(columns)
    if len(head) < 2 and found in (None, File.USERS):
        raise Unreadable("The file holds the names of columns and nobody below them.")
    below = chain((cells for _, cells in head[1:]), (cells for _, cells in rows))
    told = _told(found, Columns.of(columns), below)
    return Kept(name, found.value if found else "", encoding, delimiter, columns, told, content)


def _told(file: File | None, columns: Columns, rows: Iterator[list[str]]) -> dict[str, Any]:
    """What the files say that are about no person; they are read to their end."""
    if file is File.ORGS:
        schools: list[str] = []
        for cells in rows:
            if (name := columns.cell(cells, "name")[:200]) and len(schools) < _SCHOOLS:
                schools.append(name)
        return {"schools": schools}
    if file is File.MANIFEST:
        delta = False
        for cells in rows:
            if columns.cell(cells, "propertyname").lower() == "file.users":
                delta = columns.cell(cells, "value").lower() == "delta"
        return {"delta": delta}
    return {}


def keep(run: ImportRun, files: Sequence[Kept]) -> None:
    """In the open transaction."""
    for kept in files:
        if kept.told and kept.file != File.ORGS:
            continue  # all of it is known
        for number, piece in enumerate(_at_once(kept.content)):
            db.session.execute(
                insert(ImportPart).values(
                    run_id=run.id,
                    institution_id=run.institution_id,
                    file=kept.file or PEOPLE,
                    number=number,
                    data=piece,
                )
            )


def let_go(run_id: int) -> None:
    """Of the file, in the open transaction: it holds more than what was imported."""
    db.session.execute(delete(ImportPart).where(ImportPart.run_id == run_id))


# Reading back


def rows(run: ImportRun, file: str) -> Iterator[tuple[int, list[str]]]:
    """The rows below the first, as (line, cells); none where there is no such file. Raises
    Unreadable, and where there are too many."""
    said = run.files.get(file)
    if said is None:
        return
    text = tables.lines(_stored(run.id, file), said["encoding"])
    below = islice(tables.rows(text, said["delimiter"]), 1, None)
    for count, row in enumerate(below, 1):
        if count > tables.MOST_ROWS:
            raise Unreadable(f"The file has more than {tables.MOST_ROWS:,} rows.")
        yield row


def _stored(run_id: int, file: str) -> Iterator[bytes]:
    number = 0
    while True:
        found = db.session.execute(
            select(ImportPart.data).where(
                ImportPart.run_id == run_id, ImportPart.file == file, ImportPart.number == number
            )
        ).scalar_one_or_none()
        if found is None:
            return
        yield found
        number += 1


class Roles:
    """The kind and the org of each user of a OneRoster 1.2 set, on disk: there may be as many as
    users."""

    def __init__(self, run: ImportRun) -> None:
        self._found = sqlite3.connect("")  # a file that is gone with the connection
        self._found.execute(
            "CREATE TABLE role (id TEXT PRIMARY KEY, kind TEXT, org TEXT) WITHOUT ROWID"
        )
        said = run.files.get(File.ROLES)
        if said is None:
            return
        columns = Columns.of(said["columns"])
        add = "INSERT INTO role VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        replace = "INSERT OR REPLACE INTO role VALUES (?, ?, ?)"
        for _, cells in rows(run, File.ROLES):
            user, role = columns.cell(cells, "usersourcedid"), columns.cell(cells, "role")
            gone = columns.cell(cells, "status").lower() == "tobedeleted"
            if (kind := oneroster.kind_of(role)) and not gone:
                main = columns.cell(cells, "roletype").lower() == "primary"
                org = columns.cell(cells, "orgsourcedid")
                self._found.execute(replace if main else add, (user, kind, org))

    def kind(self, user: str) -> str:
        return self._cell("kind", user)

    def org(self, user: str) -> str:
        return self._cell("org", user)

    def _cell(self, name: str, user: str) -> str:
        query = f"SELECT {name} FROM role WHERE id = ?"  # noqa: S608 (a name of ours)
        found = self._found.execute(query, (user,)).fetchone()
        return str(found[0]) if found else ""

    def close(self) -> None:
        self._found.close()
