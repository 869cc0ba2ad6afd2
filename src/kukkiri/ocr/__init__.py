"""Legibility after upscaling: character error rates of Tesseract on rendered text, by model, script and scale."""

from kukkiri.ocr.character_scores import HR, LR, Reading, TextScore, score_text, upscale_text
from kukkiri.ocr.error_rate import character_error_rate, edit_distance, normalize_text
from kukkiri.ocr.reader import check_reader, read_text, reader_version
from kukkiri.ocr.rendering import TextImage, find_font, render_images, render_text
from kukkiri.ocr.scripts import SCRIPTS, Font, Script

__all__ = [
    "HR",
    "LR",
    "SCRIPTS",
    "Font",
    "Reading",
    "Script",
    "TextImage",
    "TextScore",
    "character_error_rate",
    "check_reader",
    "edit_distance",
    "find_font",
    "normalize_text",
    "read_text",
    "reader_version",
    "render_images",
    "render_text",
    "score_text",
    "upscale_text",
]
