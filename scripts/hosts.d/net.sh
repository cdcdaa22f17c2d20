# shellcheck shell=bash
# Faults of a host's network. Nothing is done inside the host: its cable, the pair of interfaces that joins it to the
# bench's bridge, is what gets cut, or led through wire.py, which delays and paces.

command_net() {
  local name=${1:-} fault=${2:-}
  require_host "$name"
  shift $(($# < 2 ? $# : 2))
  [ "$fault" = slow ] || [ $# -eq 0 ] || usage_error "net $name $fault takes no options"
  case $fault in
    slow)
      [ $# -gt 0 ] || set -- --delay 40ms --rate 20mbit
      link_options "$@" >/dev/null
      require_python
      link_slow "$name" "$@"
      ;;
    cut) link_cut "$name" ;;
    unplug) ip link set "$(cable_of "$name")" down ;;
    heal) link_heal "$name" ;;
    clear) link_clear "$name" ;;
    show) link_show "$name" ;;
    *) usage_error "net $name what? cut, unplug, heal, slow, clear or show" ;;
  esac
}

# Our options as wire.py's; the delay of a round trip becomes that of one way.
link_options() {
  local value
  while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || usage_error "$1 wants a value"
    value=$2
    case $1 in
      --delay | --jitter) value=${value%ms} ;;
      --rate) value=${value%mbit} ;;
      --loss) value=${value%\%} ;;
      *) usage_error "a link has no option $1" ;;
    esac
    [[ $value =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage_error "$1 '$2': write 40ms, 20mbit or 1%"
    [ "$1" != --delay ] || value=$(awk "BEGIN { print $value / 2 }")
    printf '%s\n%s\n' "$1" "$value"
    shift 2
  done
}

# The system's own Python: wrappers that choose a version cost more time than the work.
python=/usr/bin/python3
require_python() { [ -x "$python" ] || install_packages python3; }
wire() { "$python" "$PARTS/wire.py" "$@"; }

host_pid() { docker inspect -f '{{.State.Pid}}' "$(container_of "$1")" </dev/null; }

# This end of the host's cable.
cable_of() {
  local pid index
  pid=$(host_pid "$1")
  [ "$pid" != 0 ] || die "$1 is off"
  index=$(nsenter -t "$pid" -n ip -o link show eth0 | sed -n 's/.*eth0@if\([0-9]*\):.*/\1/p')
  ip -o link | awk -F': ' -v index_wanted="$index" '$1 == index_wanted { sub(/@.*/, "", $2); print $2 }'
}

# What of the host is plugged into the bridge: its cable, or the far end of the wire.
plug_of() {
  if wire_runs "$1"; then
    cut -d' ' -f2 "$state/$1/wire"
  else
    cable_of "$1"
  fi
}

wire_runs() {
  local pid
  pid=$(cut -d' ' -f1 "$state/$1/wire" 2>/dev/null) || return 1
  grep -qs wire.py "/proc/$pid/cmdline"
}

link_slow() {
  local name=$1 cable far pid options
  shift
  link_clear "$name"
  cable=$(cable_of "$name")
  far=sbw$(cat "/sys/class/net/$cable/ifindex")
  mapfile -t options < <(link_options "$@")
  ip link add "$far" type veth peer name "${far}i"
  ip link set "$cable" nomaster
  ip link set "${far}i" up
  ip link set "$far" master "$bridge" up
  pid=$(host_pid "$name")
  wire --plain "$far"
  nsenter -t "$pid" -n "$python" "$PARTS/wire.py" --plain eth0
  pid=$(wire "$cable" "${far}i" "${options[@]}" </dev/null)
  echo "$pid $far" >"$state/$name/wire"
  echo "$*" >"$state/$name/slow"
}

# Without a fixed neighbour entry the first packet would fail at once with "no route to host"; a dead route is silent.
link_cut() {
  local mac
  mac=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}' "$(container_of "$1")")
  ip neigh replace "$(cat "$state/$1/address")" lladdr "$mac" nud permanent dev "$bridge"
  ip link set "$(plug_of "$1")" nomaster
  : >"$state/$1/cut"
}

link_heal() {
  forget_cut "$1"
  ip link set "$(cable_of "$1")" up
  ip link set "$(plug_of "$1")" master "$bridge"
}

link_clear() {
  forget_link "$1"
  [ "$(host_pid "$1")" != 0 ] || return 0
  link_heal "$1"
}

link_show() {
  local name=$1 cut=no slow='no limits'
  [ ! -e "$state/$name/cut" ] || cut=yes
  ! wire_runs "$name" || slow=$(cat "$state/$name/slow")
  echo "cut: $cut"
  echo "slow: $slow"
  ip -br link show "$(cable_of "$name")"
}

forget_cut() {
  ip neigh del "$(cat "$state/$1/address")" dev "$bridge" 2>/dev/null || true
  rm -f "$state/$1/cut"
}

# Ends what runs on this machine for the link of a host; the host itself may be gone.
forget_link() {
  local name=$1 pid far
  forget_cut "$name"
  if [ -f "$state/$name/wire" ]; then
    read -r pid far <"$state/$name/wire"
    ! wire_runs "$name" || kill "$pid" 2>/dev/null || true
    ip link del "$far" 2>/dev/null || true
    rm -f "$state/$name/wire" "$state/$name/slow"
  fi
}
