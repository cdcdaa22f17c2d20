# SOCKET PROGRAM…: runs a program that relays stdin and stdout to a unix socket, as root if this user may not use the
# socket. "ok" says that the bytes may come.
socket=$1
shift
sudo=
if [ "$(id -u)" != 0 ] && ! [ -w "$socket" ]; then
  sudo='sudo -n'
fi
command -v "$1" >/dev/null || { echo "$1 is not installed" >&2; exit 1; }
if ! $sudo test -S "$socket"; then
  echo "$(id -un) may not use $socket, or it is not there" >&2
  exit 1
fi
# Perl says it by itself once it is connected, so that a socket that nobody serves is known at once.
[ "$1" = perl ] || printf 'ok\n'
exec $sudo env DOCKER_HOST="unix://$socket" "$@"
