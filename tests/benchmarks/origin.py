"""nginx on loopback as the place that files are downloaded from, with or without a cap on each connection."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.peers import system
from support.servers import free_port

CAP = "20m"
"""Bytes a second of one connection, as nginx has it: 20 MiB."""
CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    default_type application/octet-stream;
    server {{ listen 127.0.0.1:{open}; root {files}; }}
    server {{ listen 127.0.0.1:{capped}; root {files}; limit_rate {cap}; }}
}}
"""


@contextlib.contextmanager
def serving(files: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Serve `files`; gives the addresses of the uncapped and of the capped origin."""
    folder.mkdir(parents=True, exist_ok=True)
    unlimited, capped = free_port(), 0
    while capped in (0, unlimited):
        capped = free_port()
    configuration = folder / "nginx.conf"
    # Its workers would be nobody, who may not read a folder of ours.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    configuration.write_text(
        CONFIGURATION.format(user=user, folder=folder, files=files, open=unlimited, capped=capped, cap=CAP)
    )
    nginx = system("nginx", "nginx-light")
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(configuration)])
    try:
        addresses = (f"http://127.0.0.1:{unlimited}", f"http://127.0.0.1:{capped}")
        for address in addresses:
            _wait_for(address)
        yield addresses
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str) -> None:
    """Until something listens."""
    parts = urlsplit(address)
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
