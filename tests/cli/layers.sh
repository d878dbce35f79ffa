#!/bin/sh
# qatop eval --layers: what INT8 loses layer by layer, of every kind of file that can be quantized.
. "$(dirname "$0")/tap.sh"

# rows: the names of the layers in the JSON of ./out, one a line.
rows() {
    sed 's/[{}]/\n/g' out | sed -n 's/^"layer": "\([^"]*\)", "last.*/\1/p'
}

q eval --layers cnn
done_well "a Keras model is quantized after training"
check "the table has a line for each tensor of the program" \
    test "$(grep -cE '^[* ] (input_2|conv2d|max_pooling2d|conv2d_1|max_pooling2d_1|dense_2) ' out)" -eq 7
check "it says how it was quantized and on how many digits" \
    grep -q 'calibrated with 500 digits, 1000 test digits, runtime ref$' out
check "the digits of 256 levels are exact" grep -qE '^  input_2 .* exact' out
marked=$(sed -n 's/^\* \([a-z0-9_]*\) .*/\1/p' out)
check "one layer is marked" test "$(echo "$marked" | wc -w)" -eq 1
check "and named as the one that costs most" grep -q "^Costs most: $marked, " out
check "lines fit into 100 columns" test "$(tail -n +2 out | wc -L)" -le 100

q eval --layers --json cnn
done_well "--layers --json works"
check "it is one line" test "$(wc -l <out)" -eq 1
for name in model quantized runtime count fp32 int8 costliest layers layer last operator tensor \
    scale zero_point sqnr saturation worst weights_sqnr alone_sqnr alone_loss alone_lost share; do
    check "--json has the key $name" grep -q "\"$name\": " out
done
check "the same layer costs most" test "$(key out costliest)" = "$marked"
check "quantized is ptq" test "$(key out quantized)" = ptq
check "the layers stand in order" test "$(rows | tr '\n' ' ')" = \
    "input_2 conv2d max_pooling2d conv2d_1 max_pooling2d_1 dense_2 dense_2 "
mv out all
q eval --layers --json --threads 1 cnn
check "one thread gives the same bits" cmp all out
q eval --layers --json --runtime xnn cnn
done_well "XNNPACK's arithmetic can be looked at"
check "and is named" test "$(key out runtime)" = xnn

q ptq --quiet -o ptq.tflite cnn
q eval --layers --json --against cnn ptq.tflite
done_well "a .tflite is compared with the model it was made from"
check "quantized is tflite" test "$(key out quantized)" = tflite
sed 's/"layers"/\n&/' all | tail -1 >first
sed 's/"layers"/\n&/' out | tail -1 >second
check "and gives what the model quantized gives" cmp first second
q ptq --quiet --io int8 -o io.tflite cnn
q eval --layers --against cnn io.tflite
done_well "one of integer input and output as well"
check "its input has no operator" grep -q '^  input_2 *input ' out

q run --quiet --steps 5 --out run fc
q eval --layers --json run/checkpoint.h5
done_well "a checkpoint has its own ranges"
check "quantized is checkpoint" test "$(key out quantized)" = checkpoint
sed 's/"layers"/\n&/' out | tail -1 >first
q export run -o weights.h5
q eval --layers --json --against weights.h5 run/model_int8.tflite
sed 's/"layers"/\n&/' out | tail -1 >second
check "and gives what its export gives compared with its weights" cmp first second
q eval --layers --against fc run/model_int8.tflite
done_well "it can be compared with a model of other weights"

q eval --layers ptq.tflite
refused 2 "ptq.tflite: .*--against MODEL" "a .tflite alone has no float values"
q eval --layers --against fc ptq.tflite
refused 1 "ptq.tflite: has no FULLY_CONNECTED for layer 'dense'" "one made from another model is refused"
q eval --layers --against ptq.tflite ptq.tflite
refused 2 "against requires a Keras model" "so is another .tflite"
q eval --layers --against fc cnn
refused 2 "requires a .tflite" "a model is not compared with another"
q eval --against fc ptq.tflite
refused 2 "requires --layers" "--against alone means nothing"
q eval --layers --outputs x fc
refused 2 "cannot be combined with --layers" "neither does --outputs"
finish
