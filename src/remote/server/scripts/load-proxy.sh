# Loads the image on standard input and proves that it has its name. Argument: the reference.
trap '' HUP PIPE
docker load --quiet && docker image inspect --format 'loaded {{.Id}}' "$1"
