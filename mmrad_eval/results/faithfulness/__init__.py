"""Does the image matter, and does looking again? Contrasts over runs of the same studies under changed evidence.

These are computed over several runs at once and never stand in a leaderboard.
"""

from mmrad_eval.results.faithfulness.arms import ARMS, applicable
from mmrad_eval.results.faithfulness.measures import ArmMeasures, measure
from mmrad_eval.results.faithfulness.page import markdown, record
from mmrad_eval.tasks.arms import Arm

__all__ = ["ARMS", "Arm", "ArmMeasures", "applicable", "markdown", "measure", "record"]
