# shellcheck shell=bash
# Proves the bench on this machine: every command does what the help says, on real hosts. Nothing is left behind.

command_selftest() {
  suite=$(checked_suite "${1:-$default_suite}")
  failures=0
  tested=$bench
  [ -z "$(host_names)" ] || die "bench $bench has hosts; choose another: SHIP_BENCH=98 scripts/hosts selftest"
  log=$(mktemp)
  trap 'hosts down --all 2>/dev/null; rm -f "$log"' EXIT
  say "testing $suite on bench $tested"

  test_fresh_host
  test_docker_host
  test_link
  test_power
  test_limits
  test_two_benches
  test_races

  if [ "$failures" -gt 0 ]; then die "$failures checks failed"; fi
  say "all is well"
}

# The script itself, as a user runs it, without a terminal.
hosts() { SHIP_BENCH=$tested "$PARTS/../hosts" "$@" </dev/null; }

check() { # WHAT COMMAND…
  local what=$1 started
  shift
  started=$(microseconds)
  if "$@" >"$log" 2>&1; then
    printf 'ok    %-52s %s\n' "$what" "$(since "$started")"
  else
    printf 'FAIL  %-52s %s\n' "$what" "$(since "$started")"
    tail -8 "$log" | sed 's/^/      /'
    failures=$((failures + 1))
  fi
}

is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
not() { ! "$@"; }

# Milliseconds that a command takes; its own failure does not matter here.
milliseconds() {
  local started
  started=$(microseconds)
  "$@" >/dev/null 2>&1 || true
  echo $((($(microseconds) - started) / 1000))
}
between() { (($1 >= $2 && $1 <= $3)) || { echo "$1 is not in $2..$3"; return 1; }; }

fetch() { curl -sf -m 3 "http://$(hosts address "$1")/${2:-}"; }
page_is_served() { for _ in $(seq 30); do fetch "$1" version && return; sleep 0.1; done; return 1; }
is_silent() { local code=0; fetch "$1" >/dev/null || code=$?; is "$code" 28; }

test_fresh_host() {
  check "a fresh host is up" hosts up fresh --suite "$suite"
  check "systemd runs and nothing has failed" is "$(hosts ssh fresh systemctl is-system-running)" running
  check "there is no Docker" not hosts ssh fresh command -v docker
  check "apt-get update" hosts ssh fresh apt-get update
  # shellcheck disable=SC2016 # expanded on the host
  check "apt-get install docker.io" hosts ssh fresh 'DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends docker.io iptables $(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli) &&
    docker info'
  check "an account with sudo" user_has_sudo
}

user_has_sudo() {
  hosts up other --suite "$suite" --user deploy &&
    is "$(hosts ssh other 'id -un; sudo id -un' | xargs)" "deploy root" && hosts down other
}

test_docker_host() {
  check "a host with Docker is up" hosts up web --suite "$suite" --docker
  check "its engine has a real store" hosts ssh web 'docker info -f "{{.Driver}}" | grep -E "overlay2|overlayfs"'
  check "an image made here" "$PARTS/../app-image" selftest
  check "loads there" load_image
  check "and answers" run_app
  check "from the other host too" hosts ssh fresh "curl -sf -m 3 http://$(hosts address web)/version"
  check "list" bash -c "'$PARTS/../hosts' list --json | '$python' -m json.tool"
}

load_image() { docker save ship-example/app:selftest | ssh -F "$(hosts ssh-config web)" web docker load; }
run_app() {
  hosts ssh web docker run -d --name app --restart unless-stopped --memory 64m -p 80:3000 ship-example/app:selftest &&
    page_is_served web
}

ping_ms() { # rounded down
  hosts ssh "$1" "ping -c4 -i0.2 $subnet.1" | sed -n 's|^rtt.* = [^/]*/\([0-9]*\).*|\1|p'
}
send() { head -c 2500000 /dev/urandom | ssh -F "$(hosts ssh-config "$1")" "$1" 'cat >/dev/null'; }

test_link() {
  check "a slow link" hosts net web slow --delay 80ms --rate 20mbit
  check "a ping gains 80 ms" between "$(ping_ms web)" 80 90
  check "2.5 MB take a second" between "$(milliseconds send web)" 1000 4000
  check "clear" hosts net web clear
  check "a ping is quick again" between "$(ping_ms web)" 0 5
  check "cut" hosts net web cut
  check "nothing comes through" is_silent web
  check "heal" hosts net web heal
  check "the app answers" page_is_served web
  check "unplug" hosts net web unplug
  check "heal, plugged" hosts net web heal
  check "the app answers, plugged" page_is_served web
}

test_power() {
  check "freeze" hosts power web freeze
  check "connections are silent" is_silent web
  check "thaw" hosts power web thaw
  check "cut and boot" hosts power web cycle
  check "the app came back" page_is_served web
  check "off" hosts power web off
  check "is off" bash -c "'$PARTS/../hosts' list | grep -E '^web .* off '"
  check "on" hosts power web on
  check "the app came back again" page_is_served web
  check "a reboot from inside is another boot" reboots web
}

reboots() {
  local before
  before=$(hosts ssh "$1" cat /proc/sys/kernel/random/boot_id)
  hosts ssh "$1" systemctl reboot || true
  for _ in $(seq 100); do
    sleep 0.1
    ! hosts ssh "$1" -o ConnectTimeout=1 "grep -qv $before /proc/sys/kernel/random/boot_id" 2>/dev/null || return 0
  done
  return 1
}

test_limits() {
  check "a small disk" hosts up small --suite "$suite" --docker --disk 300m --mem 512m
  check "fills up" not hosts ssh small 'head -c 400M /dev/zero > /var/lib/docker/fill'
  check "and memory ends" not hosts ssh small 'head -c 700M /dev/zero | tail -c 650M >/dev/null'
  check "down" hosts down small
}

test_two_benches() {
  local first=$bench second=$(((bench + 1) % 100))
  tested=$second
  if [ -n "$(hosts list | tail -n +2)" ]; then
    say "skipping two benches at once: bench $second is in use"
  else
    check "a host of the same name on another bench" hosts up web --suite "$suite"
    check "has another address" not grep -q "$subnet\\." <<<"$(hosts address web)"
    check "goes without touching the first" hosts down --all
  fi
  tested=$first
  check "which still answers" page_is_served web
}

test_races() {
  check "six hosts, three at a time" six_hosts
  check "they have six addresses" is "$(cat "$state"/race*/address | sort -u | wc -l)" 6
  check "one of two starts of the same host wins" one_of_two
}

six_hosts() {
  hosts up race1 race2 race3 --suite "$suite" &
  local other=$!
  hosts up race4 race5 race6 --suite "$suite" --docker && wait "$other"
}

one_of_two() {
  local wins=0 one two
  hosts up same --suite "$suite" & one=$!
  hosts up same --suite "$suite" & two=$!
  ! wait "$one" || wins=$((wins + 1))
  ! wait "$two" || wins=$((wins + 1))
  is "$wins" 1
}
