# Creates an account without a password. Arguments: its name; system for one that nobody logs in to.
set -eu
user=$1
getent passwd "$user" >/dev/null && exit
group=--user-group
if getent group "$user" >/dev/null; then group=--gid=$user; fi
if [ "${2:-}" = system ]; then
  exec useradd --system "$group" --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$user"
fi
# Not a locked password (!): where sshd does without PAM, it would refuse keys too.
exec useradd --create-home "$group" --shell /bin/bash --password '*' "$user"
