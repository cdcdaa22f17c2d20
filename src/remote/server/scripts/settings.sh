# Puts a daemon.json (standard input) in place and has Docker take it in the way that the argument names. Docker runs on
# with the old one if it does not take the new one.
set -eu
trap '' HUP PIPE
file=/etc/docker/daemon.json next=/etc/docker/.daemon.json.ship before=/etc/docker/daemon.json.before-ship
# Gone after a reboot, as is the need for it: Docker reads its settings when it starts.
pending=/run/ship-docker-settings

mkdir -p /etc/docker
cat >$next
chmod 644 $next
if [ -e $file ]; then chmod --reference=$file $next; fi
# Known from Docker 23 on.
if dockerd --help 2>/dev/null | grep -q -- '--validate'; then
  dockerd --validate --config-file $next || { rm $next; exit 1; }
fi
touch $pending
rm -f $before
if [ -e $file ]; then cp -p $file $before; fi
sync $next
mv $next $file

journal() { journalctl --no-pager --quiet --output cat --unit docker --lines 15 || true; }

# The last error that Docker told, if it told one.
reason() { journal | sed -n 's/^\(time=.*level=\(error\|fatal\) msg="\)\{0,1\}\(.*unable to configure.*[^"]\)"\{0,1\}$/: \3/p' | tail -n 1; }

put_back() { # WHAT-FAILED
  journal
  echo "E: $1$(reason); $file is as it was"
  if [ -e $before ]; then cp -p $before $file; else rm $file; fi
}

reload() {
  systemctl reload docker || true
  for _ in $(seq 50); do
    if [ "$(docker info --format '{{.LiveRestoreEnabled}}' 2>/dev/null)" = true ]; then return; fi
    sleep 0.1
  done
  put_back 'Docker did not take the new settings'
  rm $pending
  exit 1
}

restart() {
  if systemctl restart docker; then return; fi
  put_back 'Docker did not start with the new settings'
  systemctl reset-failed docker || true
  systemctl restart docker || true
  rm $pending
  exit 1
}

case $1 in
  reload) reload ;;
  restart) restart ;;
  reload-then-restart)
    reload
    restart
    ;;
  at-start | not-now) ;;
esac
rm $pending
