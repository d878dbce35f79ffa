#!/bin/sh
# qatop freeze: weights and ranges that TensorFlow trained, converted; the outputs of the file must
# be those of TensorFlow's own conversion.
. "$(dirname "$0")/tap.sh"
golden=$SHARED/golden
data=$SHARED/data/mnist

q freeze
refused 2 "missing operand" "freeze without files is refused"
q freeze "$ASSETS/models/mnist_fc.h5" fc
refused 2 "needs -o OUT.tflite" "freeze without -o is refused"
q freeze "$ASSETS/models/mnist_fc.h5" fc -o out.tflite
refused 1 "mnist_fc.h5" "a model without ranges is refused"
check "no file is left" test ! -e out.tflite

converts() { # MODEL WEIGHTS OUTPUTS IO
    if [ ! -f "$golden/$1/$2" ] || [ ! -d "$data" ]; then
        skip "$1/$2 converts to TensorFlow's outputs" "no goldens in QATOP_SHARED"
        return
    fi
    q freeze "$golden/$1/$2" "$golden/$1/model.h5" --io "$4" -o frozen.tflite
    done_well "$1/$2 is converted with $4 input and output"
    q eval --data "$data" --outputs raw frozen.tflite
    check "$1/$2: all 10,000 outputs equal those of TensorFlow's conversion" \
        cmp raw "$golden/$1/$3"
}
for model in fc cnn; do
    converts $model qat_weights.h5 model_int8.ref.f32 float
    converts $model qat_weights.h5 model_int8_io.ref.i8 int8
    converts $model trace/weights_step200.h5 trace/int8_ref_probs_10000.f32 float
done
finish
