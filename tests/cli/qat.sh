#!/bin/sh
# Saved QAT models: what tf_keras and TFMOT wrote (tests/golden/make_saved.py) is evaluated as Keras does,
# converted as TensorFlow converts it, and trained on from its ranges.
. "$(dirname "$0")/tap.sh"
golden=$ASSETS/../tests/golden
tr -d '\n' <"$golden/qat.json" >wanted
sed 's/.*"fp32"//' wanted >fp32_wanted
# Keras prints what it sums in float32.
close=0.000002

for form in h5 keras; do
    q eval --json "$golden/qat.$form"
    done_well "qat.$form is evaluated"
    check "qat.$form: the accuracy is Keras'" near "$(key out accuracy)" "$(key wanted accuracy)" $close
    check "qat.$form: the loss is Keras'" near "$(key out loss)" "$(key wanted loss)" $close
    sed 's/.*"fp32"//' out >fp32
    check "qat.$form: so is the accuracy of its float weights" \
        near "$(key fp32 accuracy)" "$(key fp32_wanted accuracy)" $close
    check "qat.$form: and their loss" near "$(key fp32 loss)" "$(key fp32_wanted loss)" $close
    q export "$golden/qat.$form" -o "$form.tflite"
    done_well "qat.$form is exported"
    q freeze "$golden/qat.$form" "$golden/qat.$form" -o frozen.tflite
    check "freeze gives the same file" cmp frozen.tflite "$form.tflite"
done
check "both forms give the same .tflite" cmp h5.tflite keras.tflite
for runtime in ref xnn; do
    q eval --runtime $runtime --outputs ours h5.tflite
    q eval --runtime $runtime --outputs theirs "$golden/qat.tflite"
    check "all outputs by $runtime equal those of TensorFlow's conversion" cmp ours theirs
done
q eval "$golden/qat.h5"
check "eval shows the float weights on a line of their own" \
    grep -q '^float weights without quantization - loss: 0.6764 - accuracy: 0.8030$' out
q export "$golden/qat.keras" -o float.h5
done_well "the float weights are exported"
q eval --json float.h5
check "they have the accuracy that Keras found" \
    near "$(key out accuracy)" "$(key fp32_wanted accuracy)" $close

for scheme in tfmot:6 qatop:5; do
    q run --scheme ${scheme%:*} --steps 1 --lr 1e-6 --out run "$golden/qat.h5"
    done_well "a run with scheme ${scheme%:*} starts from it"
    check "it says that it starts from its ranges" grep -q \
        "qat is a QAT model: ${scheme#*:} of ${scheme#*:} activations start from its ranges" err
done
q run --quiet --steps 1 --out run "$golden/qat.h5"
check "its weights' accuracy is named for what it is" \
    grep -q "^FP32 accuracy of the QAT model's weights: 0.8030$" out
q run --quiet --json --steps 1 --out run "$golden/qat.h5"
check "in JSON as well" grep -q '"fp32": {"accuracy": 0\.803[0-9]*, "loss": [0-9.]*, "of": "qat"}' out

# Only its last layer has ranges, and the input none.
q eval "$golden/partial.h5"
refused 1 "layer quantize_layer: .*quantized only in part, which 'qatop run' would complete" \
    "a model that is quantized in part is refused"
q run --steps 1 --out run "$golden/partial.h5"
done_well "and a run completes it"
check "from the ranges that it has" grep -q "2 of 3 activations start from its ranges" err
q freeze "$golden/separable/qat.h5" "$golden/separable/model.h5" -o separable.tflite
refused 1 "layer first_depthwise: .*SeparableConv2D, give the saved QAT model in place" \
    "freeze says what to use for a SeparableConv2D"
q freeze "$golden/separable/qat.h5" "$golden/separable/qat.h5" -o separable.tflite
done_well "which works"

q run --quiet --steps 1 --out run fc
check "a model without ranges has no such line" test ! -s err
finish
