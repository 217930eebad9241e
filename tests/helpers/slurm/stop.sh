#!/usr/bin/env bash
# End what start.sh FOLDER started, by its pid files and nothing else, and remove its configuration and FOLDER.
# Exit code 1 if something would not end.
set -uo pipefail

CONF=/etc/slurm/slurm.conf
MARK='# of the tests of hashcredit, state in '

say() { echo "test Slurm: $*" >&2; }
running() {  # pid, name of the process; prints nothing, a zombie is dead
    [[ -n $1 && $(cat "/proc/$1/comm" 2>/dev/null) == "$2" ]] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}
end() {  # name of the process
    local pid
    pid=$(cat "$STATE/run/$1.pid" 2>/dev/null) && running "$pid" "$1" || return 0
    kill -TERM "$pid"
    for _ in $(seq 100); do running "$pid" "$1" || return 0; sleep 0.1; done
    kill -KILL "$pid"
    for _ in $(seq 20); do running "$pid" "$1" || return 0; sleep 0.1; done
    say "$1 $pid does not end"; failed=1
}
jobs_of_ours() { timeout 5 squeue --noheader --format %A 2>/dev/null; }

(( $# == 1 )) || { say "usage: stop.sh FOLDER"; exit 2; }
STATE=$(cd "$1" 2>/dev/null && pwd -P) || exit 0
PATH=$PATH:/usr/sbin:/sbin
failed=0

if [[ $(head -1 "$CONF" 2>/dev/null) == "$MARK$STATE" ]]; then
    if running "$(cat "$STATE/run/slurmctld.pid" 2>/dev/null)" slurmctld; then
        # A job cannot be seen to end on a node that is down.
        timeout 5 scontrol update nodename="$(hostname -s)" state=resume 2>/dev/null
        jobs_of_ours | sort -u | xargs -r timeout 20 scancel 2>/dev/null
        for _ in $(seq 100); do [[ -z $(jobs_of_ours) ]] && break; sleep 0.1; done
    fi
    mine=1
fi
end slurmd
end slurmctld
end munged
[[ ${mine:-} ]] && rm -f "$CONF"
(( failed )) || rm -rf "$STATE"
exit "$failed"
