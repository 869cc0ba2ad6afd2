"""Reports as one self-contained HTML page: models compared, with images that move under the hand."""

from kukkiri.reports.comparison import write_comparison
from kukkiri.reports.gallery import Gallery, build_gallery
from kukkiri.reports.labels import short_labels

__all__ = ["Gallery", "build_gallery", "short_labels", "write_comparison"]
