"""What every test relies on."""

from __future__ import annotations

import signal

# A shell that starts the tests in the background has them ignore SIGINT, and `nohup` SIGHUP; what
# they start inherits that: programs under test would not notice an interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
