import pytest

from support.servers import any_server, isolated, minio_server, seaweedfs_server

__all__ = ["any_server", "isolated", "minio_server", "seaweedfs_server"]


@pytest.fixture(autouse=True)
def _alone(isolated):
    """No test here sees this machine's own settings."""
