# SOCKET PROGRAM…: runs a program that relays stdin and stdout to a unix socket, as root if this user may not use the
# socket. "ok" says that the bytes may come.
socket=$1
shift
sudo=
if [ "$(id -u)" != 0 ] && ! [ -w "$socket" ]; then
  sudo='sudo -n'
fi
if ! $sudo test -S "$socket"; then
  echo "there is no socket at $socket that $(id -un) may use" >&2
  exit 1
fi
command -v "$1" >/dev/null || { echo "$1 is not installed" >&2; exit 1; }
printf 'ok\n'
exec $sudo env DOCKER_HOST="unix://$socket" "$@"
