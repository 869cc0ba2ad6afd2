"""Reports, each one self-contained HTML page: a comparison of models on images or on a clip, the fidelity of one image,
one adaptation, one training run, the blur of an image; and the page of a blind comparison."""

from kukkiri.reports.adaptation import write_adaptation_report
from kukkiri.reports.blind_crops import BlindCrop, build_blind_crops
from kukkiri.reports.blind_page import write_blind_page
from kukkiri.reports.clip_comparison import HR_LABEL, write_clip_comparison
from kukkiri.reports.clip_report import write_clip_report
from kukkiri.reports.comparison import write_comparison
from kukkiri.reports.degradation_report import write_degradation_report
from kukkiri.reports.degradation_results import NamedModel
from kukkiri.reports.fidelity import Fidelity, measure_fidelity, write_fidelity_report
from kukkiri.reports.film import Film, FilmRecorder
from kukkiri.reports.gallery import Gallery, build_gallery
from kukkiri.reports.labels import short_labels
from kukkiri.reports.training import write_training_report

__all__ = [
    "HR_LABEL",
    "BlindCrop",
    "Fidelity",
    "Film",
    "FilmRecorder",
    "Gallery",
    "NamedModel",
    "build_blind_crops",
    "build_gallery",
    "measure_fidelity",
    "short_labels",
    "write_adaptation_report",
    "write_blind_page",
    "write_clip_comparison",
    "write_clip_report",
    "write_comparison",
    "write_degradation_report",
    "write_fidelity_report",
    "write_training_report",
]
