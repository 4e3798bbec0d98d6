#!/usr/bin/env bash
# Installs the command `models` of the folder it is called in, for the later steps of a job.
# Versions are those of requirements.lock; torch is not needed for what the workflows do.
set -euo pipefail
environment="$RUNNER_TEMP/models-environment"
python3 -m venv "$environment"
sed -n 's/ *\\$//; /^[a-z0-9].*==/p' requirements.lock > "$RUNNER_TEMP/constraints.txt"
PIP_CONSTRAINT="$RUNNER_TEMP/constraints.txt" "$environment/bin/pip" install --quiet .
echo "$environment/bin" >> "$GITHUB_PATH"
