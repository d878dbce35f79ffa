#!/bin/sh
# Data that are not MNIST: pictures of 32x32x3 and features of 49x10, in .npz files and in folders
# of PNG files, with the networks of MLPerf Tiny and what TensorFlow made of them.
. "$(dirname "$0")/tap.sh"
cifar=$SHARED/data/cifar10-7k.npz
resnet=$SHARED/golden/resnet8
tiny=$SHARED/golden/tiny
if [ -z "$SHARED" ] || [ ! -f "$cifar" ] || [ ! -d "$resnet" ] || [ ! -d "$tiny" ]; then
    skip "networks of MLPerf Tiny" "$cifar, $resnet or $tiny is absent (set QATOP_SHARED)"
    finish
fi

q eval --json --data "$cifar" --rescale raw "$resnet/model.h5"
done_well "ResNet-8 is evaluated on CIFAR-10's pictures"
check "with the accuracy that Keras gives" near "$(key out accuracy)" .763 1e-9
q eval --data "$cifar" --rescale raw --outputs raw "$resnet/model.h5"
od -An -v -tf4 -w4 raw >ours
od -An -v -tf4 -w4 "$resnet/fp32_probs.f32" >keras
check "and Keras' 20,000 probabilities" sh -c 'paste ours keras | awk "
    { d = \$1 - \$2; if (d < 0) d = -d; if (!(d <= 1e-5)) bad = 1; n++ }
    END { exit bad || n != 20000 }"'
# With FEW_IMAGES only one of them, for builds that are slow.
files='model_int8:f32 model_int8_io:i8 model_ptq:f32'
runtimes='ref xnn'
if [ -n "${FEW_IMAGES-}" ]; then
    files=model_int8_io:i8
    runtimes=xnn
fi
for file in $files; do
    program=${file%:*}
    for runtime in $runtimes; do
        q eval --data "$cifar" --rescale raw --runtime $runtime --outputs raw "$resnet/$program.tflite"
        check "all outputs of ResNet-8's $program by $runtime are TFLite's" \
            cmp raw "$resnet/$program.$runtime.${file#*:}"
    done
done
for runtime in ref xnn; do
    q eval --data "$tiny/kws.npz" --runtime $runtime --outputs raw "$tiny/kws_ref_model.tflite"
    check "all outputs of the keyword spotter by $runtime are TFLite's" \
        cmp raw "$tiny/kws_ref_model.$runtime.i8"
    q eval --data "$tiny/resnet.npz" --rescale raw --runtime $runtime --outputs raw \
        "$tiny/pretrainedResnet_quant.tflite"
    check "all outputs of MLPerf Tiny's own ResNet-8 by $runtime are TFLite's" \
        cmp raw "$tiny/pretrainedResnet_quant.$runtime.i8"
done

q run --data "$cifar" --rescale raw --steps 3 --json --quiet --out run "$resnet/model.h5"
done_well "run trains ResNet-8"
check "and reports the accuracy before" grep -q '"fp32": {"accuracy": 0.763' out
int8=$(sed -n 's/.*"int8": {"accuracy": \([0-9.]*\).*/\1/p' out)
q export run --data "$cifar" --io int8 -o again.tflite
done_well "export knows from the checkpoint what the model takes"
check "and verifies the file with the accuracy of the run" \
    near "$(sed -n 's/.*accuracy \([0-9.]*\) on.*/\1/p' out)" "$int8" 5e-5

# Images that are scaled otherwise than in training.
q eval --data "$cifar" "$resnet/model.h5"
check "eval names the --rescale that works" \
    grep -qE 'accuracy 0\.[0-9]+ is low; with --rescale raw it is 0\.7[0-9]+ \(500 images\)' err
q eval --data "$cifar" --runtime ref --outputs raw "$resnet/model_int8_io.tflite"
check "an INT8 program says itself that it takes bytes as they are" \
    cmp raw "$resnet/model_int8_io.ref.i8"

# What does not fit is refused before anything is trained or written.
q eval --data "$cifar" fc
refused 1 'x_test: holds 32x32x3; the model takes 784' "pictures for a model of digits"
q run --data "$cifar" --rescale 0 --out none "$resnet/model.h5"
refused 2 "'0' is not unit, raw, signed" "a scale of 0"
q run --rescale raw --out none "$resnet/model.h5"
refused 1 'holds 28x28x1; the model takes 32x32x3' "digits for a model of pictures"
check "nothing was written" test ! -e none
finish
