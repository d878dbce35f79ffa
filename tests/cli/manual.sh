#!/bin/sh
# The manual has every command and option that --help has, and no other, with the same limits, choices
# and defaults as the program.
. "$(dirname "$0")/tap.sh"
manual=${ASSETS%/assets}/man/qatop.1

q --help
cp out help
commands=$(sed -n '/^Commands/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p' help)
for command in $commands; do
    check "the manual describes qatop $command" grep -qE "^\\.It Cm $command( |\$)" "$manual"
done
sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$manual" | sort >in-manual
echo "$commands" | sort >in-help
check "and of no other command" cmp in-manual in-help

sed -n 's/^  \(-[a-zA-Z], \|    \)--\([a-z-]*\).*/\2/p' help | sort >in-help
sed -n 's/^\.It Fl \([a-zA-Z] , Fl \)\{0,1\}-\([a-z-]*\).*/\2/p' "$manual" | sort >in-manual
while read -r option; do
    check "the manual describes --$option" grep -qx -- "$option" in-manual
done <in-help
check "and of no other option" cmp in-manual in-help
sed -n 's/^  -\([a-zA-Z]\), --\([a-z-]*\).*/\1 \2/p' help | sort >in-help
sed -n 's/^\.It Fl \([a-zA-Z]\) , Fl -\([a-z-]*\).*/\1 \2/p' "$manual" | sort >in-manual
check "letters are the same in both" cmp in-manual in-help

# manual_entry OPTION, help_entry OPTION: the text about it, on one line.
manual_entry() {
    awk -v option="$1" '
        /^\.(It|El|Sh)/ { inside = 0 }
        /^\.It Fl/ { line = $0 " "; inside = index(line, "-" option " ") > 0; next }
        inside { printf "%s ", $0 }' "$manual" | tr -s ' '
}
help_entry() {
    awk -v option="$1" '
        /^$|^  *(-[a-zA-Z], )?--/ { inside = 0 }
        { line = $0 " " }
        index(line, " --" option " ") { inside = 1 }
        inside { printf "%s ", $0 }' help | tr -s ' '
}
says() { # TEXT WORD: the word stands there, with nothing but punctuation around it
    printf '%s\n' "$1" | grep -qE "(^|[ (])$2([ ,;:).]|\$)"
}
# What a wrong value is answered with: the limits or the choices.
for option in epochs batch bits; do
    q run --$option x
    for limit in $(sed -n 's/.*between \([0-9]*\) and \([0-9]*\), not.*/\1 \2/p' err); do
        [ "$limit" = 1 ] && continue
        check "the manual has the limit $limit of --$option" says "$(manual_entry $option)" "$limit"
    done
    check "--$option has limits" grep -q between err
done
for option in schedule augment on-nan arch scheme io runtime theme; do
    q --$option x
    words=$(sed -n 's/.*must be \(.*\), not .*/\1/p' err | sed 's/,/ /g; s/ or / /')
    check "--$option has choices" test -n "$words"
    for word in $words; do
        check "the manual has --$option $word" says "$(manual_entry $option)" "$word"
        check "and so has --help" says "$(help_entry $option)" "$word"
    done
done
for option in epochs batch lr seed bits calibrate label-smoothing; do
    default=$(help_entry $option | sed 's/.*(\([0-9.]*\)[;)].*/\1/')
    check "--$option has the same default in both, $default" \
        sh -c "echo '$default' | grep -qxE '[0-9.]+' && echo \"\$1\" | grep -qF '($default'" - \
        "$(manual_entry $option)"
done
if command -v mandoc >/dev/null; then
    check "mandoc finds nothing wrong" mandoc -T lint -W warning "$manual"
else
    skip "mandoc finds nothing wrong" "mandoc is absent"
fi
finish
