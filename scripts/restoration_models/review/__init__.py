"""``models review``: what a branch changes about the models, as Markdown for a pull request.

Both sides are read from git alone: no weights, no checkout, nothing of the branch is run. Whatever
comes from the branch is shown and never obeyed.
"""

from restoration_models.review.page import MARK, review
from restoration_models.review.pictures import BadAddress

__all__ = ["MARK", "BadAddress", "review"]
