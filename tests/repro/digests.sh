#!/bin/sh
# digests.sh: digests of everything that a program produces from one seed.
#   usage: digests.sh COMMAND...      the program, possibly under an emulator
# For every model and scheme it trains, exports and evaluates, and prints lines "MODEL SCHEME WHAT
# SHA256", where WHAT is
#   weights   weights_sha256 of the trained model
#   export    the exported .tflite
#   numbers   accuracy and loss at every stage, in full precision
#   outputs   the outputs of the float model, and of the export in both runtimes, for every test digit
# $DIGITS is the data set; $MODELS (names or .h5 files) and $SCHEMES say what to train, for $STEPS
# batches of 16 digits with $THREADS threads; the program honours $QATOP_ISA.  If a command fails,
# nothing is printed on standard output and the status is 1.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/qatop-digests.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# call SUBCOMMAND ARGUMENT...: with the common arguments; error messages are passed on.
program=$*
call() {
    subcommand=$1
    shift
    # shellcheck disable=SC2086
    $program "$subcommand" --json --quiet --threads "$THREADS" --data "$DIGITS" "$@" \
        >"$work/said" </dev/null || exit 1
}

digest_of() {
    sha256sum | cut -c1-64
}

for model in $MODELS; do
    name=$(basename "$model" .h5)
    call eval --outputs "$work/outputs.float" "$model"
    for scheme in $SCHEMES; do
        call run --seed 1 --steps "$STEPS" --batch 16 --scheme "$scheme" --out "$work/out" "$model"
        {
            echo "$name $scheme weights $(sed 's/.*"weights_sha256": "\([^"]*\)".*/\1/' \
                "$work/said")"
            echo "$name $scheme export $(digest_of <"$work/out/model_int8.tflite")"
            echo "$name $scheme numbers $(sed 's/"seconds": [^},]*//g; s/"path": "[^"]*"//' \
                "$work/said" | digest_of)"
        } >>"$work/lines"
        for runtime in ref xnn; do
            call eval --runtime $runtime --outputs "$work/outputs.$runtime" \
                "$work/out/model_int8.tflite"
        done
        echo "$name $scheme outputs $(cat "$work/outputs.float" "$work/outputs.ref" \
            "$work/outputs.xnn" | digest_of)" >>"$work/lines"
    done
done
cat "$work/lines"
