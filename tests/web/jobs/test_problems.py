"""Messages in four parts, and the status of each error."""

import pytest

from kukkiri.errors import BackendError, ConfigError, ImageError
from kukkiri.web.jobs.admission import TooLargeError
from kukkiri.web.jobs.problems import ErrorInfo, describe_error, name_as_request


def test_a_message_is_split_into_its_parts():
    error = ConfigError("fit must be width x height in pixels, such as 3840x2160, got '3x'. Write both sides.")
    assert describe_error(error) == ErrorInfo(
        what="fit must be width x height in pixels, such as 3840x2160, got '3x'.",
        got="'3x'",
        expected="width x height in pixels, such as 3840x2160",
        remedy="Write both sides.",
        status=422,
    )


def test_parts_that_a_message_does_not_have_are_none():
    assert describe_error("a.png: is empty; expected an image.") == ErrorInfo(
        what="a.png: is empty; expected an image.", expected="an image", status=422
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ImageError("x"), 422),
        (BackendError("x"), 501),
        (TooLargeError("x"), 413),
        (ValueError("x"), 500),
        ("text", 422),
    ],
)
def test_each_error_has_its_status(error, status):
    assert describe_error(error).status == status
    assert describe_error(error, status=504).status == 504


def test_a_path_is_replaced_in_every_part():
    error = ErrorInfo(what="/srv/x: bad", remedy="Mend /srv/x.").rename("/srv/x", "photo.png")
    assert (error.what, error.remedy) == ("photo.png: bad", "Mend photo.png.")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Give only one side, --fit 500x50, or --stretch.", "Give only one side, fit=500x50, or stretch."),
        ("kukkiri upscale --alpha separate keeps them", "alpha=separate keeps them"),
        ("--page chooses another frame", "page chooses another frame"),
        ("--short-side 9, and --max-queue", "short_side=9, and --max-queue"),
    ],
)
def test_options_of_the_command_line_are_named_as_a_request_has_them(text, named):
    assert name_as_request(text) == named
    assert describe_error(text).what == named
