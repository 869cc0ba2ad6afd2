"""Bodies of requests, written to files as they arrive: raw, or the parts of a form."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message as Header
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.requests import ClientDisconnect

from kukkiri.errors import make_printable
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.limits import name_option

__all__ = ["Form", "Upload", "clean_name", "is_form", "receive_body", "receive_form"]

MakePath = Callable[[], Path]
_LONGEST_FIELD = 4096  # bytes of an option
_MOST_FIELDS = 64
_LONGEST_NAME = 200  # letters of a file's name; with a scale and a suffix it must fit into 255 bytes
_UNSAFE = re.compile(r'[<>:"|?*%\x7f]')


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that a client sent."""

    path: Path
    """In the folder of arriving bodies, under a name of the server's."""
    name: str
    """The client's name for it, cleaned; never a path."""
    bytes: int

    def drop(self) -> None:
        """Delete the file, unless it was moved away."""
        with suppress(OSError):
            self.path.unlink()


@dataclass
class Form:
    """The parts of a form."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)

    def drop(self) -> None:
        """Delete the files that were not moved away."""
        for upload in self.files:
            upload.drop()


def clean_name(name: str | None) -> str:
    """Make a harmless file name of what a client sent: its last part, no control characters, not too long."""
    last = make_printable(re.split(r"[/\\]", name or "")[-1]).strip(". ")
    shown = _UNSAFE.sub("_", last.replace("\\", "_"))
    stem, dot, suffix = shown.rpartition(".")
    if dot and len(suffix) <= 10:
        shown = f"{_cut(stem, _LONGEST_NAME - len(suffix) - 1)}.{suffix}"
    return _cut(shown, _LONGEST_NAME) or "image"


def _cut(text: str, length: int) -> str:
    return text.encode()[:length].decode(errors="ignore")


def is_form(request: Request) -> bool:
    """True for a body of several parts."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def receive_body(request: Request, make_path: MakePath, *, name: str | None) -> Upload:
    """Write a raw body to a file.

    Args:
        request: whose body is read.
        make_path: gives a fresh path in the folder of arriving bodies.
        name: the client's name for the image.

    Raises:
        RefusalError: nothing came.
    """
    path, size = make_path(), 0
    try:
        with path.open("xb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                file.write(chunk)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, ClientDisconnect):
            raise _left() from error
        raise
    if not size:
        path.unlink()
        raise RefusalError(
            400,
            "the body is empty.",
            got="0 bytes",
            expected="an image file",
            remedy="Send the file itself, as curl --data-binary @photo.jpg does.",
        )
    return Upload(path=path, name=clean_name(name), bytes=size)


async def receive_form(request: Request, make_path: MakePath, *, most_files: int, file_field: str) -> Form:
    """Write the files of a form to files, and keep its fields.

    Args:
        request: whose body is read.
        make_path: gives a fresh path in the folder of arriving bodies.
        most_files: that are taken; 0: any number.
        file_field: name of the parts that hold files.

    Raises:
        RefusalError: the form is damaged, or has too many or too long parts, or no file.
    """
    header = Header()
    header["content-type"] = request.headers.get("content-type", "")
    boundary = header.get_param("boundary")
    parts = _Parts(make_path, most_files=most_files, file_field=file_field)
    try:
        if not isinstance(boundary, str) or not boundary:
            raise _damaged("no boundary in Content-Type")
        parser = MultipartParser(boundary.encode("latin-1", "replace"), parts.callbacks())  # type: ignore[arg-type]
        async for chunk in request.stream():
            parser.write(chunk)
        if not parts.ended:
            raise _damaged("an end before the last boundary")
        if not parts.form.files:
            raise RefusalError(
                400,
                "the form has no image.",
                expected=f"a part named {file_field} with a file name",
                remedy=f"Send it as curl -F {file_field}=@photo.jpg does.",
            )
    except BaseException as error:
        parts.drop()
        if isinstance(error, FormParserError):
            raise _damaged(str(error)) from error
        if isinstance(error, ClientDisconnect):
            raise _left() from error
        raise
    return parts.form


class _Parts:
    """Collects the parts of a form while its parser calls back."""

    def __init__(self, make_path: MakePath, *, most_files: int, file_field: str) -> None:
        self.form = Form()
        self.ended = False
        self._make_path, self._most_files, self._file_field = make_path, most_files, file_field
        self._header_name, self._header_value = b"", b""
        self._name = ""
        self._file_name: str | None = None
        self._value = bytearray()
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._size = 0

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """The methods by the names that the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._add,
            "on_part_end": self._end,
            "on_end": self._end_all,
        }

    def drop(self) -> None:
        """Delete every file."""
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self.form.drop()

    def _begin(self) -> None:
        self._header_name, self._header_value = b"", b""
        self._name, self._file_name, self._size = "", None, 0
        self._value.clear()

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            header = Header()
            header["content-disposition"] = (
                self._header_value.decode("utf-8", "replace").replace("\r", "").replace("\n", "")
            )
            name = header.get_param("name", header="content-disposition")
            self._name = name if isinstance(name, str) else ""
            self._file_name = header.get_filename()
        self._header_name, self._header_value = b"", b""

    def _open(self) -> None:
        if self._file_name is None and self._name != self._file_field:
            if len(self.form.fields) >= _MOST_FIELDS:
                raise _too_many(f"more than {_MOST_FIELDS} fields", f"at most {_MOST_FIELDS}", "Send fewer fields.")
            return
        if self._name != self._file_field:
            raise RefusalError(
                422,
                f"the form has a file in the part {make_printable(self._name)[:60]!r}.",
                expected=f"files in parts named {self._file_field}",
                remedy=f"Send it as curl -F {self._file_field}=@photo.jpg does.",
            )
        if self._most_files and len(self.form.files) >= self._most_files:
            raise _too_many(
                f"more than {self._most_files} files",
                f"at most {self._most_files}",
                "Send one image."
                if self._most_files == 1
                else f"Send several batches, or start the server with a larger {name_option('max_batch_files')}.",
            )
        self._path = self._make_path()
        self._file = self._path.open("xb")

    def _add(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is not None:
            self._file.write(data[start:end])
            return
        if self._size > _LONGEST_FIELD:
            raise _too_many(f"a field of more than {_LONGEST_FIELD} bytes", f"at most {_LONGEST_FIELD}", "Shorten it.")
        self._value += data[start:end]

    def _end(self) -> None:
        if self._file is not None and self._path is not None:
            self._file.close()
            self.form.files.append(Upload(path=self._path, name=clean_name(self._file_name), bytes=self._size))
            self._file, self._path = None, None
            return
        if self._name in self.form.fields:
            raise RefusalError(
                422,
                f"the form has the field {make_printable(self._name)[:60]!r} twice.",
                expected="each option once",
                remedy="Drop one of them.",
            )
        self.form.fields[self._name] = self._value.decode("utf-8", "replace")

    def _end_all(self) -> None:
        self.ended = True


def _damaged(got: str) -> RefusalError:
    return RefusalError(
        400,
        "the form cannot be read.",
        got=got,
        expected="multipart/form-data as RFC 7578 says",
        remedy="Let curl -F or the client's library write it.",
    )


def _too_many(got: str, expected: str, remedy: str) -> RefusalError:
    return RefusalError(413, "the form has more than this server takes.", got=got, expected=expected, remedy=remedy)


def _left() -> RefusalError:
    return RefusalError(499, "the client left before its body had come.")
