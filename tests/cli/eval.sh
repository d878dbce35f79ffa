#!/bin/sh
# qatop eval: accuracy and loss as Keras computes them, raw outputs as TFLite's, on all of MNIST.
. "$(dirname "$0")/tap.sh"

q eval fc
done_well "eval fc works on the bundled model and digits"
check "the text is one line in Keras' style" \
    grep -qE '^1000/1000 - [0-9.]+s - loss: 0\.[0-9]{4} - accuracy: 0\.9740$' out
q eval --json cnn
done_well "eval --json cnn works"
check "standard output is one line" test "$(wc -l <out)" -eq 1
check "nothing is on standard error" test ! -s err
for name in model format loss accuracy correct count seconds; do
    check "--json has the key $name" test -n "$(key out $name)"
done
check "cnn's accuracy on the bundled digits is .987" near "$(key out accuracy)" 0.987 1e-12
check "correct / count is the accuracy" test "$(key out correct)/$(key out count)" = 987/1000
check "the format is h5" test "$(key out format)" = h5

data=$SHARED/data/mnist
golden() { # MODEL LOSS ACCURACY
    if [ ! -d "$data" ] || [ ! -f "$SHARED/golden/$1/model.h5" ]; then
        skip "Keras' loss and accuracy of $1" "no goldens in QATOP_SHARED"
        return
    fi
    q eval --json --data "$data" --outputs probs.f32 "$SHARED/golden/$1/model.h5"
    done_well "golden $1 is evaluated on all of MNIST"
    check "$1: accuracy is Keras'" near "$(key out accuracy)" "$3" 1e-9
    check "$1: loss is Keras' to 1e-5" near "$(key out loss)" "$2" 1e-5
    check "$1: --outputs holds ten float32 for each of 10,000 digits" \
        test "$(wc -c <probs.f32)" -eq 400000
}
golden fc 0.0815376564860344 0.9759
golden cnn 0.031521618366241455 0.9896

same_bits() { # MODEL FILE RUNTIME REFERENCE
    if [ ! -d "$data" ] || [ ! -f "$SHARED/golden/$1/$2" ]; then
        skip "$1/$2: outputs equal TFLite's ($3)" "no goldens in QATOP_SHARED"
        return
    fi
    q eval --json --data "$data" --runtime "$3" --outputs raw "$SHARED/golden/$1/$2"
    done_well "golden $1/$2 is run ($3)"
    check "$1/$2: all 10,000 outputs equal TFLite's byte for byte ($3)" \
        cmp raw "$SHARED/golden/$1/$4"
    check "$1/$2: the format is tflite ($3)" test "$(key out format)" = tflite
}
same_bits fc model_int8.tflite ref model_int8.ref.f32
same_bits fc model_int8_io.tflite ref model_int8_io.ref.i8
same_bits cnn model_int8.tflite ref model_int8.ref.f32
same_bits cnn model_int8_io.tflite ref model_int8_io.ref.i8
for model in fc cnn; do
    same_bits $model model_int8.tflite xnn model_int8.xnn.f32
    same_bits $model model_int8_io.tflite xnn model_int8_io.xnn.i8
done

q eval --threads 1 --json fc
check "one thread gives the same loss" test -n "$(key out loss)"
one=$(key out loss)
q eval --threads 3 --json fc
check "three threads give the same bits" test "$(key out loss)" = "$one"
finish
