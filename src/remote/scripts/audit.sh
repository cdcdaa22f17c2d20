# ROOT SCOPE LIMIT: appends the line on stdin to the app's audit log, durably. A log of LIMIT bytes is put aside; the
# one that was aside is given up.
become_owner "$@"
mkdir -p "$root/apps/$2" && cd "$root/apps/$2" || exit 1
IFS= read -r -t 15 line || exit 1
exec 8<. && flock 8 || exit 1
if [ -f audit.jsonl ] && [ "$(stat -c %s audit.jsonl)" -ge "$3" ]; then
  mv -f audit.jsonl audit.jsonl.1 || exit 1
fi
printf '%s\n' "$line" >>audit.jsonl && sync audit.jsonl && printf 'end\n'
