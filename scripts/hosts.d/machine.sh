# shellcheck shell=bash
# What the machine below the hosts needs: root, a few packages, a Docker Engine of its own.

# The hosts' network and power are this kernel's, so an engine somewhere else is of no use.
unset DOCKER_CONTEXT
export DOCKER_HOST=unix:///var/run/docker.sock
engine_log=/var/log/ship-bench-dockerd.log # where no service manager keeps one

# Bridges, loop devices and name spaces need root; a developer gets the key and the state as their own.
become_root() {
  [ "$EUID" -ne 0 ] || return 0
  command -v sudo >/dev/null || die "run this as root (there is no sudo here)"
  exec sudo SHIP_BENCH="$bench" "$PARTS/../hosts" "$@"
}

# Installs what provides the given commands: COMMAND=PACKAGE…
require() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

install_packages() {
  command -v apt-get >/dev/null || die "install $* first (only Debian and Ubuntu are handled here)"
  say "installing $*"
  local log
  log=$(mktemp)
  # The package lists of a fresh machine are empty or old; fetching them is only worth it then.
  apt_install "$@" >"$log" 2>&1 </dev/null ||
    { apt-get update && apt_install "$@"; } >"$log" 2>&1 </dev/null ||
    { tail -20 "$log" >&2; die "apt could not install $*"; }
  rm -f "$log"
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# Every systemd takes a dozen inotify instances, and the usual 128 end with the tenth host, whose systemd then dies.
raise_limits() {
  local wanted=8192 limit=/proc/sys/fs/inotify/max_user_instances
  [ "$(cat $limit)" -lt $wanted ] || return 0
  if echo $wanted 2>/dev/null >$limit; then
    say "raised fs.inotify.max_user_instances to $wanted until the next boot, since each host needs some"
  else
    say "fs.inotify.max_user_instances is $(cat $limit) and cannot be raised: that is enough for about ten hosts"
  fi
}

# Starts a command that outlives this script and holds on to nothing of it: not its terminal, not a pipe that a caller
# waits on, not a lock.
detach() {
  local log=$1 fd
  shift
  (
    exec </dev/null >>"$log" 2>&1
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
    done
    exec setsid "$@"
  ) &
}

engine_runs() { command -v docker >/dev/null && docker info >/dev/null 2>&1 </dev/null; }

command_engine() {
  [ $# -eq 0 ] || usage_error "engine takes no arguments"
  ensure_engine
  say "Docker Engine $(docker version -f '{{.Server.Version}}') runs here"
}

ensure_engine() {
  ! engine_runs || return 0
  (
    flock 9
    engine_runs || start_engine 9>&-
  ) 9>/run/lock/ship-bench-engine
}

start_engine() {
  local started pid
  started=$(microseconds)
  require dockerd=docker.io iptables=iptables
  require docker=docker-cli # a package of its own since Debian 13
  # Where a service manager runs, it owns the engine; installing has started it already.
  if [ -d /run/systemd/system ]; then
    systemctl start docker
  else
    # A pid file that an earlier life of this machine left behind stops dockerd when another process has that pid now.
    pid=$(cat /var/run/docker.pid 2>/dev/null || true)
    [ -z "$pid" ] || [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || rm -f /var/run/docker.pid
    detach "$engine_log" dockerd
  fi
  for _ in $(seq 300); do
    if engine_runs; then
      say "started Docker Engine in $(since "$started")"
      return
    fi
    sleep 0.1
  done
  tail -10 "$engine_log" >&2 2>/dev/null || journalctl -n 10 -u docker >&2 2>/dev/null || true
  die "Docker Engine did not start"
}
