"""Character error rate: the edits that turn the text that was read into the truth, per character of the truth.

Levenshtein, "Binary Codes Capable of Correcting Deletions, Insertions, and Reversals", Soviet Physics Doklady
10(8), 1966. Both texts are normalized to Unicode's form NFKC first (Unicode Standard Annex 15), so that a
full-width digit or a ligature is no error, and white space is removed: OCR inserts blanks between Japanese
characters arbitrarily, and line breaks are layout.
"""

import unicodedata

__all__ = ["character_error_rate", "edit_distance", "normalize_text"]


def normalize_text(text: str) -> str:
    """Normalize to NFKC without white space; case and punctuation stay."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def edit_distance(a: str, b: str) -> int:
    """Minimum number of insertions, deletions and replacements of one code point that turn ``a`` into ``b``."""
    above = list(range(len(b) + 1))
    for row, left in enumerate(a, start=1):
        current = [row]
        for column, right in enumerate(b, start=1):
            replaced = above[column - 1] + (left != right)
            current.append(min(replaced, above[column] + 1, current[-1] + 1))
        above = current
    return above[-1]


def character_error_rate(truth: str, read: str) -> float:
    """Edits per character of the truth, both texts normalized.

    Args:
        truth: the text in the image; at least one visible character.
        read: the text that was read.

    Returns:
        0 for a perfect reading, 1 when nothing was read, more than 1 when too much was read.

    Raises:
        ValueError: the truth is empty.
    """
    expected = normalize_text(truth)
    if not expected:
        raise ValueError("the truth has no characters, so there is no rate")
    return edit_distance(expected, normalize_text(read)) / len(expected)
