# Says what a server is like, as lines of KEY=VALUE; values whose key ends in 64 are base64. It changes nothing.
# Arguments: the deploy user, and the path of the status at ship-proxy's control socket. Needs apt-lock.sh, socket.sh.
user=$1 status_path=$2
# as-root.sh says who logged in.
: "${login:?}"
state=/var/lib/ship

say() { printf '%s=%s\n' "$1" "$(printf %s "$2" | tr '\n' ' ')"; }
blob() { printf '%s64=' "$1"; base64 -w0; echo; }
has() { command -v "$1" >/dev/null 2>&1; }

system() {
  say login "$login"
  if [ "$(id -u)" = 0 ]; then say privileged yes; fi
  (
    # shellcheck source=/dev/null
    . /etc/os-release
    say os_id "${ID:-}"
    say os_version "${VERSION_ID:-}"
    say os_name "${PRETTY_NAME:-${ID:-an unknown system}}"
  )
  say machine "$(uname -m)"
  if [ -d /run/systemd/system ]; then say systemd yes; fi
  if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] && ! has apparmor_parser; then
    say lacks_apparmor_tools yes
  fi
  say disk_free "$(df -B1 --output=avail / | tail -n 1)"
}

apt() {
  holder=$(apt_holder)
  if [ -z "$holder" ] && cloud_init_runs; then holder=cloud-init; fi
  say apt_held_by "$holder"
}

engine() {
  say dockerd "$(command -v dockerd)"
  say docker_version "$(dockerd --version 2>/dev/null)"
  package=$(dpkg-query -S /usr/bin/dockerd /usr/sbin/dockerd 2>/dev/null | head -n 1 | cut -d: -f1)
  say docker_package "$package"
  # Not "installed" if dpkg was cut off half-way, or is still at it.
  if [ -n "$package" ]; then say docker_package_state "$(dpkg-query -Wf '${db:Status-Status}' "$package")"; fi
  say docker_client "$(command -v docker)"
  case $(readlink -f "$(command -v docker)" 2>/dev/null) in
    */snap/* | */snap) say docker_foreign 'a snap' ;;
    */podman*) say docker_foreign podman ;;
    *) if docker --version 2>/dev/null | grep -qi podman; then say docker_foreign podman; fi ;;
  esac
  say docker_unit "$(systemctl show -p LoadState,ActiveState,UnitFileState docker.service 2>/dev/null)"
  if [ -r /etc/docker/daemon.json ]; then
    blob settings </etc/docker/daemon.json
  elif [ -e /etc/docker/daemon.json ] || { [ -d /etc/docker ] && ! [ -x /etc/docker ]; }; then
    say settings_unreadable yes
  fi
  if [ -e /run/ship-docker-settings ]; then say settings_pending yes; fi
  socket=/var/run/docker.sock
  # Where Docker does not run, asking its socket would start it.
  if [ -S "$socket" ] && systemctl -q is-active docker.service; then
    get "$socket" /info | blob info
    get "$socket" '/containers/json' | blob containers
    get "$socket" /containers/ship-proxy/json | blob proxy
    get "$socket" '/images/json?filters=%7B%22reference%22%3A%5B%22ship-proxy%22%5D%7D' | blob images
  fi
  get $state/proxy/control.sock "$status_path" | blob status
}

keys_of() { # KEY HOME
  if [ -r "$2/.ssh/authorized_keys" ]; then blob "$1" <"$2/.ssh/authorized_keys"; fi
}

accounts() {
  keys_of login_keys "$(getent passwd "$login" | cut -d: -f6)"
  if getent passwd ship-proxy >/dev/null; then say proxy_account yes; fi
  entry=$(getent passwd "$user") || return 0
  say account_name "$user"
  say account_groups "$(id -nG "$user")"
  home=$(printf %s "$entry" | cut -d: -f6)
  keys_of account_keys "$home"
  say account_ssh "$(stat -Lc '%U %a' "$home/.ssh" 2>/dev/null)"
  say account_keys_file "$(stat -Lc '%U %a' "$home/.ssh/authorized_keys" 2>/dev/null)"
}

directories() {
  say state "$(stat -c '%U %a' $state 2>/dev/null)"
  say proxy_state "$(stat -c '%U %a' $state/proxy 2>/dev/null)"
}

# PORT PID COMM UNIT CONTAINER-ID, each of the last four - if unknown.
ports() {
  ss -Hltnp 'sport = :80 or sport = :443' 2>/dev/null | while read -r _ _ _ address _ users; do
    pid=$(printf %s "$users" | sed -n 's/^[^,]*,pid=\([0-9]*\),.*/\1/p')
    name=- unit=- container=-
    if [ -n "$pid" ]; then
      name=$(tr ' \n' '__' <"/proc/$pid/comm" | sed 's/_$//')
      unit=$(sed -n 's#.*/\([^/]*\.service\)$#\1#p' "/proc/$pid/cgroup" | head -n 1)
      container=$(sed -n 's#.*\([0-9a-f]\{64\}\).*#\1#p' "/proc/$pid/cgroup" | head -n 1)
    fi
    say listener "${address##*:} ${pid:--} ${name:--} ${unit:--} ${container:--}"
  done
}

system
apt
engine
accounts
directories
ports
say end yes
