# Starts ship-proxy and waits until it answers; if it does not, the one that ran before is put back. Arguments: the
# account, what identifies the container, the path of the status, and what follows `docker run`. Needs socket.sh.
trap '' HUP PIPE
account=$1 made=$2 status_path=$3
shift 3
socket=/var/lib/ship/proxy/control.sock
there() { docker container inspect "$1" >/dev/null 2>&1; }

# The container that was replaced, and the images of other versions.
forget_others() {
  if there ship-proxy-before; then docker rm --force ship-proxy-before >/dev/null; fi
  current=$(docker container inspect --format '{{.Config.Image}}' ship-proxy)
  docker image ls --format '{{.Repository}}:{{.Tag}}' ship-proxy | grep -vxF "$current" | xargs -r docker image rm >/dev/null 2>&1
}

# An interrupted run may have left the one before under its other name.
if there ship-proxy-before; then
  if there ship-proxy; then docker rm --force ship-proxy-before; else docker rename ship-proxy-before ship-proxy; fi >/dev/null
fi
if there ship-proxy; then
  docker rename ship-proxy ship-proxy-before && docker stop ship-proxy-before >/dev/null || exit
fi
rm -f $socket

if docker run --user "$(id -u "$account"):$(id -g "$account")" --label "ship.proxy.made=$made" "$@" >/dev/null; then
  for _ in $(seq 75); do
    if get $socket "$status_path" >/dev/null; then
      forget_others
      exit 0
    fi
    [ "$(docker container inspect --format '{{.State.Status}} {{.RestartCount}}' ship-proxy)" != 'restarting 3' ] || break
    sleep 0.2
  done
  docker logs --tail 20 ship-proxy 2>&1
  docker container inspect --format 'E: ship-proxy is {{.State.Status}} (exit code {{.State.ExitCode}}) and does not answer' ship-proxy
fi
docker rm --force ship-proxy >/dev/null 2>&1
if there ship-proxy-before; then
  docker rename ship-proxy-before ship-proxy && docker start ship-proxy >/dev/null && echo 'the ship-proxy that ran before runs again'
fi
exit 1
