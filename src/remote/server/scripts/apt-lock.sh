# Says who holds a lock of dpkg or apt. They are POSIX locks, which /proc/locks lists by inode; fuser need not be there.
apt_holder() {
  for file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
    inode=$(stat -c %i "$file" 2>/dev/null) || continue
    pid=$(awk -v inode="$inode" '$2 == "POSIX" { n = split($6, id, ":"); if (id[n] == inode) { print $5; exit } }' /proc/locks)
    if [ -n "$pid" ] && [ -r "/proc/$pid/comm" ]; then
      echo "$(cat "/proc/$pid/comm") (pid $pid)"
      return
    fi
  done
}

cloud_init_runs() {
  command -v cloud-init >/dev/null && [ "$(timeout 5 cloud-init status 2>/dev/null)" = 'status: running' ]
}
