# Stands in front of the scripts that touch ship's directory, in bash: $1 is that directory.
#
# It has one owner, the deploy user. Whoever logs in works there as that owner, so that what root or an administrator
# has written can be read and changed by the next one.
set -u -o pipefail
umask 077
export LC_ALL=C
root=$1

become_owner() {
  [ -e "$root" ] || return 0
  local owner sudo=()
  owner=$(stat -c %u:%g "$root") || exit 1
  [ "${owner%:*}" != "$EUID" ] || return 0
  [ "$EUID" = 0 ] || sudo=(sudo -n)
  exec "${sudo[@]}" setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups -- \
    bash -c "$BASH_EXECUTION_STRING" "$0" "$@"
}

# emit FILE: "file SIZE NAME" and its bytes, if it is there. The size and the bytes are of one open file, so a file that
# is replaced meanwhile does no harm.
emit() {
  [ -f "$1" ] || return 0
  {
    size=$(stat -L -c %s /dev/fd/3) || return 0
    printf 'file %s %s\n' "$size" "$1"
    head -c "$size" <&3
  } 3<"$1"
}

# What a host remembers of an app, from within its directory.
memory() {
  local record
  emit ledger.jsonl
  for record in releases/*/release.json; do emit "$record"; done
}
