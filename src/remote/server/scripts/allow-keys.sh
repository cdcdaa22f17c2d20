# Lets the keys on standard input log in as an account, beside those that do already.
set -eu
user=$1
home=$(getent passwd "$user" | cut -d: -f6)
group=$(id -gn "$user")
file=$home/.ssh/authorized_keys
umask 077
mkdir -p "$home/.ssh"
next=$(mktemp "$home/.ssh/.authorized_keys.XXXXXX")
if [ -e "$file" ]; then
  cat "$file" >"$next"
  # The last line may lack its end.
  if [ -n "$(tail -c 1 "$next")" ]; then echo >>"$next"; fi
fi
while IFS= read -r key; do
  grep -qxF -- "$key" "$next" || printf '%s\n' "$key" >>"$next"
done
chown "$user:$group" "$home/.ssh" "$next"
chmod 700 "$home/.ssh"
sync "$next"
mv "$next" "$file"
