#!/bin/sh
# peers.sh: the same work by qatop and by other tools, alternating, and the ratios.
#   usage: tests/bench/peers/peers.sh [PEER...]      PEER: tfmot, pytorch, litert (all)
# A peer is a script peer_PEER.py in this folder; its venv is made from peer_PEER.txt and kept in
# $PEERS_VENVS (tests/bench/peers/venvs); or set PEER_PYTHON_tfmot, ..., to a python that has the
# packages.  A peer that cannot be installed is reported and skipped.
# $QATOP_SHARED has data/mnist and golden; $QATOP is the program (./qatop); $RUNS the number of runs (3).
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
venvs=${PEERS_VENVS:-$(pwd)/tests/bench/peers/venvs}
SECONDS_FOR_PACKAGES=${SECONDS_FOR_PACKAGES:-900}

# Print the python that runs the peer; nothing if there is none.
python_of() {
    eval "given=\${PEER_PYTHON_$1:-}"
    venv=$venvs/$1
    if [ -n "$given" ]; then
        echo "$given"
        return
    fi
    if ! cmp -s "$folder/peer_$1.txt" "$venv/requirements.txt"; then
        rm -rf "$venv"
        mkdir -p "$venvs"
        python3 -m venv "$venv" >"$venv.log" 2>&1 || return 0
        timeout "$SECONDS_FOR_PACKAGES" "$venv/bin/pip" install --disable-pip-version-check \
            --no-input -r "$folder/peer_$1.txt" >>"$venv.log" 2>&1 || return 0
        # Last, so that only a complete venv is reused.
        cp "$folder/peer_$1.txt" "$venv/requirements.txt"
    fi
    echo "$venv/bin/python"
}

command -v python3 >/dev/null || { echo "SKIPPED all peers: python3 is missing"; exit 0; }
[ $# -gt 0 ] || set -- tfmot pytorch litert
found=
for peer; do
    [ -f "$folder/peer_$peer.py" ] || { echo "peers.sh: no peer $peer" >&2; exit 2; }
    python=$(python_of "$peer")
    if [ -n "$python" ]; then
        found="$found $peer=$python"
    else
        echo "SKIPPED $peer: its packages cannot be installed; see $venvs/$peer.log"
    fi
done
# shellcheck disable=SC2086 # words are meant
[ -z "$found" ] || exec python3 -B "$folder/peers.py" $found
