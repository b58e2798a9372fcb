#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Measures each type of check against nginx on loopback and writes a dated table.
# Usage: run.sh PROGRAM [CHECKS [INTERVAL_MS [SECONDS]]]
set -e
program=$1
count=${2:-2000}
interval=${3:-2000}
seconds=${4:-20}
results=$(cd "$(dirname "$0")/../results" && pwd)
dir=$(mktemp -d)
trap 'kill "$(cat "$dir/pid")" 2>/dev/null; rm -rf "$dir"' EXIT INT TERM

# The server must keep up on one core; what the client pays for a resumed session does not change.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mail.example.com \
	-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
mkdir -p "$dir/www/owa"
echo '200 OK<br/>CAS1' >"$dir/www/owa/healthcheck.htm"
chmod -R a+rX "$dir"

cat >"$dir/nginx.conf" <<END
pid $dir/pid;
error_log $dir/error.log crit;
worker_processes 1;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
	root $dir/www;
	ssl_certificate $dir/cert.pem;
	ssl_certificate_key $dir/key.pem;
	server { listen 28080; }
	server { listen 28442 ssl; ssl_protocols TLSv1.2; }
	server { listen 28443 ssl; ssl_protocols TLSv1.3; }
}
END
nginx -c "$dir/nginx.conf"

out=$results/$(date +%F)-checks.md
{
	echo "# Health checks, $(date +%F)"
	echo
	echo "$count checks every $interval ms against one nginx on loopback, $seconds s after 5 s of"
	echo "warming up. CPU of the probe process, in percent of one core; on loopback it also pays for"
	echo "the server's half of each packet. $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg) at the"
	echo "start, $(openssl version | cut -d' ' -f1,2), Linux $(uname -r)."
	echo
	echo "| check | CPU, % | may be, % | checks/s | passed, % | us a check | resident, MB |"
	echo "|---|---|---|---|---|---|---|"
} >"$out"

row() { # name type port limit
	# shellcheck disable=SC2046
	set -- "$1" "$4" $("$program" "$2" "$3" "$count" "$interval" "$seconds" owa/healthcheck.htm)
	echo "| $1 | $3 | $2 | $4 | $5 | $6 | $(($7 / 1024)) |" | tee -a "$out"
}

row connect connect 28080 25
row http http 28080 25
row 'https, TLS 1.2 resumed' https 28442 25
row 'https, TLS 1.3 resumed' https 28443 60
