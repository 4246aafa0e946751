"""Reviews: what analysts decide about held rewards, and later about granted ones.

Input: decisions, by command or over HTTP. Output: the topic `reviews`. Guarantee: a decision that
was acknowledged is on the topic; whether it is allowed, and what follows, the rules say.
"""

from reftrail.reviews.submission import EXPECTED, Review, judged, reviewed

__all__ = ["EXPECTED", "Review", "judged", "reviewed"]
