"""Publishing: the validated models under stable names, and the manifest that says what is there.

`wanted` says what this checkout publishes, `plan` what the bucket lacks of it, `bucket` does it,
`run` puts the three in order so that the manifest is true at every moment. Bytes of checkpoints
never pass through this machine.
"""

from restoration_models.publish.notify import Notification, NotifyFailed, Outbox, notify
from restoration_models.publish.run import Published, publish

__all__ = ["Notification", "NotifyFailed", "Outbox", "Published", "notify", "publish"]
