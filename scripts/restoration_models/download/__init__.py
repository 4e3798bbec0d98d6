"""Bringing a checkpoint here: planned first, then fetched, proved, and put under its name."""

from restoration_models.download.failure import DownloadFailed, SourceFailure, WrongBytes
from restoration_models.download.fetch import Fetched, fetch
from restoration_models.download.first import FirstDownloadFailed, first_contact
from restoration_models.download.inspect import Offered, SourceUnavailable, inspect
from restoration_models.download.plan import Places, Plan, Request, plan
from restoration_models.download.policy import Policy
from restoration_models.download.prefetch import Prefetched, PrefetchFailure, prefetch
from restoration_models.download.trouble import Stopped
from restoration_models.files import DiskFailure, NoSpace

__all__ = [
    "DiskFailure",
    "DownloadFailed",
    "Fetched",
    "FirstDownloadFailed",
    "NoSpace",
    "Offered",
    "Places",
    "Plan",
    "Policy",
    "PrefetchFailure",
    "Prefetched",
    "Request",
    "SourceFailure",
    "SourceUnavailable",
    "Stopped",
    "WrongBytes",
    "fetch",
    "first_contact",
    "inspect",
    "plan",
    "prefetch",
]
