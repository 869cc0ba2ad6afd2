"""Cost of a model: parameters, multiply-adds, memory, and time by stage."""

from kukkiri.profiling.cost import Cost, count_cost, measure_cost
from kukkiri.profiling.shipped_models import MachineSpeed, ModelSpeed, measure_shipped_models, speed_lines
from kukkiri.profiling.stages import STAGES, Stages, measure_peak, measure_stages, synthetic_image

__all__ = [
    "STAGES",
    "Cost",
    "MachineSpeed",
    "ModelSpeed",
    "Stages",
    "count_cost",
    "measure_cost",
    "measure_peak",
    "measure_shipped_models",
    "measure_stages",
    "speed_lines",
    "synthetic_image",
]
