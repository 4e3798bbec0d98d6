"""How often a source may fail, and how long to wait before asking again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from restoration_models.download.policy import Policy
from restoration_models.download.trouble import Disqualified, Transient


class Budget:
    """Retries of one source. Used up by failures, refilled by bytes.

    Connections that fail together count once: a server that restarts breaks them all.
    """

    def __init__(
        self,
        policy: Policy,
        size: int,
        have: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._policy = policy
        self._refill = max(1, min(policy.refill, size // 32))
        self._mark = have
        self._spent = 0
        self._quiet_until = 0.0
        self._clock = clock
        self._chance = chance

    def spend(self, trouble: Transient, have: int) -> float:
        """Count a failure and return how many seconds to wait before the next attempt.

        Raises `Disqualified` where the budget is used up, or the server asks for more
        patience than a person has.
        """
        policy = self._policy
        if gained := (have - self._mark) // self._refill:
            self._spent = max(0, self._spent - gained)
            self._mark = have
        now = self._clock()
        asked = trouble.retry_after
        if asked is not None and asked > policy.retry_after_cap:
            raise Disqualified(f"{trouble.reason} and to be left alone for {asked:.0f} s")
        if now < self._quiet_until:
            return max(self._quiet_until - now, asked or 0.0)
        limit = policy.quick_retries if trouble.unreachable else policy.retries
        if self._spent >= limit:
            often = self._spent and not trouble.unreachable
            times = f" ({self._spent + 1} times in a row)" if often else ""
            raise Disqualified(trouble.reason + times)
        self._spent += 1
        cap = policy.quick_backoff_cap if trouble.unreachable else policy.backoff_cap
        # Full jitter: clients that failed together do not come back together.
        delay = self._chance(0.0, min(cap, policy.backoff_base * 2.0 ** (self._spent - 1)))
        if asked is not None:
            delay = max(delay, asked)
        self._quiet_until = now + delay
        return delay
