#!/usr/bin/env bash
# Installs the command `models` of the folder it is called in, for the later steps of a job.
# What comes from an index is what requirements-base.lock names, by its hash; torch is not needed for what
# the workflows do. The lock is whole, so pip looks for nothing beyond it (--no-deps).
set -euo pipefail
environment="$RUNNER_TEMP/models-environment"
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --require-hashes --no-deps --requirement requirements-base.lock
"$environment/bin/pip" install --quiet --no-deps --no-build-isolation .
echo "$environment/bin" >> "$GITHUB_PATH"
