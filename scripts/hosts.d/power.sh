# shellcheck shell=bash
# Faults of a host's power.

command_power() {
  local name=${1:-} container
  require_host "$name"
  container=$(container_of "$name")
  case ${2:-} in
    off) docker stop "$container" >/dev/null ;;
    on) power_on "$name" ;;
    cut) docker kill -s KILL "$container" >/dev/null ;;
    cycle)
      docker kill -s KILL "$container" >/dev/null
      power_on "$name"
      ;;
    freeze) docker pause "$container" >/dev/null ;;
    thaw) docker unpause "$container" >/dev/null ;;
    *) usage_error "power $name what? off, on, cut, cycle, freeze or thaw" ;;
  esac
}

# A boot brings a new cable, so a slow link is made anew.
power_on() {
  local name=$1 slow='' started
  started=$(microseconds)
  [ ! -f "$state/$name/slow" ] || slow=$(cat "$state/$name/slow")
  forget_link "$name"
  docker start "$(container_of "$name")" >/dev/null
  wait_for_host "$name"
  # shellcheck disable=SC2086 # options and their values, as they were given
  [ -z "$slow" ] || link_slow "$name" $slow
  say "$name is ready after $(since "$started")"
}
