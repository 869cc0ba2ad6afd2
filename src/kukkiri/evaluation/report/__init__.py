"""Reports as one self-contained HTML page: models compared, with pictures that move under the hand."""

from kukkiri.evaluation.report.comparison import write_comparison
from kukkiri.evaluation.report.gallery import Gallery, build_gallery
from kukkiri.evaluation.report.labels import short_labels

__all__ = ["Gallery", "build_gallery", "short_labels", "write_comparison"]
