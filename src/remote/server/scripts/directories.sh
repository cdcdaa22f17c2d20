# Creates ship's directories with their owners. Arguments: the deploy user, and the account of ship-proxy.
set -eu
user=$1 proxy=$2 state=/var/lib/ship
own() { # ACCOUNT DIRECTORY
  [ -d "$2" ] || mkdir -m 700 "$2"
  chmod 700 "$2"
  [ "$(stat -c %U "$2")" = "$1" ] || chown -R "$1:$(id -gn "$1")" "$2"
}
own "$user" $state
own "$proxy" $state/proxy
