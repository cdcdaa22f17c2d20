# shellcheck shell=bash
# A host's life: up, ready, down.

command_up() {
  local names=() docker='' suite=$default_suite user=root disk='' limits=() link=()
  while [ $# -gt 0 ]; do
    case $1 in
      --docker) docker=-docker ;;
      --suite | --user | --disk | --mem | --cpus | --delay | --rate | --loss | --jitter)
        [ $# -gt 1 ] || usage_error "$1 wants a value"
        case $1 in
          --suite) suite=$(checked_suite "$2") ;;
          --user) user=$2 ;;
          --disk) disk=$2 ;;
          --mem) limits+=(--memory "$2" --memory-swap "$2") ;;
          --cpus) limits+=(--cpus "$2") ;;
          *) link+=("$1" "$2") ;;
        esac
        shift
        ;;
      -*) usage_error "up has no option $1" ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  [ ${#names[@]} -gt 0 ] || usage_error "name at least one host: scripts/hosts up web1"
  [[ $user =~ ^[a-z][a-z0-9_-]*$ ]] || usage_error "'$user' is not the name of an account"
  [ ${#link[@]} -eq 0 ] || link_options "${link[@]}" >/dev/null
  local name
  for name in "${names[@]}"; do
    [[ $name =~ ^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$ ]] ||
      usage_error "'$name' is not a host name: small letters, digits and hyphens"
  done

  require ip=iproute2 ssh=openssh-client nsenter=util-linux
  [ ${#link[@]} -eq 0 ] || require_python
  [ -z "$disk" ] || require mkfs.ext4=e2fsprogs losetup=mount
  ensure_engine
  raise_limits
  ensure_image "$suite$docker"
  start_together
}

# Starts all hosts that command_up was asked for (its variables are in sight) and prints their addresses in that order.
start_together() {
  local name pid failed=() pids=()
  alone claim "${names[@]}"
  say "starting ${names[*]} ($suite$docker, bench $bench)"
  for name in "${names[@]}"; do
    start_host "$name" &
    pids+=($!)
  done
  # Interrupted or failed, a host that is not ready is not left behind.
  trap 'kill "${pids[@]}" 2>/dev/null; remove_hosts "${names[@]}"; exit 130' INT TERM
  for name in "${names[@]}"; do
    pid=${pids[0]}
    pids=("${pids[@]:1}")
    wait "$pid" || failed+=("$name")
  done
  trap - INT TERM
  if [ ${#failed[@]} -gt 0 ]; then
    remove_hosts "${failed[@]}"
    die "did not start: ${failed[*]}"
  fi
  for name in "${names[@]}"; do cat "$state/$name/address"; done
}

# Gives each NAME an address that no other host of the bench has, or none to any. Runs alone.
claim() {
  local name last
  ensure_key
  ensure_network
  for name in "$@"; do
    ! docker inspect "$(container_of "$name")" >/dev/null 2>&1 || die "$name is already there (scripts/hosts down $name)"
    # Claimed, and not started yet: by an "up" that still runs, or by one that was killed.
    ! kill -0 "$(cat "$state/$name/starting" 2>/dev/null)" 2>/dev/null || die "$name is being started by another up"
    remove_host "$name"
  done
  for name in "$@"; do
    for last in $(seq 10 250); do
      grep -qsx "$subnet.$last" "$state"/*/address || break
    done
    mkdir -p "$state/$name"
    echo $$ >"$state/$name/starting"
    echo "$subnet.$last" >"$state/$name/address"
  done
}

ensure_key() {
  [ -f "$state/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C "ship-bench-$bench" -f "$state/id_ed25519"
  # Who called sudo is who will use the key.
  [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$state/id_ed25519"
}

ensure_network() {
  docker network inspect "$network" >/dev/null 2>&1 ||
    docker network create --subnet "$subnet.0/24" --gateway "$subnet.1" \
      --ipv6 --subnet "$subnet6:/64" --gateway "$subnet6:1" \
      -o com.docker.network.bridge.name="$bridge" "$network" >/dev/null
}

start_host() {
  local name=$1 started
  started=$(microseconds)
  run_container "$name"
  write_ssh_config "$name"
  wait_for_host "$name"
  [ ${#link[@]} -eq 0 ] || link_slow "$name" "${link[@]}"
  rm -f "$state/$name/starting"
  say "$name ($(cat "$state/$name/address")) is ready after $(since "$started")"
}

# No --privileged: some machines lack a capability that it asks for. SYS_TIME, SYS_MODULE and SYS_RAWIO would act on the
# machine below; SYS_RESOURCE is missing on such machines, and all hosts should be alike.
run_container() {
  local name=$1 address volume=/var/lib/host-disk cgroup=''
  address=$(cat "$state/$name/address")
  [ -z "$disk" ] || volume=$(make_disk "$name"):/var/lib/host-disk
  # systemd 258 knows cgroup v2 only.
  [ "$suite" != sid ] || cgroup=unified
  docker run -d --name "$(container_of "$name")" --hostname "$name" \
    --network "$network" --ip "$address" --ip6 "$subnet6:${address##*.}" \
    --label "ship-bench.bench=$bench" --label "ship-bench.name=$name" --label "ship-bench.user=$user" \
    --label "ship-bench.suite=$suite" --label "ship-bench.docker=${docker:+yes}" \
    --cap-add ALL --cap-drop SYS_RESOURCE --cap-drop SYS_TIME --cap-drop SYS_MODULE --cap-drop SYS_RAWIO \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
    --device-cgroup-rule 'c *:* rwm' --cgroupns=private \
    --tmpfs /run:exec,mode=755 --tmpfs /run/lock --shm-size 256m \
    --stop-signal SIGRTMIN+3 --stop-timeout 30 --restart on-failure \
    -e HOST_USER="$user" -e HOST_KEY="$(cat "$state/id_ed25519.pub")" -e HOST_DNS="$(machine_dns)" \
    -e HOST_CGROUP="$cgroup" -v "$volume" "${limits[@]}" "$repository:$suite$docker" >/dev/null </dev/null
}

# The first name server of this machine that a host can reach: not a stub on loopback.
machine_dns() {
  awk '$1 == "nameserver" && $2 !~ /^127\./ { print $2; exit }' /etc/resolv.conf /run/systemd/resolve/resolv.conf 2>/dev/null
}

# A file system of its own, as a Docker volume; prints the volume's name.
make_disk() {
  local name=$1 volume image loop
  volume=$(container_of "$name")-disk
  image=$disks/$name.ext4
  mkdir -p "$disks"
  rm -f "$image"
  truncate -s "$disk" "$image"
  mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard "$image"
  loop=$(losetup -f --show "$image")
  echo "$loop" >"$state/$name/loop"
  docker volume create --driver local -o type=ext4 -o device="$loop" "$volume" >/dev/null
  echo "$volume"
}

write_ssh_config() {
  cat >"$state/$1/ssh_config" <<CONFIG
Host $1
  HostName $(cat "$state/$1/address")
  User $user
  IdentityFile $state/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile $state/$1/known_hosts
  StrictHostKeyChecking accept-new
  LogLevel ERROR
CONFIG
}

# Until ssh lets us in, the boot is over, and Docker, where it is installed, answers.
wait_for_host() {
  local name=$1 address end=$((SECONDS + 60))
  address=$(cat "$state/$name/address")
  until timeout 2 bash -c "exec 3<>/dev/tcp/$address/22" 2>/dev/null; do
    [ $SECONDS -lt $end ] || not_ready "$name" "no sshd answers at $address"
    sleep 0.05
  done
  # Logins are refused until the boot is far enough, so the login itself is tried again.
  until ssh -F "$state/$name/ssh_config" -o ConnectTimeout=5 "$name" '
    s=; [ "$(id -u)" = 0 ] || s=sudo
    $s systemctl is-system-running --wait >/dev/null 2>&1
    ! command -v dockerd >/dev/null || [ "$($s systemctl is-enabled docker)" != enabled ] ||
      timeout 20 $s sh -c "until docker info >/dev/null 2>&1; do sleep 0.05; done"' </dev/null 2>/dev/null; do
    [ $SECONDS -lt $end ] || not_ready "$name" "its boot did not end"
    sleep 0.1
  done
  [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID" "$state/$name"
}

not_ready() {
  local container
  container=$(container_of "$1")
  say "$1 is not ready after 60 s: $2"
  docker inspect -f 'its container is {{.State.Status}} and was started again {{.RestartCount}} times' "$container" >&2 || true
  docker logs --tail 20 "$container" >&2 </dev/null || true
  exit 1
}

command_down() {
  local names=("$@")
  [ $# -gt 0 ] || usage_error "which hosts? (scripts/hosts down --all)"
  if ! engine_runs; then
    say "no engine runs, so there are no hosts"
    return
  fi
  if [ "$1" = --all ]; then
    mapfile -t names < <(host_names)
  fi
  remove_hosts "${names[@]}"
  if [ "$1" = --all ]; then
    docker network rm "$network" >/dev/null 2>&1 || true
    rm -rf "$state" "$disks"
  fi
}

# Every host of the bench: those that run, and those of which only the folder is left.
host_names() {
  {
    docker ps -a --filter "label=ship-bench.bench=$bench" --format '{{.Label "ship-bench.name"}}'
    find "$state" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null
  } | sort -u
}

remove_hosts() {
  local name pids=()
  for name in "$@"; do
    remove_host "$name" &
    pids+=($!)
  done
  [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}"
}

remove_host() {
  local name=$1 container
  container=$(container_of "$name")
  [ ! -d "$state/$name" ] || forget_link "$name"
  docker rm -fv "$container" >/dev/null 2>&1 </dev/null || true
  if [ -f "$state/$name/loop" ]; then
    docker volume rm "$container-disk" >/dev/null 2>&1 || true
    losetup -d "$(cat "$state/$name/loop")" 2>/dev/null || true
    rm -f "$disks/$name.ext4"
  fi
  rm -rf "${state:?}/$name"
}
