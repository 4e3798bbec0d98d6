"""How long the tests that draw their input at random go on.

``MODELS_TEST_EFFORT=50 python -m pytest tests/unit/scan`` draws fifty times as much as usual, from
other seeds than the last time; so is the long form of each such test run.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

VARIABLE = "MODELS_TEST_EFFORT"
EFFORT = max(1, int(os.environ.get(VARIABLE, "1")))
LONG = EFFORT > 1


def examples(count: int, *, shrink: bool = True) -> settings:
    """Settings for `count` examples, times the effort; `shrink` where one takes milliseconds."""
    return settings(
        phases=[phase for phase in Phase if shrink or phase not in (Phase.shrink, Phase.explain)],
        max_examples=count * EFFORT,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.function_scoped_fixture,
        ],
    )
