# shellcheck shell=bash
# The names of a bench: several can run side by side, told apart by SHIP_BENCH. Everything that one owns (containers,
# network, addresses, key, state) follows from its id, so that two of them never meet.

bench=${SHIP_BENCH:-0}
[[ $bench =~ ^[0-9]{1,2}$ ]] || { echo "hosts: SHIP_BENCH is a number from 0 to 99, not '$bench'" >&2; exit 2; }
bench=$((10#$bench))

state=/run/ship-bench/$bench      # the key, and a folder for each host
disks=/var/tmp/ship-bench-$bench  # what stands behind --disk
network=ship-bench-$bench
bridge=shipbench$bench
subnet=10.78.$bench               # /24
subnet6=fd78:$bench:              # /64
repository=ship-bench/host        # of the host images, tagged SUITE and SUITE-docker
default_suite=bookworm

say() { printf 'hosts: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
usage_error() { say "$@"; exit 2; }

# Tenths of a second are exact enough to see what is slow.
microseconds() { echo "${EPOCHREALTIME/./}"; }
since() {
  local tenths=$((($(microseconds) - $1) / 100000))
  echo "$((tenths / 10)).$((tenths % 10)) s"
}

container_of() { echo "ship-bench-$bench-$1"; }

# Fails unless the named host is there.
require_host() {
  [ -n "${1:-}" ] || usage_error "which host? (scripts/hosts list)"
  [ -f "$state/$1/address" ] || die "there is no host '$1' on bench $bench (scripts/hosts up $1)"
}

# Runs a command with the bench to itself: choosing addresses, making the key and the network.
alone() {
  mkdir -p "$state"
  (
    flock 9
    "$@" 9>&-
  ) 9>"$state/.lock"
}
