# ROOT PATH…: those of the files that are there.
become_owner "$@"
shift
for file in "$@"; do emit "$file"; done
printf 'end\n'
