"""URLs of objects: what is read, and what is refused without a word of its secrets."""

from pathlib import Path, PurePosixPath

import pytest

from kukkiri.errors import ConfigError
from kukkiri.storage import StoreURL, find_url, locate
from kukkiri.storage.urls import place_of


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket/photos/a b.jpg", StoreURL("s3", "bucket", "photos/a b.jpg")),
        ("S3://bucket", StoreURL("s3", "bucket")),
        ("gs://bucket/a@b.jpg", StoreURL("gs", "bucket", "a@b.jpg")),
        ("az://container/a", StoreURL("az", "container", "a")),
        (PurePosixPath("s3://bucket/photos"), StoreURL("s3", "bucket", "photos")),  # which has one / less
    ],
)
def test_a_url_is_scheme_bucket_and_key(text, url):
    assert find_url(text) == url


@pytest.mark.parametrize("text", ["photos/a.jpg", "/s3/a.jpg", "C:/a.jpg", "odd:/name.jpg", "a:b.jpg", "s3"])
def test_what_lies_on_this_machine_stays_a_path(text):
    assert locate(text) == Path(text)
    assert find_url(text) is None


def test_file_urls_are_paths():
    assert locate("file:///data/a%20b.jpg") == locate("file://localhost/data/a%20b.jpg") == Path("/data/a b.jpg")


@pytest.mark.parametrize("text", ["s3://me:secret@bucket/a.jpg", "https://me:secret@host/a.jpg", "s3://secret@b"])
def test_credentials_in_a_url_are_refused_and_not_printed(text):
    with pytest.raises(ConfigError, match="Credentials come from the environment") as caught:
        locate(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://host/a.jpg", "web addresses are not read"),
        ("http:/host/a.jpg", "web addresses are not read"),
        ("s3a://bucket/a", "did you mean 's3'"),
        ("s3://", "names no bucket"),
    ],
)
def test_other_urls_are_refused(text, said):
    with pytest.raises(ConfigError, match=said):
        locate(text)


@pytest.mark.parametrize(
    ("key", "plain"), [("a/b.jpg", True), ("a//b", False), ("../b", False), ("a/", False), ("a/./b", False)]
)
def test_a_key_may_be_no_path(key, plain):
    assert StoreURL("s3", "bucket", key).is_plain is plain


def test_parts_join_to_the_url_they_came_from():
    url = StoreURL("s3", "bucket", "photos/")
    assert str(url / "a/b.jpg") == "s3://bucket/photos/a/b.jpg"
    assert (url / PurePosixPath("b.jpg")).name == "b.jpg"
    assert str(StoreURL("s3", "bucket") / "a") == "s3://bucket/a"
    assert place_of(url / "a.jpg") == PurePosixPath("bucket/photos/a.jpg")
