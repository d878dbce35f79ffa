#!/bin/sh
# A Functional model whose layers branch and meet in Add, through every command.
. "$(dirname "$0")/tap.sh"
golden=$ASSETS/../tests/golden/residual
model=$golden/model.h5

q summary "$model"
done_well "summary takes the model"
check "and prints Keras' table" cmp out "$golden/summary.txt"
q eval --json "$model"
done_well "eval takes the model"
float=$(key out accuracy)
q run --steps 30 --json --quiet --trace trace.jsonl --out run "$model"
done_well "run trains it"
check "and prints the original accuracy" near "$(key out accuracy)" "$float" 0
check "the trace has one range for an Add and the ReLU after it" \
    sh -c '! grep -q "\"a_add/out\"" trace.jsonl && grep -q "\"a_relu/out\"" trace.jsonl'
check "and one for an Add without" grep -q '"b_add/out"' trace.jsonl
q run --steps 30 --json --quiet --threads 1 --out again "$model"
check "one thread gives the same file" cmp run/model_int8.tflite again/model_int8.tflite
q summary run/model_int8.tflite
check "the exported file has two ADD, one of them with RELU" sh -c '
    [ "$(grep -cE "^ +[0-9]+  ADD " out)" -eq 2 ] && [ "$(grep -E "  ADD " out | grep -c relu)" -eq 1 ]'
for runtime in ref xnn; do
    q eval --json --runtime $runtime run/model_int8.tflite
    done_well "runtime $runtime runs it"
done
for io in int8 uint8; do
    q export run --io $io -o $io.tflite
    done_well "export takes the run, --io $io"
done
q export run -o model.c
done_well "export writes C source"
q export run -o tuned.h5
done_well "export writes a Keras file"
q summary tuned.h5
check "which has the same layers" cmp out "$golden/summary.txt"
q ptq --quiet -o ptq.tflite "$model"
done_well "ptq takes the model"
q run --quiet --steps 5 --out third --scheme tfmot "$golden/qat.h5"
done_well "a QAT model of TFMOT is trained on"

# The outputs of the first of every ten digits, as TensorFlow's conversion gave them.
spread() { # FILE BYTES: rows 0, 10, 20, ... of so many bytes
    i=0
    while [ $i -lt 1000 ]; do
        dd if="$1" bs="$2" skip=$i count=1 2>/dev/null
        i=$((i + 10))
    done
}
q freeze "$golden/qat.h5" "$model" --io int8 -o frozen.tflite
done_well "freeze converts the saved QAT model"
for runtime in ref xnn; do
    q eval --runtime $runtime --outputs raw frozen.tflite
    spread raw 10 >some
    check "its outputs by $runtime are those of TensorFlow's conversion" \
        cmp some "$golden/model_int8_io.$runtime.i8"
done
finish
