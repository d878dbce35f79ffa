#!/bin/sh
# The manual names every command and every option that --help does, and no other.
. "$(dirname "$0")/tap.sh"
manual=${ASSETS%/assets}/man/qatop.1

q --help
cp out help
commands=$(sed -n '/^Commands/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p' help)
for command in $commands; do
    check "the manual tells of qatop $command" grep -qE "^\\.It Cm $command( |\$)" "$manual"
done
sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$manual" | sort >in-manual
echo "$commands" | sort >in-help
check "and of no other command" cmp in-manual in-help

sed -n 's/^  \(-[a-zA-Z], \|    \)--\([a-z-]*\).*/\2/p' help | sort >in-help
sed -n 's/^\.It Fl \([a-zA-Z] , Fl \)\{0,1\}-\([a-z-]*\).*/\2/p' "$manual" | sort >in-manual
while read -r option; do
    check "the manual tells of --$option" grep -qx -- "$option" in-manual
done <in-help
check "and of no other option" cmp in-manual in-help
sed -n 's/^  -\([a-zA-Z]\), --\([a-z-]*\).*/\1 \2/p' help | sort >in-help
sed -n 's/^\.It Fl \([a-zA-Z]\) , Fl -\([a-z-]*\).*/\1 \2/p' "$manual" | sort >in-manual
check "letters are the same in both" cmp in-manual in-help
if command -v mandoc >/dev/null; then
    check "mandoc finds nothing wrong" mandoc -T lint -W warning "$manual"
else
    skip "mandoc finds nothing wrong" "mandoc is absent"
fi
finish
