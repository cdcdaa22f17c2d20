# Installs Docker Engine, or the docker command alone, from the distribution. Arguments: engine or client, and yes if
# AppArmor's tools are needed too. Needs apt-lock.sh.
set -u
what=$1 with_apparmor=$2
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a APT_LISTCHANGES_FRONTEND=none
log=/var/log/ship-setup.log
patience=120

# The output goes into a file that is followed: if the connection is lost, dpkg is not killed half-way, and the next
# setup waits for it.
trap '' HUP PIPE
follow() {
  : >$log
  setsid "$@" >>$log 2>&1 </dev/null &
  command=$!
  tail -n +1 -s 0.2 -f --pid=$command $log &
  wait $command
  status=$?
  wait
  return $status
}

# apt waits for dpkg's locks by itself, but not for those of its lists.
wait_for_apt() {
  if cloud_init_runs; then
    echo 'waiting for cloud-init, which still prepares this server'
    timeout 600 cloud-init status --wait >/dev/null
  fi
  said='' waited=0
  while holder=$(apt_holder) && [ -n "$holder" ]; do
    [ "$holder" = "$said" ] || echo "waiting for $holder to let go of apt, at most $patience s"
    said=$holder
    if [ $((waited += 1)) -gt $patience ]; then
      echo "E: $holder has held apt for $patience s"
      exit 1
    fi
    sleep 1
  done
}

get() { follow apt-get -q -y -o DPkg::Lock::Timeout=$patience -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
  -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }

wait_for_apt
# Finishes what an interrupted run left; does nothing otherwise.
follow dpkg --configure -a --force-confdef --force-confold || exit
if apt-get -q check 2>&1 | grep -q -- 'fix-broken'; then get --fix-broken install; fi
# A server often has one broken third-party source, which need not matter here.
get update || echo 'apt-get update failed; trying with the package lists that are there'

offered() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }
if [ "$what" = engine ]; then
  # The command is a package of its own since Debian 13; iptables is only recommended, and the engine needs it.
  packages="docker.io iptables ca-certificates"
  if offered docker-cli; then packages="$packages docker-cli"; fi
elif dpkg -s docker-ce >/dev/null 2>&1; then
  packages=docker-ce-cli
elif offered docker-cli; then
  packages=docker-cli
else
  packages=docker.io
fi
if [ "$with_apparmor" = yes ]; then packages="$packages apparmor"; fi
wait_for_apt
# shellcheck disable=SC2086
get install --no-install-recommends $packages
