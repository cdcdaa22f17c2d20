"""`scripts/bench deploy`: how long a deploy and a rollback take, how often they wait for the network and what they send,
with ship and with a shell script. Both deploy the same images to hosts of the same kind, one after the other."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LINKS = {"0 ms": [], "40 ms, 20 Mbit/s": ["--delay", "40ms", "--rate", "20mbit"]}
FIELDS = ("seconds", "round_trips", "bytes_up", "bytes_down")
# Opening a channel and starting the command in it.
TRIPS_OF_A_COMMAND = 2


def say(words):
    print(f"bench: {words}", file=sys.stderr, flush=True)


def run(*command, **options):
    """Runs a program that must succeed; its standard output."""
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if ran.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} failed:\n{ran.stdout}{ran.stderr}")
    return ran


def hosts(*words):
    return run(ROOT / "scripts/hosts", *words).stdout.strip()


class Host:
    """A throwaway server with Docker."""

    def __init__(self, name):
        self.name = name
        self.container = f"ship-bench-{os.environ['SHIP_BENCH']}-{name}"
        subprocess.run([ROOT / "scripts/hosts", "down", name], capture_output=True, check=False)
        hosts("up", name, "--docker")
        self.config = hosts("ssh-config", name)

    def traffic(self):
        """Bytes that came and went, as its interface counts them; read from beside the link."""
        counters = [f"/sys/class/net/eth0/statistics/{way}_bytes" for way in ("rx", "tx")]
        return [int(count) for count in run("docker", "exec", self.container, "cat", *counters).stdout.split()]

    def link(self, options):
        hosts("net", self.name, *(["slow", *options] if options else ["clear"]))


class Ship:
    name = "ship"

    def __init__(self, binaries, work):
        self.host = Host("bench-ship")
        self.binary = binaries / "ship"
        self.directory = work / "ship"
        home = self.directory / "home"
        (home / ".ssh").mkdir(parents=True)
        config = Path(self.host.config).read_text()
        (home / ".ssh/config").write_text(re.sub(r" *User .*\n", "", config))
        (self.directory / "ship.toml").write_text(f'app = "app"\n[hosts.{self.host.name}]\n')
        self.environment = {**os.environ, "HOME": str(home)}
        self.ship("setup", "--yes")

    def ship(self, *arguments):
        return run(self.binary, *arguments, cwd=self.directory, env=self.environment)

    def deploy(self, image):
        return self.trips(self.ship("deploy", "--timings", "--image", image))

    def rollback(self):
        return self.trips(self.ship("rollback", "--timings"))

    @staticmethod
    def trips(ran):
        found = re.search(r"(\d+) sequential round trip", ran.stderr)
        return int(found[1]) if found else sys.exit(f"bench: no round trips in:\n{ran.stderr}")


class Shell:
    name = "shell"

    def __init__(self):
        self.host = Host("bench-shell")
        hosts("ssh", self.host.name, PREPARE)

    def deploy(self, image):
        return self.script("deploy", image)

    def rollback(self):
        return self.script("rollback")

    def script(self, *arguments):
        commands = run(HERE / "shell-way", self.host.config, self.host.name, *arguments).stdout
        return int(commands) * TRIPS_OF_A_COMMAND


PREPARE = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends nginx-light curl >/dev/null 2>&1
docker network create app >/dev/null
rm /etc/nginx/sites-enabled/default
echo 'server { listen 80 default_server; location / { proxy_pass http://app; } }' >/etc/nginx/sites-enabled/app
echo 'upstream app { server 127.0.0.1:1; }' >/etc/nginx/conf.d/app.conf
systemctl restart nginx
"""


def measure(tool, work):
    """Seconds, round trips, bytes up and down of one piece of work."""
    up, down = tool.host.traffic()
    begun = time.monotonic()
    trips = work()
    seconds = time.monotonic() - begun
    up_after, down_after = tool.host.traffic()
    return seconds, trips, up_after - up, down_after - down


def rows_of(tool, link, images):
    """Deploys one image after the other, each with a rollback, and takes the medians."""
    samples = {"deploy": [], "rollback": []}
    for image in images:
        samples["deploy"].append(measure(tool, lambda image=image: tool.deploy(image)))
        samples["rollback"].append(measure(tool, tool.rollback))
    for case, measured in samples.items():
        medians = [statistics.median(values) for values in zip(*measured)]
        yield {"case": case, "tool": tool.name, "link": link, "seconds": round(medians[0], 3)} | {
            field: int(value) for field, value in zip(FIELDS[1:], medians[1:])
        }


def images(count):
    """Versions of the example app, each of which differs by a line in one file."""
    say(f"building {count} versions of the example app")
    return [run(ROOT / "scripts/app-image", f"bench-{number}").stdout.strip() for number in range(count)]


def table(rows):
    line = "{:<9} {:<17} {:<6} {:>8} {:>12} {:>11} {:>11}".format
    print(line("case", "link", "tool", "seconds", "round trips", "bytes up", "bytes down"))
    for row in rows:
        seconds = f"{row['seconds']:.2f}"
        print(line(row["case"], row["link"], row["tool"], seconds, *(f"{row[field]:,}" for field in FIELDS[1:])))
    print()
    for case in ("deploy", "rollback"):
        for link in LINKS:
            ship, shell = (find(rows, case, link, tool) for tool in ("ship", "shell"))
            parts = [f"{shell[field] / max(ship[field], 0.001):.1f} × {words}" for field, words in RATIOS]
            print(f"{case}, {link}: the shell script takes {', '.join(parts)} of ship")


RATIOS = (("seconds", "the time"), ("round_trips", "the round trips"), ("bytes_up", "the bytes up"))


def find(rows, case, link, tool):
    return next(row for row in rows if (row["case"], row["link"], row["tool"]) == (case, link, tool))


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench deploy", add_help=False)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as work:
        try:
            first, *versions = images(1 + arguments.runs * len(LINKS))
            say("starting two servers")
            tools = [Ship(arguments.binaries.resolve(), Path(work)), Shell()]
            for tool in tools:
                tool.deploy(first)
            for number, (link, options) in enumerate(LINKS.items()):
                for tool in tools:
                    say(f"{tool.name}, {link}")
                    tool.host.link(options)
                    some = versions[number * arguments.runs :][: arguments.runs]
                    rows.extend(rows_of(tool, link, some))
        finally:
            subprocess.run([ROOT / "scripts/hosts", "down", "bench-ship", "bench-shell"], capture_output=True, check=False)
    rows.sort(key=lambda row: (row["case"], list(LINKS).index(row["link"]), row["tool"] != "ship"))
    table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")


main()
