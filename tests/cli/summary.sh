#!/bin/sh
# qatop summary: channels and JSON, for scripts that want a model's quantization.
. "$(dirname "$0")/tap.sh"

# numbers KEY: the numbers of every "KEY": in ./out, one a line; of an array each of its own.
numbers() {
    tr -d ' ' <out | sed 's/"'"$1"'":\[*/\n=/g' | sed -n 's/^=\([-0-9.e+,]*\).*/\1/p' | tr ',' '\n' |
        grep .
}

q ptq --quiet --calibrate 50 --io int8 -o model.tflite cnn
q summary model.tflite
done_well "a .tflite is summarized"
check "a factor with its multiplier and shift" \
    grep -qE '^ +M\[c\] = s_in \* s_weights\[c\] / s_out = [0-9.e-]+\.\.[0-9.e-]+, 32 channels$' out
check "channels are not listed unasked" sh -c '! grep -q "^Channels" out'
q summary --channels model.tflite
done_well "--channels works"
check "kernels and biases of two convolutions and a dense layer are listed" \
    test "$(grep -c '^Channels of tensor' out)" -eq 6
check "each channel has a line" test "$(grep -cE '^ +[0-9]+  +[0-9.e-]+  +0' out)" -eq 212
check "each channel of a kernel has its multiplier and shift" \
    test "$(grep -cE '^ +[0-9]+  +[0-9.e-]+  +0  +[0-9.e-]+  +[0-9]{10}  +-[0-9]+$' out)" -eq 106

q summary --json model.tflite
done_well "--json works"
check "it is one line" test "$(wc -l <out)" -eq 1
for name in model format description input input_name output output_name signatures key subgraph \
    operators operator options \
    inputs outputs factors real multiplier shift stride padding activation tensors name type shape \
    bytes scale zero_point quantized_dimension; do
    check "--json has the key $name" grep -q "\"$name\": " out
done
check "32 + 64 + 10 factors" test "$(numbers multiplier | wc -l)" -eq 106
numbers real >real
numbers multiplier >multiplier
numbers shift >shift
check "multiplier / 2^31 * 2^shift is M, half a unit or less aside" sh -c '
    paste -d" " real multiplier shift | awk "
        { off = \$1 / 2 ^ \$3 * 2147483648 - \$2; if (off < -0.51 || off > 0.51) bad = 1 }
        \$2 < 1073741824 || \$2 > 2147483647 { bad = 1 }
        END { exit bad || NR != 106 }"'
q summary --json cnn
done_well "--json works for a Keras model"
check "its parameters" test "$(key out trainable)" -eq 34826
check "its layers" test "$(numbers parameters | awk '{ sum += $1 } END { print sum }')" -eq 34826
q summary --channels cnn
refused 2 "channels requires a .tflite" "a Keras model has no channels to list"
finish
