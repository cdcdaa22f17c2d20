# ROOT SCOPE SILENCE: holds the app's lease as long as it runs, and is the only writer of the app's directory.
#
# Speaks lines on stdin and stdout. First comes the holder's name; the answer is "busy HOLDER", or "held" with what the
# host remembers. Then come requests, each answered by "ok" or "err REASON", in their order. The lease ends with the
# end of stdin, and after SILENCE seconds without a line: a deployer that was cut off must not block the next one.
err() { printf 'err %s\n' "${*//$'\n'/; }"; }
give_up() { err "$@"; exit 1; }

command -v flock >/dev/null || give_up "flock is missing (package util-linux)"
if ! [ -e "$root" ] && ! mkdir -m 700 "$root" 2>/dev/null; then
  sudo -n install -d -m 700 -o "$EUID" -g "$(id -g)" "$root" || exit 1
fi
become_owner "$@"
dir=$root/apps/$2 silence=$3
IFS= read -r -t "$silence" holder || exit 1

# Someone may remove the app and its directory between opening the lease and having it.
while :; do
  said=$(mkdir -p "$dir/releases" 2>&1) || give_up "$said"
  cd "$dir" || give_up "cannot enter $dir"
  exec 9<>lease || give_up "cannot open the lease in $dir"
  if ! flock --wait 0.3 9; then
    printf 'busy %s\n' "$(head -n 1 lease)"
    exit 0
  fi
  [ lease -ef /dev/fd/9 ] && break
done
printf '%s\n' "$holder" 2>/dev/null >lease
printf 'held\n'
memory
printf 'end\n'

# try COMMAND…: "ok", or "err" with what it said.
try() {
  if said=$("$@" 2>&1 >/dev/null); then printf 'ok\n'; else err "${said:-it failed}"; fi
}

# append TEXT: all of it or nothing, whatever happens to the disk.
append() {
  local size=0
  [ ! -f ledger.jsonl ] || size=$(stat -c %s ledger.jsonl) || return 1
  printf %s "$1" >>ledger.jsonl && sync ledger.jsonl && return 0
  truncate -s "$size" ledger.jsonl && sync ledger.jsonl
  return 1
}

# put MODE PATH BASE64: there is the old file or the whole new one, never a part.
put() {
  mkdir -p "${2%/*}" || return 1
  if printf %s "$3" | base64 -d >"$2.new" && chmod "$1" "$2.new" && sync "$2.new" &&
    mv -f "$2.new" "$2" && sync "${2%/*}"; then
    return 0
  fi
  rm -f "$2.new"
  return 1
}

cut_ledger() { truncate -s "$1" ledger.jsonl && sync ledger.jsonl; }
forget_release() { rm -rf "releases/$1" && sync releases; }
forget_app() { cd / && rm -rf "$dir"; }

while IFS= read -r -t "$silence" request; do
  read -r verb first second <<<"$request"
  case $verb in
    ping) printf 'ok\n' ;;
    append)
      lines=
      while [ "$first" -gt 0 ] && IFS= read -r -t "$silence" line; do
        lines+=$line$'\n'
        first=$((first - 1))
      done
      [ "$first" = 0 ] || exit 1
      try append "$lines"
      ;;
    put)
      content=
      while IFS= read -r -t "$silence" line && [ "$line" != . ]; do content+=$line; done
      [ "$line" = . ] || exit 1
      try put "$first" "$second" "$content"
      ;;
    get)
      printf 'ok\n'
      emit "$first"
      printf 'end\n'
      ;;
    cut) try cut_ledger "$first" ;;
    forget) try forget_release "$first" ;;
    forget-app)
      try forget_app
      exit 0
      ;;
    *) err "unknown request $verb" ;;
  esac
done
