#!/bin/sh
# qatop ptq: quantization without training; accuracy and outputs must be those of the file that the
# TFLite converter makes of the same model with the same calibration digits.
. "$(dirname "$0")/tap.sh"
golden=$SHARED/golden
data=$SHARED/data/mnist

q ptq
done_well "ptq works without any argument"
check "standard output is the tutorial's two closing lines" awk '
    NR == 1 && !/^Quantized model accuracy: 0\.97[0-9][0-9]$/ { bad = 1 }
    NR == 2 && !/^FP32 pretrained model accuracy: 0\.9740$/ { bad = 1 }
    END { exit bad || NR != 2 }' out
file=saved_model/mnist_fc_int8_ptq/model_int8.tflite
check "standard error names the file and its size" \
    grep -qx "$file: $(wc -c <$file) bytes" err
told=$(sed -n 's/^Quantized model accuracy: //p' out)
q eval --json $file
check "the file has the accuracy that was printed" near "$(key out accuracy)" "$told" 0.00005

q ptq --json --quiet --calibrate 100 --io int8 -o small.tflite cnn
done_well "ptq --json works"
check "--json is one line" test "$(wc -l <out)" -eq 1
check "--quiet leaves standard error empty" test ! -s err
for name in fp32 ptq calibrated export path bytes sha256 accuracy loss; do
    check "--json has the key $name" grep -q "\"$name\": " out
done
check "calibrated is the number of digits" test "$(key out calibrated)" -eq 100
check "path is the file" test "$(key out path)" = small.tflite
check "bytes is its size" test "$(key out bytes)" -eq "$(wc -c <small.tflite)"
cp small.tflite first.tflite
q ptq --json --quiet --calibrate 100 --io int8 --threads 1 -o small.tflite cnn
check "the same digits give the same file, with one thread too" cmp first.tflite small.tflite
q ptq --json --quiet --calibrate 200 --io int8 -o small.tflite cnn
check "other digits give another file" sh -c '! cmp first.tflite small.tflite'
q ptq --json --calibrate 1000000 -o small.tflite fc
check "more digits than there are: all of them" test "$(key out calibrated)" -eq 4000
rm -f small.tflite

q ptq --calibrate 0 fc
refused 2 "calibrate: must be a whole number .*, not '0'" "no digits to calibrate with are refused"
q ptq -o out.h5 fc
refused 2 "out.h5: the name must end in .tflite" "another kind of file is refused"
q ptq first.tflite
refused 1 "first.tflite" "a model that is quantized already is refused"
q ptq --scheme tfmot fc
refused 2 "option --scheme does not apply to ptq" "an option of training is refused"
echo 'a file' >plain
q ptq -o plain/out.tflite fc
refused 1 plain "a folder that is a file is refused"

differ_in() { # FILE FILE ROWS: two files of 10,000 rows of 40 bytes differ in so many at most
    [ "$(wc -c <"$1")" -eq 400000 ] && [ "$(wc -c <"$2")" -eq 400000 ] || return 1
    cmp -l "$1" "$2" | awk -v most="$3" '
        !(int(($1 - 1) / 40) in rows) { rows[int(($1 - 1) / 40)] = 1; count++ }
        END { exit count > most }'
}

converts() { # MODEL ROWS: so many of the 10,000 may have other outputs than TensorFlow's file
    if [ ! -f "$golden/$1/model_ptq.tflite" ] || [ ! -d "$data" ]; then
        skip "$1 is quantized to TensorFlow's outputs" "no goldens in QATOP_SHARED"
        return
    fi
    wanted=$(sed -n '/"model_ptq"/,/}/s/.*"accuracy": *\([0-9.]*\).*/\1/p' "$golden/$1/expect.json")
    q ptq --json --data "$data" -o "$1.tflite" "$golden/$1/model.h5"
    done_well "$1 is quantized"
    sed 's/.*"ptq"//' out >part
    check "$1: accuracy is the converter's" near "$(key part accuracy)" "$wanted" 0.00005
    for runtime in ref xnn; do
        q eval --data "$data" --runtime $runtime --outputs raw "$1.tflite"
        check "$1: $runtime outputs of all but $2 digits are those of TensorFlow's file" \
            differ_in raw "$golden/$1/model_ptq.$runtime.f32" "$2"
        rm -f raw
    done
}
converts fc 0
converts cnn 0
# The last bits of folded factors differ: quantization of the same model, not the same file.
converts cnn_bn 6
finish
