# ROOT SCOPE: what is remembered of an app and who holds its lease. Changes nothing, on a host without ship neither.
become_owner "$@"
if cd "$root/apps/$2" 2>/dev/null; then
  # A shared lock is refused while somebody holds the lease. It is let go at once, and whoever takes the lease waits
  # for longer than that.
  if [ -f lease ] && ! flock --nonblock --shared lease true; then
    printf 'held_by %s\n' "$(head -n 1 lease)"
  fi
  memory
fi
printf 'end\n'
