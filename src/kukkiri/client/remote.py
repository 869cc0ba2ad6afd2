"""Images through a server of kukkiri: one call for one image, and jobs for several or for large ones."""

import contextlib
import io
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Any, Literal, TypedDict, Unpack

from kukkiri.client.connection import Connection, RemoteError
from kukkiri.client.jobs import RemoteJob
from kukkiri.client.results import RemoteResult
from kukkiri.errors import ConfigError, ImageError, did_you_mean_file

__all__ = ["Client", "UpscaleOptions"]

ImageFile = str | PathLike[str] | bytes | IO[bytes]
"""An image file: its path, its bytes, or an open file."""


class UpscaleOptions(TypedDict, total=False):
    """The options of an upscaling, with the names and meanings of those of ``kukkiri upscale``; None: the default."""

    scale: float | None
    width: int | None
    height: int | None
    fit: str | None
    short_side: int | None
    megapixels: float | None
    print_size: str | None
    dpi: float | None
    stretch: bool
    wrap: bool
    preset: Literal["fast", "balanced", "best"] | None
    model: str | None
    weights: Literal["auto", "clean", "photo", "line"] | None
    vivid: float | None
    denoise: float | None
    ensemble: bool
    chop: bool
    bounded: bool
    skip_flat: bool
    format: str | None
    quality: int | None
    page: int | None
    metadata: Literal["keep", "strip", "copyright"] | None
    alpha: Literal["transparency", "separate", "opaque"] | None


class Client:
    """A server of ``kukkiri serve``; safe to use from several threads."""

    def __init__(
        self,
        address: str = "http://127.0.0.1:8080",
        *,
        api_key: str | None = None,
        timeout: float = 60.0,
        patience: float = 60.0,
    ) -> None:
        """Keep the address; nothing is sent.

        Args:
            address: of the server.
            api_key: where the server asks for one.
            timeout: seconds without a byte from the server after which it is given up.
            patience: seconds for which a server that is busy is asked again; 0: never.

        Raises:
            ConfigError: it is no address.
        """
        self._connection = Connection(address, api_key=api_key, timeout=timeout, patience=patience)

    def upscale(
        self,
        image: ImageFile,
        *,
        progress: Callable[[int, int], None] | None = None,
        **options: Unpack[UpscaleOptions],
    ) -> RemoteResult:
        """Upscale an image, and wait for the result.

        Args:
            image: path, bytes or open file of an image.
            progress: called with (done, total) tiles.
            options: see :class:`UpscaleOptions`.

        Raises:
            ImageError: there is no such file.
            RemoteError: the server refused the image or an option, failed, or did not answer.
        """
        job = self.submit(image, **options)
        for now in job.follow():
            if progress is not None and now.total:
                progress(now.done, now.total)
        return job.result()

    def submit(self, image: ImageFile, **options: Unpack[UpscaleOptions]) -> RemoteJob:
        """Send an image, and return its job without waiting.

        Args:
            image: path, bytes or open file of an image.
            options: see :class:`UpscaleOptions`.

        Raises:
            ImageError: there is no such file.
            RemoteError: the server refused the image or an option, is busy, or did not answer.
        """
        with _open(image) as (name, body):
            query = {"mode": "job", "filename": name, **_write_options(options)}
            headers = {"Content-Type": "application/octet-stream"}
            answer = self._connection.ask("POST", "/v1/upscale", query=query, body=body, headers=headers)
        return RemoteJob(self._connection, answer.json())

    def submit_batch(
        self, images: Sequence[ImageFile], **options: Unpack[UpscaleOptions]
    ) -> tuple[list[RemoteJob], list[tuple[str, RemoteError]]]:
        """Send several images in one request, all with the same options.

        Returns:
            The jobs in the order of the images, and the name and error of each image that was refused.

        Raises:
            ImageError: there is no such file.
            RemoteError: the server refused all of them, is busy, or did not answer.
        """
        boundary = secrets.token_hex(16)
        body = io.BytesIO()
        for image in images:
            with _open(image) as (name, file):
                safe = name.replace("\\", "_").replace('"', "%22").replace("\r", "").replace("\n", "")
                head = f'Content-Disposition: form-data; name="images"; filename="{safe}"'
                body.write(f"--{boundary}\r\n{head}\r\n\r\n".encode())
                body.write(file if isinstance(file, bytes) else file.read())
                body.write(b"\r\n")
        body.write(f"--{boundary}--\r\n".encode())
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self._connection.ask(
            "POST", "/v1/batch", query=_write_options(options), body=body.getvalue(), headers=headers
        ).json()
        jobs = [RemoteJob(self._connection, values) for values in answer["jobs"]]
        return jobs, [(refused["input_name"], RemoteError(**refused["error"])) for refused in answer["errors"]]

    def job(self, job_id: str) -> RemoteJob:
        """Look up a job.

        Raises:
            RemoteError: there is none, or the server does not answer.
        """
        return RemoteJob(self._connection, self._connection.ask("GET", f"/v1/jobs/{_check_id(job_id)}").json())

    def jobs(self, *, limit: int = 100) -> list[RemoteJob]:
        """List this client's jobs, the latest first.

        Raises:
            RemoteError: the server does not answer.
        """
        answer = self._connection.ask("GET", "/v1/jobs", query={"limit": str(limit)}).json()
        return [RemoteJob(self._connection, values) for values in answer["jobs"]]

    def archive(self, jobs: Sequence[RemoteJob | str]) -> bytes:
        """Fetch the results of several jobs as one ZIP archive.

        Raises:
            RemoteError: one is not done or no longer there, or the server does not answer.
        """
        query = [("id", job if isinstance(job, str) else job.id) for job in jobs]
        return self._connection.ask("GET", "/v1/results.zip", query=query).body

    def models(self) -> dict[str, Any]:
        """Ask for the abilities of the server: presets, models, formats; see docs/reference/http.md.

        Raises:
            RemoteError: the server does not answer.
        """
        return self._connection.ask("GET", "/v1/models").json()

    def limits(self) -> dict[str, Any]:
        """Every limit of the server by its name, with value, unit and meaning.

        Raises:
            RemoteError: the server does not answer.
        """
        limits: dict[str, Any] = self._connection.ask("GET", "/v1/limits").json()["limits"]
        return limits


@contextlib.contextmanager
def _open(image: ImageFile) -> Iterator[tuple[str, bytes | IO[bytes]]]:
    """Name and content of an image file."""
    if isinstance(image, bytes | bytearray | memoryview):
        yield "image", bytes(image)
        return
    if isinstance(image, str | PathLike):
        path = Path(fspath(image))
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise ImageError(f"{path}: no such file. {did_you_mean_file(path)}") from error
        except OSError as error:
            raise ImageError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
        with file:
            yield path.name, file
        return
    if not hasattr(image, "read"):
        raise TypeError(f"{type(image).__name__} is no image file; expected a path, bytes or a binary file.")
    name = getattr(image, "name", None)
    yield Path(name).name if isinstance(name, str) and name else "image", image


def _write_options(options: Mapping[str, Any]) -> dict[str, str]:
    """The options as a query writes them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
        if value is not None
    }


def _check_id(job_id: str) -> str:
    if not job_id or not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in job_id):
        raise ConfigError(f"{job_id!r} is no id of a job. Expected letters, digits, - and _.")
    return job_id
