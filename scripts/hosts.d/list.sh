# shellcheck shell=bash
# What there is, and how to reach it.

command_list() {
  case ${1:-} in
    '') list_rows | list_table ;;
    --json) list_rows | list_json ;;
    *) usage_error "list has one option: --json" ;;
  esac
}

# One line a host: its name, user, suite, docker and state, with bars between them.
list_rows() {
  engine_runs || return 0
  docker ps -a --filter "label=ship-bench.bench=$bench" --format \
    '{{.Label "ship-bench.name"}}|{{.Label "ship-bench.user"}}|{{.Label "ship-bench.suite"}}|{{.Label "ship-bench.docker"}}|{{.Status}}' |
    sed -e 's/|Up .*(Paused)$/|frozen/' -e 's/|Up .*/|on/' -e 's/|[^|]*[A-Z][^|]*$/|off/' | sort
}

list_table() {
  local name user suite docker power columns='%-16s %-14s %-8s %-9s %-7s %-7s %s\n'
  # shellcheck disable=SC2059 # the columns are ours
  printf "$columns" NAME ADDRESS USER SUITE DOCKER STATE LINK
  while IFS='|' read -r name user suite docker power; do
    # shellcheck disable=SC2059
    printf "$columns" "$name" "$(cat "$state/$name/address" 2>/dev/null || echo -)" "$user" "$suite" "${docker:-no}" \
      "$power" "$(link_of "$name")"
  done
}

# Names, accounts and addresses hold nothing that JSON would have to escape.
list_json() {
  local name user suite docker power comma=''
  printf '['
  while IFS='|' read -r name user suite docker power; do
    [ -f "$state/$name/address" ] || continue
    printf '%s\n {"name": "%s", "address": "%s", "address6": "%s", "port": 22, "user": "%s", "suite": "%s", "docker": %s, ' \
      "$comma" "$name" "$(cat "$state/$name/address")" "$(address6_of "$name")" "$user" "$suite" \
      "$([ -n "$docker" ] && echo true || echo false)"
    printf '"state": "%s", "link": "%s", "key": "%s", "ssh_config": "%s", "known_hosts": "%s"}' "$power" \
      "$(link_of "$name")" "$state/id_ed25519" "$state/$name/ssh_config" "$state/$name/known_hosts"
    comma=,
  done
  printf '\n]\n'
}

link_of() {
  if [ -e "$state/$1/cut" ]; then
    echo cut
  elif wire_runs "$1"; then
    echo slow
  else
    echo ok
  fi
}

address6_of() {
  local address
  address=$(cat "$state/$1/address")
  echo "$subnet6:${address##*.}"
}

command_address() {
  require_host "${1:-}"
  cat "$state/$1/address"
}

command_ssh_config() {
  require_host "${1:-}"
  case ${2:-} in
    '') echo "$state/$1/ssh_config" ;;
    --key) echo "$state/id_ed25519" ;;
    *) usage_error "ssh-config has one option: --key" ;;
  esac
}

command_ssh() {
  require_host "${1:-}"
  exec ssh -F "$state/$1/ssh_config" "$@"
}
