"""The catalogue page: every model at a glance, as files that a browser opens without a server.

`make` makes the files from the catalogue, the lock, the reports and the cards; `write` brings them
into a folder, and publishing brings them into the bucket. Nothing here needs torch, numpy or Pillow.
"""

from restoration_models.site.folder import NotOurs, Written, write
from restoration_models.site.pages import PAGE, make

__all__ = ["PAGE", "NotOurs", "Written", "make", "write"]
