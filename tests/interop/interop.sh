#!/bin/sh
# Test qatop against the real tools: LiteRT runs what qatop exports, flatc decodes it, h5py reads what
# it saves.  TAP.
# Not part of make check, because it downloads packages (once): make check-interop.
folder=$(cd "$(dirname "$0")" && pwd) || exit 99
venv=${INTEROP_VENV:-$(pwd)/tests/interop/venv}
wanted=$folder/requirements.txt
log=$venv.log
SECONDS_FOR_PACKAGES=100

absent() {
    echo "1..0 # SKIP no interop: $1"
    exit 0
}

if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")" || exit 99
    command -v python3 >/dev/null || absent "there is no python3"
    python3 -m venv "$venv" >"$log" 2>&1 || absent "python3 cannot make a venv; see $log"
    timeout $SECONDS_FOR_PACKAGES "$venv/bin/pip" install --disable-pip-version-check \
        --no-input --retries 1 --timeout 20 -r "$wanted" >>"$log" 2>&1 ||
        absent "pip cannot get ai-edge-litert, h5py and numpy; see $log"
    # Last, so that only a complete venv is reused.
    cp "$wanted" "$venv/requirements.txt" || exit 99
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/qatop-interop.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$venv/bin/python" -B "$folder/interop.py" "$work"
