"""The JSON that the API answers with, as OpenAPI describes it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kukkiri.web.jobs.job import Job

__all__ = [
    "BatchAnswer",
    "ErrorAnswer",
    "HealthAnswer",
    "JobAnswer",
    "JobsAnswer",
    "LimitsAnswer",
    "ModelsAnswer",
    "ReadyAnswer",
    "describe_job",
]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorParts(_Answer):
    """An error in four parts."""

    what: str = Field(description="What happened.", examples=["the queue is full."])
    got: str | None = Field(description="What was found.")
    expected: str | None = Field(description="What would have been accepted.")
    remedy: str | None = Field(description="What to do.")


class ErrorAnswer(_Answer):
    """The shape of every error."""

    error: ErrorParts


class JobErrorParts(ErrorParts):
    """The reason why a job failed."""

    status: int = Field(description="Status with which POST /v1/upscale answers it.")


class KeptParts(_Answer):
    """The parts of the image that its result has; null where the image had none."""

    profile: bool | None
    exif: bool | None
    alpha: bool | None
    depth: int = Field(description="Bits of a sample of the result.")
    input_depth: int = Field(description="Bits of a sample of the image.")


class ResultParts(_Answer):
    """A finished result."""

    bytes: int
    width: int
    height: int
    media_type: str
    file_name: str
    sha256: str
    seconds: float
    weights: str | None = Field(description="Degradation domain of the network that was used.")
    notes: list[str] = Field(description="One line for everything that the user should know.")
    kept: KeptParts


class ProgressParts(_Answer):
    """Tiles of all network runs; a total of 0 is not known yet."""

    done: int
    total: int


class LinkParts(_Answer):
    """Addresses of a job's parts, relative to the server's root."""

    self: str
    events: str
    input: str
    result: str | None = Field(description="null until the job is done.")


class JobAnswer(_Answer):
    """A job."""

    id: str = Field(pattern="^[A-Za-z0-9_-]{22}$")
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    input_name: str
    input_bytes: int
    input_sha256: str
    width: int = Field(description="Of the image that was sent, in pixels.")
    height: int
    options: dict[str, Any]
    position: int | None = Field(description="Place in the queue, counted from 1.")
    progress: ProgressParts
    created: float = Field(description="Seconds since 1970, as started and finished.")
    started: float | None
    finished: float | None
    attempts: int
    revision: int
    cached: bool = Field(description="The result, or the work on it, was there when the job came.")
    result: ResultParts | None
    error: JobErrorParts | None
    links: LinkParts


class JobsAnswer(_Answer):
    """The jobs of a client, the latest first."""

    jobs: list[JobAnswer]


class BatchError(_Answer):
    """An image of a batch that was refused."""

    input_name: str
    error: JobErrorParts


class BatchAnswer(_Answer):
    """The jobs of a batch, in the order of its images, and the images that were refused."""

    jobs: list[JobAnswer]
    errors: list[BatchError]


class LimitParts(_Answer):
    """A limit."""

    value: float = Field(description="0: no limit.")
    default: float
    unit: str
    option: str
    meaning: str


class LimitsAnswer(_Answer):
    """Every limit of the server."""

    version: str
    limits: dict[str, LimitParts]


class PresetParts(_Answer):
    """A preset."""

    name: str
    family: str
    ensemble: bool
    dials: list[str] = Field(description="Of vivid and denoise, those that weights are shipped for.")
    summary: str


class ModelsAnswer(_Answer):
    """Abilities of the server: presets, models with their cards, formats."""

    presets: list[PresetParts]
    models: list[dict[str, Any]] = Field(description="Cards: measured quality, training data, licence.")
    names: list[str] = Field(description="Everything that the option model takes.")
    scales: list[int] = Field(description="Whole scales that networks are shipped for; others are reached by resizing.")
    weights: list[str]
    formats: list[str] = Field(description="Types that can be written.")
    reads: list[str] = Field(description="Types that can be read.")
    clips: bool


class HealthAnswer(_Answer):
    """The process answers."""

    status: Literal["ok"]
    version: str


class ReadyAnswer(_Answer):
    """The server takes work."""

    status: Literal["ready"]
    workers: int
    queued: int


def describe_job(job: Job) -> dict[str, Any]:
    """Make the JSON of a job, with its links."""
    base = f"/v1/jobs/{job.id}"
    done = job.state == "done"
    return {
        **job.as_json(),
        "links": {
            "self": base,
            "events": f"{base}/events",
            "input": f"{base}/input",
            "result": f"{base}/result" if done else None,
        },
    }
