"""What reads a manifest needs neither torch nor an S3 client."""

from __future__ import annotations

import subprocess
import sys


def test_imports_stay_light() -> None:
    code = (
        "import sys, restoration_models.cli.publish, restoration_models.manifest, restoration_models.publish,"
        " restoration_models.signature\n"
        "heavy = {'torch', 'minio', 'dvc', 'requests', 'model_signing', 'cryptography'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
