#!/bin/sh
# The same seed gives the same weights, file, numbers and outputs with any number of threads and on
# every instruction set level of this machine: a few steps; make repro compares builds, too.
repro=$(cd "$(dirname "$0")/../repro" && pwd)
. "$(dirname "$0")/tap.sh"
export DIGITS="$PWD/digits" SCHEMES='qatop tfmot' MODELS='fc cnn' STEPS=2 THREADS
"$repro/digits.sh" "$DIGITS" 32 16
golden=$SHARED/golden/cnn_bn/model.h5
if [ -n "$SHARED" ] && [ -e "$golden" ]; then
    cp "$golden" cnn_bn.h5
    MODELS="$MODELS $PWD/cnn_bn.h5"
else
    skip "a model with normalization, depthwise convolution and average pooling" "no $golden"
fi
kinds=$(echo "$MODELS" | wc -w)
levels=$("$repro/levels.sh" "$QATOP" 2>err)
check "the machine's levels are found" test -n "$levels"

# The slow baseline comes with one number of threads that divides nothing, the best with all.
best=${levels##* }
THREADS=1 QATOP_ISA=$best "$repro/digests.sh" "$QATOP" >want 2>err
check "every model and scheme has its digests" \
    test "$(grep -cE ' (weights|export|numbers|outputs) [0-9a-f]{64}$' want)" -eq $((kinds * 8))
check "which differ from each other" \
    test "$(cut -d ' ' -f 4 want | sort -u | wc -l)" -eq $((kinds * 8))
for level in $levels; do
    counts=3
    [ "$level" = "$best" ] && counts='2 3 16'
    for THREADS in $counts; do
        QATOP_ISA=$level "$repro/digests.sh" "$QATOP" >got 2>err
        diff want got >out
        ok $? "$level with $THREADS threads gives the bits of $best with one"
    done
done
finish
