#!/bin/sh
# qatop run: QAT without a screen, on the bundled digits: its output, --json, --trace, the exported
# file, a signal, and what happens when the disk is full.
. "$(dirname "$0")/tap.sh"

q run --epochs 1
done_well "run works without any argument but --epochs"
check "standard output is the tutorial's two closing lines" awk '
    NR == 1 && !/^Quantized model accuracy: [01]\.[0-9][0-9][0-9][0-9]$/ { bad = 1 }
    NR == 2 && !/^FP32 pretrained model accuracy: 0\.9740$/ { bad = 1 }
    END { exit bad || NR != 2 }' out
check "standard error has one line for the epoch" \
    test "$(grep -cE '^Epoch 1/1 - .* - loss: [0-9.]+ - accuracy: [0-9.]+ - val_loss: [0-9.]+ - val_accuracy: [0-9.]+$' err)" -eq 1
int8=$(sed -n 's/^Quantized model accuracy: //p' out)
file=saved_model/mnist_fc_int8_qat/model_int8.tflite
check "the file is at the tutorial's path" test -s $file
q eval --json $file
done_well "the exported file can be evaluated"
check "and has the accuracy that was printed" near "$(key out accuracy)" "$int8" 0.00005
cp $file first.tflite

q run --out whole
check "a run with all defaults has nothing to warn of" sh -c '! grep -i warning err'
q run --scheme tfmot --out whole
check "it warns of TFMOT's slow ranges, which 375 batches do not settle" \
    grep -q 'warning: .* has not settled' err

q run --epochs 1 --json --quiet --trace trace.jsonl --out second
done_well "run --json --quiet works"
check "--quiet leaves standard error empty" test ! -s err
check "--json is one line" test "$(wc -l <out)" -eq 1
for name in fp32 ptq qat int8 epochs export weights_sha256; do
    check "--json has the key $name" grep -q "\"$name\": " out
done
ptq=$(sed 's/.*"ptq": {"accuracy": \([0-9.]*\)}.*/\1/' out)
for name in path bytes sha256 loss accuracy val_loss val_accuracy seconds; do
    check "and $name within them" grep -q "\"$name\": " out
done
check "bytes is the file's size" test "$(key out bytes)" -eq "$(wc -c <second/model_int8.tflite)"
check "path is the file" test "$(key out path)" = second/model_int8.tflite
if command -v sha256sum >/dev/null; then
    check "sha256 is the file's" \
        test "$(key out sha256)" = "$(sha256sum second/model_int8.tflite | cut -c1-64)"
else
    skip "sha256 is the file's" "sha256sum is absent"
fi
check "the same seed gives the same file" cmp first.tflite second/model_int8.tflite
digest=$(key out weights_sha256)
check "weights_sha256 is a digest" sh -c "echo $digest | grep -qxE '[0-9a-f]{64}'"
check "--trace has one line a batch" test "$(wc -l <trace.jsonl)" -eq 125
check "a line has step, loss, accuracy and tensors" \
    grep -qE '^\{"step": ?1, ?"loss": ?[0-9.e-]+, ?"accuracy": ?[0-9.e-]+, ?"tensors": ?\[\{"name": ?"' trace.jsonl
check "a tensor has its range and its quantization" awk '
    NR == 1 { for (n = split("kind min max scale zero_point", w, " "); n; n--)
                  if (index($0, "\"" w[n] "\"") == 0) bad = 1 } END { exit bad }' trace.jsonl
q ptq --json --quiet -o ptq.tflite fc
check "ptq is what qatop ptq prints" \
    near "$ptq" "$(sed 's/.*"ptq": {"accuracy": \([0-9.]*\)}.*/\1/' out)" 0
q run --epochs 1 --json --quiet --threads 1 --out third
check "one thread gives the same weights" test "$(key out weights_sha256)" = "$digest"
q run --epochs 1 --json --quiet --seed 2 --out third
check "another seed gives other weights" test "$(key out weights_sha256)" != "$digest"
q run --steps 5 --json --quiet --no-shuffle --no-dropout --scheme tfmot --io int8 --out fourth cnn
done_well "cnn, five steps, int8 input and output"
q summary fourth/model_int8.tflite
check "its input is int8" sh -c 'sed -n "/^Tensors/{n;p;}" out | grep -qE "^ +0 .* int8 "'

# --- export ---
q export second -o again.tflite
done_well "a run's folder is exported"
check "to the same bytes" cmp again.tflite second/model_int8.tflite
q export second/checkpoint.h5 -o io.tflite --io int8 --json
done_well "a checkpoint is exported with int8 input and output"
check "--json has the accuracy" near "$(key out accuracy)" "$int8" 0.002
q export second/checkpoint.h5 -o unsigned.tflite --io uint8 --quiet
done_well "and with uint8 ones"
q eval --outputs raw8 io.tflite
q eval --outputs rawu8 unsigned.tflite
check "whose outputs are the int8 ones plus 128" sh -c \
    'od -An -v -tu1 -w1 rawu8 >u; od -An -v -td1 -w1 raw8 | awk "{ printf \"%4d\\n\", \$1 + 128 }" | cmp - u'
q export second -o tuned.h5
done_well "the float weights are written as a Keras model"
q eval tuned.h5
done_well "which can be evaluated"
q export second -o out.bin
refused 2 "must end in .tflite, .h5, .c or .h" "another kind of file is refused"
q export second
refused 2 "needs -o" "export without -o is refused"
q export . -o x.tflite
refused 1 "holds no checkpoint.h5" "a folder that is no run is refused"
q export tuned.h5 -o x.tflite
refused 1 "tuned.h5" "a model that is no checkpoint is refused"
check "no file is left by a refusal" test ! -e x.tflite

# --- checkpoints and records ---
q run --epochs 2 --json --quiet --out whole
done_well "two epochs at once"
whole=$(key out weights_sha256)
baselines=$(sed 's/, "qat".*//' out)
q run --resume whole/checkpoint.h5 --steps 150
refused 2 "from the checkpoint" "--resume refuses options that the checkpoint holds"
q run --resume whole/checkpoint.h5 cnn
refused 2 "omit 'cnn'" "--resume refuses another model"
q run --resume whole/checkpoint.h5
refused 2 "nothing is left to do" "a checkpoint of a finished run is refused"
q run --resume missing.h5
refused 1 "missing.h5" "a checkpoint that is not there is named"
q run --epochs 1 --record record.jsonl --quiet --out fourth
done_well "a run is recorded"
check "the record begins with its schema" sh -c 'head -1 record.jsonl | grep -q "\"schema\""'
check "every line is an object" sh -c '! grep -qvE "^\{.*\}$" record.jsonl'
check "every batch is in it" test "$(grep -c '"event": *"batch"' record.jsonl)" -eq 125

# --- disks ---
echo 'a file' >plain
q run --steps 1 --quiet --out plain/below
refused 1 plain "an output folder below a file is refused"
mkdir target
echo 'old content' >target/model_int8.tflite
(ulimit -f 64 && "$QATOP" run --steps 1 --quiet --out target >out 2>err </dev/null)
status=$?
refused 1 'model_int8.tflite: .*(File too large|No space left|cannot write)' "a full disk at export is reported"
check "the old export is unchanged" test "$(cat target/model_int8.tflite)" = 'old content'
check "and nothing else is there" test "$(ls -A target)" = model_int8.tflite
q run --steps 3 --quiet --trace plain/trace --out fifth
refused 1 plain "a trace that cannot be written is reported"

# --- signals ---
interrupted() { # SIGNAL STATUS EPOCHS COMMAND...: start, wait for the first epoch, signal
    signal=$1
    wanted=$2
    epochs=$3
    shift 3
    rm -rf sixth
    "$@" run --epochs "$epochs" --pace 200 --out sixth >out 2>err </dev/null &
    child=$!
    waited=0
    while ! grep -q '^Epoch 1/' err && [ $waited -lt 600 ] && kill -0 $child 2>/dev/null; do
        waited=$((waited + 1))
        sleep 0.1
    done
    kill -s "$signal" $child
    wait $child
    status=$?
    check "SIG$signal ends a run with $wanted" test $status -eq "$wanted"
    check "one line names the checkpoint" \
        test "$(grep -cE '^qatop: .*checkpoint.*: interrupted' err)" -eq 1
    check "nothing is exported" test ! -e sixth/model_int8.tflite
    check "nothing is on standard output" test ! -s out
    q export sixth -o sixth.tflite
    done_well "the checkpoint can be exported"
}
interrupted TERM 143 2 "$QATOP"
q run --resume sixth/checkpoint.h5 --json --quiet
done_well "and the run resumed from it"
check "which gives the same bits" test "$(key out weights_sha256)" = "$whole"
check "and prints the accuracies of the original model" \
    test "$(sed 's/, "qat".*//' out)" = "$baselines"
check "in its own folder" test -s sixth/model_int8.tflite
# What the shell starts in the background ignores SIGINT, unless something sets that right.
# --- memory ---
q run --steps 2 --quiet --verbose --out eighth cnn
done_well "--verbose works"
# 32 digits of 26x26x32 float32 are 2704 KB; the pooling that reads them quantizes, so there is no copy.
check "it lists the values and gradients of each layer" \
    grep -qE '^memory: conv2d .* 2704\.0 KB values +2704\.0 KB gradient$' err
# Quantized kernels, scratch and gaps are the rest.
check "and their sum" awk '
    / KB values / { sum += $(NF - 5) + $(NF - 2) }
    /^memory: values, gradients/ { total = $(NF - 1) }
    END { exit !(sum > 0 && total > sum && total < 1.2 * sum) }' err

if env --default-signal=INT true 2>/dev/null; then
    interrupted INT 130 10000 env --default-signal=INT "$QATOP"
else
    skip "SIGINT ends a run with 130" "env cannot restore SIGINT"
fi

# --- without a terminal ---
q --epochs 1 --steps 5 --out seventh
check "qatop without a terminal runs without a screen" grep -q '^Quantized model accuracy: ' out
check "and says so first" sh -c 'head -1 err | grep -q "^qatop: no dashboard here"'
q missing.h5
refused 1 'missing.h5: .*No such file' "a bad model gives a one-line error there too"
TERM=no-such-terminal "$QATOP" --steps 5 --out seventh >out 2>err </dev/null
check "and so with an unknown TERM" grep -q '^Quantized model accuracy: ' out
finish
