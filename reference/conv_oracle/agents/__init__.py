"""For agents and training loops: a verdict as a reward, as short feedback, as events; and glue for their projects.

`kernelbench`: an answer (`ModelNew`) as the layer that a problem's `Model` is
`gpu_mode`: `check_implementation(data, output)`, within a proved bound in place of rtol and atol
`openevolve`: `evaluate(program_path)`
"""

from conv_oracle.agents.events import Events
from conv_oracle.agents.feedback import MOST_BYTES, feedback
from conv_oracle.agents.reward import Reward, reward, rewarded

__all__ = ["MOST_BYTES", "Events", "Reward", "feedback", "reward", "rewarded"]
