#!/usr/bin/env bash
# Start a Slurm of one node on loopback, for tests: start.sh FOLDER. End it with stop.sh FOLDER.
#
# FOLDER holds its state, logs, sockets and pid files; keep the path short, sockets allow about 100 characters.
# Needs root and, where Slurm is not installed, Debian packages. Nothing happens to what runs already.
# Exit codes: 0 an idle node; 3 it cannot be had on this machine; 1 it ought to have started and did not.
set -euo pipefail

CPUS=2  # that the node claims to have
PACKAGES=(munge slurmctld slurmd slurm-client)
CONF=/etc/slurm/slurm.conf
MARK='# of the tests of hashcredit, state in '

say() { echo "test Slurm: $*" >&2; }
impossible() { say "$*"; exit 3; }
alive() {  # pid file, name of the process; a zombie is dead
    local pid
    pid=$(cat "$1" 2>/dev/null) && [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$2" ]] \
        && ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status"
}
# No daemon inherits our environment, which jobs would see, or our output, whose reader would wait for its end.
daemon() { env -i PATH="$PATH" "$@" </dev/null >>"$STATE/log/start.log" 2>&1; }

(( $# == 1 )) || { say "usage: start.sh FOLDER"; exit 2; }
mkdir -p "$1"
STATE=$(cd "$1" && pwd -P)
PATH=$PATH:/usr/sbin:/sbin
NODE=$(hostname -s)
RUN=$STATE/run

(( EUID == 0 )) || impossible "needs root"
(( ${#STATE} <= 60 )) || impossible "$STATE is too long a path for sockets; at most 60 characters"
if [[ -e $CONF ]]; then
    owner=$(head -1 "$CONF")
    [[ $owner == "$MARK"* ]] || impossible "$CONF is not ours: another Slurm is configured on this machine"
    other=${owner#"$MARK"}
    if [[ $other != "$STATE" ]] && { alive "$other/run/slurmctld.pid" slurmctld || alive "$other/run/slurmd.pid" slurmd; }; then
        impossible "another one runs; end it with $(dirname "$(realpath "$0")")/stop.sh $other"
    fi
fi

# Packages. The configuration comes later: services that packages start find none and stay down.
for program in munged slurmctld slurmd sbatch; do
    command -v "$program" >/dev/null || missing=1
done
if [[ ${missing:-} ]]; then
    command -v apt-get >/dev/null || impossible "Slurm is not installed, and there is no apt-get"
    say "installing ${PACKAGES[*]}"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}"; } >/dev/null 2>&1 \
        || impossible "apt-get cannot install ${PACKAGES[*]}"
fi

mkdir -p "$STATE"/{ctld,spool,log,run} /etc/slurm
chmod 755 "$STATE" "$STATE"/{ctld,spool,log,run}  # munged insists
memory=$(awk '/^MemTotal/{print int($2 / 1024 * 9 / 10)}' /proc/meminfo)

# A running slurmctld keeps its configuration.
if ! alive "$RUN/slurmctld.pid" slurmctld; then
    cat >"$CONF" <<END
$MARK$STATE
ClusterName=hashcredit
SlurmctldHost=$NODE(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job starts no earlier than cred_expire + 1 s later: 121 s by default, 6 s at least.
AuthInfo=socket=$RUN/munge.socket,cred_expire=5
# Listen on loopback only.
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=6817
SlurmdPort=6818
StateSaveLocation=$STATE/ctld
SlurmdSpoolDir=$STATE/spool
SlurmctldPidFile=$RUN/slurmctld.pid
SlurmdPidFile=$RUN/slurmd.pid
SlurmctldLogFile=$STATE/log/slurmctld.log
SlurmdLogFile=$STATE/log/slurmd.log
# Containers often have no cgroups. A process group is whole even when its leader, the batch shell, is gone.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobCompType=jobcomp/filetxt
JobCompLoc=$STATE/log/jobs.log
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=256
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=2
JobRequeue=1
# A node that was set down stays down until it is resumed.
ReturnToService=1
# From the warning (SIGTERM) to the end (SIGKILL) of a job that is cancelled or out of time: 30 s by default.
KillWait=3
MinJobAge=3600
SlurmdParameters=config_overrides
SlurmctldTimeout=30
SlurmdTimeout=30
NodeName=$NODE NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$memory State=UNKNOWN
PartitionName=test Nodes=$NODE Default=YES MaxTime=INFINITE DefaultTime=60 State=UP
END
fi

if ! alive "$RUN/munged.pid" munged; then  # with key and socket of its own, beside one that the system may run
    [[ -s $RUN/munge.key ]] || (umask 077; dd if=/dev/urandom of="$RUN/munge.key" bs=128 count=1 status=none)
    rm -f "$RUN/munge.socket"*
    daemon munged --key-file="$RUN/munge.key" --socket="$RUN/munge.socket" --pid-file="$RUN/munged.pid" \
        --log-file="$STATE/log/munged.log" --seed-file="$RUN/munged.seed"
fi
alive "$RUN/slurmctld.pid" slurmctld || daemon slurmctld -i
alive "$RUN/slurmd.pid" slurmd || daemon slurmd

for _ in $(seq 300); do
    case $(sinfo -h -p test -o %T 2>/dev/null || true) in
        idle | mixed | allocated) exit 0 ;;
        down* | drain*) scontrol update nodename="$NODE" state=resume 2>/dev/null || true ;;
    esac
    sleep 0.1
done
say "the node did not come up; the ends of the logs in $STATE/log:"
tail -n 5 "$STATE"/log/*.log >&2
exit 1
