"""The kinds of recommendations. A new one is a module, an SQL file of its name, and a line here."""

from agents.recommendations.kind import Kind
from agents.recommendations.kinds.batch_lane import BATCH_LANE
from agents.recommendations.kinds.budget import BUDGET
from agents.recommendations.kinds.cacheable import CACHEABLE
from agents.recommendations.kinds.cheaper_model import CHEAPER_MODEL
from agents.recommendations.kinds.dear_cascade import DEAR_CASCADE
from agents.recommendations.kinds.paid_for_nothing import PAID_FOR_NOTHING
from agents.recommendations.kinds.shared_prefix import SHARED_PREFIX
from agents.recommendations.kinds.truncated import TRUNCATED

KINDS: tuple[Kind, ...] = (
    CHEAPER_MODEL,
    DEAR_CASCADE,
    CACHEABLE,
    BATCH_LANE,
    SHARED_PREFIX,
    PAID_FOR_NOTHING,
    TRUNCATED,
    BUDGET,
)
BY_NAME = {kind.name: kind for kind in KINDS}

__all__ = ["BY_NAME", "KINDS"]
