#!/bin/sh
# qatop predict and summary: pictures as people make them, and what a model is made of.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"

for model in fc cnn; do
    q predict $model "$here/seven.png" "$here/one-blue-on-white.png"
    done_well "$model looks at two pictures"
    check "$model: grey 28x28, light on dark, is a 7" sh -c 'sed -n 1p out | grep -q "seven.png: 7 ("'
    check "$model: 112x112 in colours, dark on light, is a 1" \
        sh -c 'sed -n 2p out | grep -q "one-blue-on-white.png: 1 ("'
done
check "no picture is drawn where there is no terminal" test "$(wc -l <out)" -eq 2
q predict --json cnn "$here/seven.png"
done_well "predict --json works"
check "--json is one line" test "$(wc -l <out)" -eq 1
check "with the label" grep -q '"label": 7' out
check "and ten probabilities" test "$(sed 's/.*"probabilities": \[//; s/\].*//' out | tr , '\n' | wc -l)" -eq 10
check "that add up to 1" near \
    "$(sed 's/.*"probabilities": \[//; s/\].*//' out | tr ',' '\n' | awk '{ s += $1 } END { print s }')" 1 1e-5
q run --steps 1 --quiet --out run
q predict run/model_int8.tflite "$here/seven.png"
check "an exported .tflite sees the same 7" grep -q "seven.png: 7 (" out

head -c 60 "$here/seven.png" >cut.png
q predict fc cut.png
refused 1 cut.png "a PNG that is cut off is refused"
echo 'no picture' >text.png
q predict fc text.png
refused 1 text.png "a text named .png is refused"
q predict fc nowhere.png
refused 1 nowhere.png "a picture that does not exist is refused"
q predict fc
refused 2 "missing operand" "predict without a picture is refused"
q predict fc "$here/seven.png" cut.png
refused 1 cut.png "one bad picture among good ones leaves standard output empty"

q predict cnn "$here/../golden/pictures/rgb.jpg"
done_well "a JPEG file is read"
printf 'BM\0\0\0\0\0\0\0\0\0\0' >picture.png
q predict cnn picture.png
refused 1 'is in BMP format; convert it to PNG or JPEG' "a BMP file is named, whatever its name"

q summary cnn
done_well "summary cnn works"
check "it is Keras' table" grep -q '^ conv2d_1 (Conv2D)           (None, 11, 11, 64)        18496' out
check "with Keras' total" grep -q '^Total params: 34826 (136.04 KB)$' out
q summary run/model_int8.tflite
done_well "summary of a .tflite works"
check "it lists the operators" grep -qE '^ +1  FULLY_CONNECTED +1, 2, 3 -> 4 +relu$' out
check "and the quantization with real signs" grep -qE 'real = 0\.0039215[0-9]* \* \(q \+ 128\)$' out
finish
