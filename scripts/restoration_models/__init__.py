"""Pretrained checkpoints of a document-restoration pipeline: downloaded, proved, documented."""

__version__ = "0.1.0"
