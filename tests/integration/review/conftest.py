"""Fixtures of the review's tests."""

from __future__ import annotations

from support.repository import alone, clean, repository
from support.servers import isolated, seaweedfs_server

__all__ = ["alone", "clean", "isolated", "repository", "seaweedfs_server"]
