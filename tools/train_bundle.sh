#!/bin/sh
# Train a bundle of tools/bundle_training.py for a limited time, or go on with it:
#
#   train_bundle.sh OUT SECONDS [key=value ...]
#
# OUT/NAME has weights.safetensors, log.jsonl, checkpoint.pt and summary.json afterwards; call it again to go on. Needs
# Linux, Python 3.11 or later with NumPy and torch, and no network; nothing is installed. PYTHON names another Python.
# MARGIN (default 20) are the seconds before the limit at which the run is asked to end: its checkpoint and a validation
# are done in them. Exit: 0 done, or the time was up; 143 ended by a signal from outside; 137 MARGIN was too short.
set -eu

if [ "$#" -lt 2 ]; then
  echo "usage: $0 OUT SECONDS [key=value ...]" >&2
  exit 2
fi
out=$1 limit=$2
shift 2
began=$(date +%s)
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=${PYTHON:-python3}
margin=${MARGIN:-20}
if [ "$limit" -lt $((2 * margin)) ]; then
  margin=$((limit / 2))
fi

"$python" - <<'CHECK'
import importlib.util, sys
missing = [name for name in ("numpy", "torch", "filelock") if importlib.util.find_spec(name) is None]
if sys.version_info < (3, 11) or missing:
    sys.exit(f"needs Python 3.11 or later with {', '.join(missing) or 'numpy and torch'}; this is Python {sys.version}")
CHECK

packages=$(mktemp -d)
child=
trap 'rm -rf "$packages"' EXIT
trap '[ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' INT TERM HUP
for wheel in "$here"/wheels/kukkiri-*.whl; do
  "$python" -m zipfile -e "$wheel" "$packages"
done
if ! "$python" -c 'import safetensors.torch' 2>/dev/null; then
  "$python" -m zipfile -e "$here"/wheels/safetensors-*.whl "$packages"
fi

mkdir -p "$out"
PYTHONPATH="$packages${PYTHONPATH:+:$PYTHONPATH}" timeout --signal=TERM --kill-after="$margin" --preserve-status \
  $((limit - margin)) "$python" "$here/bundle_run.py" "$here" "$out" "$@" &
child=$!
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do # a signal ended the wait, not the run
  code=0
  wait "$child" || code=$?
done
if [ "$code" -eq 143 ] && [ $(($(date +%s) - began)) -ge $((limit - margin - 1)) ]; then
  echo "the time is up: call this again to go on"
  code=0
fi
exit "$code"
