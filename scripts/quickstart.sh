#!/usr/bin/env bash
# The main job on one machine: the real UVDoc checkpoint from its source into an S3 store and
# back into a clean clone. Everything it does can be typed by hand, in this order.
set -euo pipefail
cd "$(dirname "$0")/.."

model=uvdoc
checkpoint=layers/layer-2/uvdoc/best_model.pkl
picture=layers/layer-2/uvdoc/sample.png
clone=build/quickstart-clone

step() { printf '\n== %s\n' "$*"; }
sha256() { python -c 'import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], "rb"), "sha256").hexdigest())' "$1"; }

step "An S3 store on this machine"
models store up

step "Download and validate $model, as its layer's dvc.yaml says"
dvc repro "layers/layer-2/dvc.yaml:validate@$model"

step "Prove it here: digests, scan, weights and figures against the committed report"
models prove "$model"

step "The model cards"
dvc repro --single-item cards@layer-1 cards@layer-2

step "Store the checkpoint"
dvc push "$checkpoint"

step "A clean clone, given the credentials, pulls it back"
rm -rf "$clone"
git clone --quiet . "$clone"
(
    cd "$clone"
    models store login --from ../../.dvc/config.local
    dvc pull "$checkpoint"
)

here=$(sha256 "$checkpoint")
there=$(sha256 "$clone/$checkpoint")
if [ "$here" != "$there" ]; then
    echo "quickstart: the clone's $model has sha256 $there, this one $here" >&2
    exit 1
fi

step "Done"
echo "The store goes on running; \`models store down\` ends it, .store/ holds its data."
echo "$model sha256 $here, the same after store and clone; look at $picture"
