#!/bin/sh
# accuracy.sh: INT8 accuracy after quantization-aware training, by model, scheme and seed.
#   usage: tests/bench/accuracy.sh DIGITS MODEL...      DIGITS: a folder with the whole MNIST
# $QATOP is the program (./qatop), $SEEDS the seeds (1 2 3), $SCHEMES the schemes (tfmot qatop);
# three epochs each, the options of `qatop run` otherwise at their defaults.
set -eu
qatop=${QATOP:-./qatop}
seeds=${SEEDS:-1 2 3}
schemes=${SCHEMES:-tfmot qatop}
if [ $# -lt 2 ]; then
    sed -n '2,5s/^# *//p' "$0" >&2
    exit 2
fi
digits=$1
shift
out=$(mktemp -d "${TMPDIR:-/tmp}/qatop-accuracy.XXXXXX")
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

echo '| model | scheme | seeds | INT8 accuracy | mean |'
echo '|---|---|---|---|---|'
for model in "$@"; do
    for scheme in $schemes; do
        found=
        for seed in $seeds; do
            "$qatop" run --quiet --data "$digits" --scheme "$scheme" --seed "$seed" --out "$out" \
                "$model" >"$out/said"
            found="$found $(sed -n 's/^Quantized model accuracy: 0\(.*\)$/\1/p' "$out/said")"
        done
        mean=$(echo "$found" | awk '{ for (i = 1; i <= NF; i++) sum += $i; printf "%.5f", sum / NF }')
        echo "| $model | $scheme | $seeds |$found | ${mean#0} |"
    done
done
