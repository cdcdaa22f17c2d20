# shellcheck shell=bash
# Host images, made with apt alone: SUITE is a fresh server, SUITE-docker the same with Docker Engine installed (and
# not yet started). A label holds the hash of all that went into one, so that it is made again only when that changed.

# Roughly what a provider's stock image has. No Docker, Python or firewall: setup must bring its own.
host_packages=systemd-sysv,libpam-systemd,dbus,openssh-server,ca-certificates,curl,sudo,iproute2,iputils-ping,procps
host_packages+=,netbase,cron,less,passwd,mount,util-linux
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
recipe_label=ship-bench.recipe

command_build() {
  local again='' suite suites=()
  while [ $# -gt 0 ]; do
    case $1 in
      --again) again=yes ;;
      -*) usage_error "build has no option $1" ;;
      *) suites+=("$(checked_suite "$1")") ;;
    esac
    shift
  done
  [ ${#suites[@]} -gt 0 ] || suites=("$default_suite")
  ensure_engine
  for suite in "${suites[@]}"; do
    [ -z "$again" ] || docker rmi -f "$repository:$suite-docker" "$repository:$suite" >/dev/null 2>&1 || true
    ensure_image "$suite-docker"
  done
  docker images "$repository"
}

checked_suite() {
  case $1 in
    bookworm | trixie | sid) echo "$1" ;;
    *) usage_error "there is no suite '$1' here: bookworm, trixie or sid" ;;
  esac
}

# Makes IMAGE (SUITE or SUITE-docker) unless it is up to date.
ensure_image() {
  local image=$1 work
  work=$(mktemp -d)
  chmod 755 "$work"
  collect_machine "$work"
  local recipe
  recipe=$(recipe_of "$work" "${image%%-*}")
  if ! image_is "$image" "$recipe"; then
    # One at a time on a machine: the second one finds the work done.
    (
      flock -n 9 || { say "waiting for another build of host images"; flock 9; }
      build_images "$image" "$recipe" "$work"
    ) 9>/run/lock/ship-bench-build
  fi
  rm -rf "$work"
}

build_images() { # IMAGE RECIPE WORK
  local suite=${1%%-*}
  image_is "$suite" "$2" || build_fresh "$suite" "$2" "$3"
  [ "$1" = "$suite" ] || image_is "$1" "$2" || build_docker "$suite" "$2"
}

# What this machine's own apt and TLS need to get out goes into every host.
collect_machine() {
  local work=$1 file
  mkdir "$work/apt" "$work/ca"
  : >"$work/apt-options"
  for file in /etc/apt/apt.conf.d/*; do
    case ${file##*/} in docker-* | 20packagekit | 50appstream) continue ;; esac
    grep -qsE '^Acquire::' "$file" || continue
    cp "$file" "$work/apt/"
    cat "$file" >>"$work/apt-options"
  done
  cp /usr/local/share/ca-certificates/*.crt "$work/ca/" 2>/dev/null || true
  {
    mirror_of debian
    mirror_of debian-security
  } >"$work/mirrors"
}

# The mirror of a Debian archive that this machine's own apt uses; an empty line where it uses none (on Ubuntu).
mirror_of() {
  local found
  found=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    awk -v archive="/$1/?\$" '/^#/ { next }
      $1 == "URIs:" || $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/ && $i ~ archive) print $i }' | head -n 1)
  echo "$found"
}

recipe_of() { # WORK SUITE
  (
    cd "$1" || exit
    find . -type f | sort | xargs cat
    echo "$2"
    cat "$PARTS/image.sh" "$PARTS/init" "$PARTS/finish-root"
  ) | sha256sum | cut -c1-16
}

image_is() { # IMAGE RECIPE
  [ "$(docker image inspect -f "{{index .Config.Labels \"$recipe_label\"}}" "$repository:$1" 2>/dev/null)" = "$2" ]
}

build_fresh() { # SUITE RECIPE WORK
  local suite=$1 recipe=$2 work=$3 started mirror security
  started=$(microseconds)
  require mmdebstrap=mmdebstrap
  [ -e "$debian_keyring" ] || install_packages debian-archive-keyring
  { read -r mirror; read -r security; } <"$work/mirrors"
  # Without a mirror mmdebstrap knows where Debian is.
  local sources=()
  if [ -n "$mirror" ]; then
    sources=("deb $mirror $suite main")
    [ "$suite" = sid ] || [ -z "$security" ] ||
      sources+=("deb $mirror $suite-updates main" "deb $security $suite-security main")
  fi
  say "building $repository:$suite with mmdebstrap (about a minute, once)"
  mmdebstrap --variant=apt --aptopt="$work/apt-options" --include="$host_packages" \
    --keyring="$debian_keyring" \
    --customize-hook="$PARTS/finish-root \"\$1\" $work $PARTS" \
    "$suite" "$work/root.tar" "${sources[@]}" >"$work/log" 2>&1 </dev/null ||
    { tail -20 "$work/log" >&2; die "mmdebstrap could not build $suite"; }
  publish "$suite" docker import -c 'ENTRYPOINT ["/sbin/host-init"]' -c "LABEL $recipe_label=$recipe" "$work/root.tar"
  rm -f "$work/root.tar"
  say "built $repository:$suite in $(since "$started")"
}

# Installed without booting, so that no state of a running service is baked in.
build_docker() { # SUITE RECIPE
  local suite=$1 recipe=$2 started container
  started=$(microseconds)
  say "building $repository:$suite-docker"
  container=$(docker run -d --network host --entrypoint /bin/sh "$repository:$suite" -ec '
    printf "#!/bin/sh\nexit 101\n" > /usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # The client is a package of its own since Debian 13; iptables is only recommended, and the engine needs it.
    client=$(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli || true)
    apt-get install -y -qq --no-install-recommends docker.io $client iptables
    rm -rf /usr/sbin/policy-rc.d /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb \
      /var/lib/docker/* /var/lib/containerd/*')
  if [ "$(docker wait "$container")" != 0 ]; then
    docker logs --tail 20 "$container" >&2
    docker rm "$container" >/dev/null
    die "apt could not install Docker in $suite"
  fi
  publish "$suite-docker" docker commit -c 'ENTRYPOINT ["/sbin/host-init"]' -c 'CMD []' \
    -c "LABEL $recipe_label=$recipe" "$container"
  docker rm "$container" >/dev/null
  say "built $repository:$suite-docker in $(since "$started")"
}

# Runs a command that makes an image of the name given last, and lets go of the one that had it. Hosts that run on the
# old one keep it.
publish() { # TAG COMMAND…
  local tag=$1 old
  shift
  old=$(docker image inspect -f '{{.Id}}' "$repository:$tag" 2>/dev/null || true)
  "$@" "$repository:$tag" >/dev/null
  [ -z "$old" ] || docker rmi "$old" >/dev/null 2>&1 || true
}
