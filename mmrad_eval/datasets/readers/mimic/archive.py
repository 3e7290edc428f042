"""Reads single members of a zip with hundreds of thousands of them, without making an object of each.

``zipfile`` needs about 3 s to open the 227,835 reports of MIMIC-CXR; a run limited to 10 studies wants ten of them.
Here the central directory stays bytes, in which names are found. Layout of the format: PKWARE APPNOTE 6.3.10, sections
4.3.7, 4.3.12 to 4.3.16.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import weakref
import zlib
from pathlib import Path

from mmrad_eval.core.errors import DataError

REPORT = re.compile(rb"s(5\d{7})\.txt")
END, END64, ENTRY, MEMBER = b"PK\x05\x06", b"PK\x06\x06", b"PK\x01\x02", b"PK\x03\x04"
STORED, DEFLATED = 0, 8
FULL = 0xFFFFFFFF  # the value that says that the true one stands in a zip64 field


class Archive:
    """The members of a zip by the id in their names."""

    def __init__(self, path: Path, names: re.Pattern[bytes] = REPORT) -> None:
        """``names`` has the id as its group. DataError where the file is no zip or is cut short."""
        self.path = path
        try:
            self._file = os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._file)
            self._directory = self._read_directory()
        except OSError as error:
            raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
        self._places = {match[1].decode(): match.start() for match in names.finditer(self._directory)}

    def __len__(self) -> int:
        return len(self._places)

    def ids(self) -> list[str]:
        """Ids in the order of the archive."""
        return list(self._places)

    def read(self, study: str) -> bytes | None:
        """The member of an id; None where there is none. DataError where the member is damaged."""
        place = self._places.get(study)
        if place is None:
            return None
        start = max(0, self._directory.rfind(ENTRY, 0, place))
        method, crc, packed, size, offset = struct.unpack_from("<10xH4xIII14xI", self._directory, start)
        if FULL in {packed, size, offset}:
            raise DataError(f"{self.path}: {study} lies beyond 4 GB; unpack the zip and name the folder")
        head = os.pread(self._file, 30, offset)
        inside = offset + packed <= os.fstat(self._file).st_size
        if len(head) < 30 or not head.startswith(MEMBER) or not inside:
            raise DataError(f"{self.path}: {study} is not where the zip's directory says; download the zip again")
        name, extra = struct.unpack("<26xHH", head)
        data = os.pread(self._file, packed, offset + 30 + name + extra)
        return self._unpacked(study, data, method, crc)

    def digest(self) -> bytes:
        """A digest of ids, checksums and lengths: the same for the same reports however they were packed."""
        directory = self._directory
        sha = hashlib.sha256()
        for study, place in sorted(self._places.items()):
            start = directory.rfind(ENTRY, 0, place)
            sha.update(study.encode() + directory[start + 16 : start + 20] + directory[start + 24 : start + 28])
        return sha.digest()

    def subject(self, study: str) -> str | None:
        """The patient in the member's path; None where the archive is flat."""
        place = self._places[study]
        found = re.search(rb"p(1\d{7})/$", self._directory[max(0, place - 12) : place])
        return found[1].decode() if found else None

    def _read_directory(self) -> bytes:
        length = os.fstat(self._file).st_size
        tail_start = max(0, length - (1 << 16) - 256)
        tail = os.pread(self._file, length - tail_start, tail_start)
        end = tail.rfind(END)
        if end < 0 or len(tail) < end + 22:  # the record that ends every zip has 22 bytes
            raise DataError(
                f"{self.path}: is not a zip file, or is cut short: its directory is missing; download it again"
            )
        size, offset = struct.unpack_from("<12xII", tail, end)
        end64 = tail.rfind(END64, 0, max(0, end - 55))
        if end64 >= 0:
            size, offset = struct.unpack_from("<40xQQ", tail, end64)
        if size + offset > length:
            raise DataError(f"{self.path}: the zip's directory is damaged; download it again")
        directory = os.pread(self._file, size, offset)
        if len(directory) != size or not directory.startswith(ENTRY):
            raise DataError(f"{self.path}: the zip's directory is damaged; download it again")
        return directory

    def _unpacked(self, study: str, data: bytes, method: int, crc: int) -> bytes:
        try:
            plain = data if method == STORED else zlib.decompress(data, -15) if method == DEFLATED else None
        except zlib.error as error:
            raise DataError(f"{self.path}: {study} is damaged ({error}); download the zip again") from error
        if plain is None:
            raise DataError(
                f"{self.path}: {study} is compressed by method {method}; unpack the zip and name the folder"
            )
        if zlib.crc32(plain) != crc:
            raise DataError(f"{self.path}: {study} is damaged (checksum); download the zip again")
        return plain
