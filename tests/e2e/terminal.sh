#!/bin/sh
# The dashboard in a real terminal (tmux): keys, signals, sizes; and the terminal afterwards.
# TAP on stdout; skipped without tmux.
set -u
command -v tmux >/dev/null 2>&1 || { echo "1..0 # SKIP tmux is not installed"; exit 0; }

scratch=$(pwd)/tests/scratch-e2e-$$
mkdir -p "$scratch" || exit 99
server=0 # a tmux server for each terminal: one that is ending must not be met
tests=0
failed=0
deadline=${E2E_SECONDS:-20}

t() { tmux -L "qatop-$$-$server" -f /dev/null "$@"; }
cleanup() {
    t kill-server 2>/dev/null
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

result() { # $1: 0 when it held, $2: what must hold
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        failed=$((failed + 1))
        echo "not ok $tests - $2"
        t capture-pane -p 2>/dev/null | sed 's/^/# /'
    fi
}

# Waits until the command given succeeds; 1 after the deadline.
await() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -gt $((deadline * 20)) ] && return 1
        sleep 0.05
    done
}
shows() { t capture-pane -p | grep -q -e "$1"; }
shows_not() { ! shows "$1"; }
is_there() { [ -s "$1" ]; }
keys() { t send-keys "$@"; }
# A menu is deaf for a moment after it opened.
answers() { keys "$1" && sleep 0.05 && shows_not 'Quit while training'; }
is_left() { keys y && sleep 0.05 && is_there "$scratch/status"; }

# A shell with job control in a terminal of $1 columns and $2 rows.
open() {
    t kill-server 2>/dev/null
    server=$((server + 1))
    rm -f "$scratch"/before "$scratch"/after "$scratch"/status
    t new-session -d -x "$1" -y "$2" "env TERM=xterm-256color PS1='prompt> ' bash --norc --noprofile -i" || return 1
    t set-option -g remain-on-exit on >/dev/null
    await shows 'prompt>'
}

# Start qatop there with the arguments given; its status and the terminal's settings before and
# after land in files.
start() {
    cat >"$scratch/go" <<EOF
stty -g >'$scratch/before'
$* --out '$scratch/out' --threads 1
echo \$? >'$scratch/status.part'
stty -g >'$scratch/after'
mv '$scratch/status.part' '$scratch/status'
EOF
    keys ". '$scratch/go'" Enter
}
dashboard() { start "'$QATOP' --pace 5 $*"; }
ended() { await is_there "$scratch/status"; }
status() { cat "$scratch/status"; }

# The terminal is as it was: settings, the ordinary screen, a visible cursor.
is_restored() {
    cmp -s "$scratch/before" "$scratch/after" || return 1
    [ "$(t display-message -p '#{alternate_on}#{cursor_flag}')" = 01 ]
}
pid() { # of the qatop below the pane's shell
    pgrep -P "$(t display-message -p '#{pane_pid}')" | head -1
}
leaves() { # $1: expected status, $2: what was done
    ended && [ "$(status)" = "$1" ] && is_restored
    result $? "$2: status $1, terminal restored"
}

# ---- keys ------------------------------------------------------------------------------------

open 80 24 && dashboard && await shows '\[TRAIN\]'
result $? 'a run is on the screen'
await shows 'INT8 9'
result $? 'the accuracy of the integer model is shown'
keys p && await shows '\[PAUSED\]'
result $? 'p pauses'
keys p && await shows '\[TRAIN\]'
result $? 'p resumes'
keys Z && await shows 'FROZEN' && shows '\[TRAIN\]'
result $? 'Z freezes the view while training goes on'
keys Z && await shows_not 'FROZEN'
result $? 'Z thaws it'
keys '?' && await shows 'in this panel'
result $? '? opens the help'
keys Escape && await shows_not 'in this panel'
result $? 'Esc closes it'
keys e && await shows 'verified'
result $? 'e exports and verifies'
[ -s "$scratch/out/model_int8.tflite" ]
result $? 'the exported file is there'
keys q && await shows 'Quit while training'
result $? 'q asks'
keys q q q && shows 'Quit while training' && [ ! -s "$scratch/status" ]
result $? 'more q do not answer'
keys Escape && await shows_not 'Quit while training'
result $? 'Esc goes on'
keys q && await shows 'Quit while training' && await answers y
leaves 0 'q and y'
shows 'checkpoint'
result $? 'what was written is said on the ordinary screen'

# ---- signals ---------------------------------------------------------------------------------

open 100 30 && dashboard && await shows 'INT8 9' && keys C-c
leaves 130 'Ctrl-C'
ls "$scratch"/out/checkpoint* >/dev/null 2>&1
result $? 'Ctrl-C wrote a checkpoint'
for case in TERM:143 HUP:129; do
    open 80 24 && dashboard && await shows 'INT8 9' && kill -"${case%:*}" "$(pid)"
    leaves "${case#*:}" "SIG${case%:*}"
done
open 80 24 && dashboard && await shows 'INT8 9' && p=$(pid) && kill -INT "$p" && kill -INT "$p"
leaves 130 'SIGINT twice'
for case in SEGV:139 ABRT:134; do
    open 80 24 && dashboard && await shows 'INT8 9' && kill -"${case%:*}" "$(pid)"
    # A sanitizer ends with a status of its own.
    ended && [ "$(status)" != 0 ] && is_restored
    result $? "SIG${case%:*}: terminal restored"
done

open 80 24 && dashboard && await shows 'INT8 9' && keys C-z && await shows 'Stopped'
result $? 'Ctrl-Z gives the shell back'
[ "$(t display-message -p '#{alternate_on}')" = 0 ]
result $? 'on the ordinary screen'
keys fg Enter && await shows 'INT8 9' && shows '\[TRAIN\]'
result $? 'fg brings the dashboard back'
keys C-c && await shows_not '\[TRAIN\]'
result $? 'and it still listens'

# ---- failed starts ---------------------------------------------------------------------------

open 80 24 && dashboard --theme nonsense && ended && [ "$(status)" != 0 ] && is_restored
result $? 'an unknown theme leaves the terminal alone'
open 80 24 && dashboard /nonexistent.h5 && ended && [ "$(status)" = 1 ] && is_restored
result $? 'a model that is not there leaves the terminal alone'
open 80 24 && start "TERM=nonsense '$QATOP' --steps 3" && ended && is_restored
result $? 'an unknown terminal leaves the terminal alone'
shows "unknown terminal type 'nonsense'"
result $? 'and is named'

# ---- sizes -----------------------------------------------------------------------------------

open 120 40 && dashboard && await shows 'INT8 9'
for size in 80x24 1x1 200x60 20x4 40x10 3x50 220x2 79x23 121x41 2x2 60x16 10x1 119x39 80x24; do
    t resize-window -x "${size%x*}" -y "${size#*x}"
done
await shows '\[TRAIN\]' && await shows 'ranges'
result $? 'it survives a storm of sizes'
t resize-window -x 1 -y 1 && await shows 'T'
result $? 'one cell shows the state'
keys q && await is_left && ended && [ "$(status)" = 0 ]
result $? 'q and y leave at 1x1'
t resize-window -x 80 -y 24
is_restored
result $? 'and restore the terminal'

# ---- looks -----------------------------------------------------------------------------------

open 80 24 && dashboard --ascii --no-color && await shows 'INT8 9'
result $? '--ascii --no-color shows a run'
[ "$(t capture-pane -p -e | LC_ALL=C tr -d ' -~\n\033' | wc -c)" = 0 ]
result $? 'in ASCII alone'
t capture-pane -p -e | grep -q "$(printf '\033')\[[0-9;]*[34][0-8]"
[ $? = 1 ]
result $? 'without a colour'
keys C-c && ended

echo "1..$tests"
[ $failed = 0 ]
