#!/bin/sh
# Test qatop against tf_keras 2, Keras 3 and TFMOT (keras_files.py).  TAP.
# Their packages take 1.5 GB, so this only runs if INTEROP_TENSORFLOW is a python that has them, or
# the word install: make check-interop INTEROP_TENSORFLOW=install
folder=$(cd "$(dirname "$0")" && pwd) || exit 99
python=${INTEROP_TENSORFLOW-}
packages="tensorflow-cpu==2.21.0 tf-keras==2.21.0 tensorflow-model-optimization==0.8.1 h5py"
SECONDS_FOR_PACKAGES=900

absent() {
    echo "1..0 # SKIP no interop: $1"
    exit 0
}

[ -n "$python" ] || absent "Keras takes 1.5 GB; set INTEROP_TENSORFLOW to install or to a python"
if [ "$python" = install ]; then
    venv=$(pwd)/tests/interop/venv-tensorflow
    log=$venv.log
    python=$venv/bin/python
    if [ ! -f "$venv/complete" ]; then
        rm -rf "$venv"
        mkdir -p "$(dirname "$venv")" || exit 99
        python3 -m venv "$venv" >"$log" 2>&1 || absent "python3 cannot make a venv; see $log"
        # shellcheck disable=SC2086
        timeout $SECONDS_FOR_PACKAGES "$venv/bin/pip" install --disable-pip-version-check \
            --no-input --retries 1 --timeout 20 $packages >>"$log" 2>&1 ||
            absent "pip cannot get $packages; see $log"
        : >"$venv/complete"
    fi
fi
TF_USE_LEGACY_KERAS=1 TF_CPP_MIN_LOG_LEVEL=3 "$python" -c \
    'import h5py, keras, tensorflow, tensorflow_model_optimization, tf_keras' >/dev/null 2>&1 ||
    absent "$python lacks some of $packages"
work=$(mktemp -d "${TMPDIR:-/tmp}/qatop-keras.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$python" -B "$folder/keras_files.py" "$work"
