"""Does it help to read? Character error rates of Tesseract on rendered text, by model, script and scale."""

from kukkiri.evaluation.text.error_rate import character_error_rate, edit_distance, normalise_text
from kukkiri.evaluation.text.pictures import TextPicture, find_font, render_pictures, render_text
from kukkiri.evaluation.text.reader import check_reader, read_text, reader_version
from kukkiri.evaluation.text.scores import HR, LR, Reading, TextScore, enlarge_text, score_text
from kukkiri.evaluation.text.scripts import SCRIPTS, Font, Script

__all__ = [
    "HR",
    "LR",
    "SCRIPTS",
    "Font",
    "Reading",
    "Script",
    "TextPicture",
    "TextScore",
    "character_error_rate",
    "check_reader",
    "edit_distance",
    "enlarge_text",
    "find_font",
    "normalise_text",
    "read_text",
    "reader_version",
    "render_pictures",
    "render_text",
    "score_text",
]
