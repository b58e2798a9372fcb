#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Fails when a file under user/ includes upward, sideways between parts, or a library outside its one
# home. Floors: base < core, io < parts < daemon < cli.
cd "$(dirname "$0")/../user" || exit 1
# shellcheck disable=SC2046 # file names here have no spaces
awk '
BEGIN {
	split("base 0 core 1 io 1 dataplane 2 net 2 health 2 proxy 2 admin 2 daemon 3 cli 4", w, " ")
	for (i = 1; i in w; i += 2)
		floor[w[i]] = w[i + 1]
	home["^<(bpf|xdp)/|^\"lbxdp\\.skel\\.h"] = "^dataplane/"
	home["^<openssl/"] = "^io/tls([a-z_]*\\.c|_internal\\.h)$"
	home["^<sys/epoll\\.h"] = "^io/loop\\.c$"
	home["^<yaml\\.h"] = "^core/(yaml|config)[a-z_]*\\.c$"
	home["^<libmnl/"] = "^(net/|io/netlink\\.)"
	home["^<(seccomp|sys/capability)\\.h"] = "^(daemon|dataplane)/"
}
function wrong(what) {
	print "user/" FILENAME ":" FNR ": " what
	bad = 1
}
/^#include "[a-z0-9_]+\// {
	split(FILENAME, f, "/")
	to = $2
	gsub(/"|\/.*/, "", to)
	if (f[2] == "" || to == "lbxdp" || to == f[1])
		next
	if (!(f[1] in floor) || !(to in floor))
		wrong("no floor is known for " f[1] " or " to)
	else if (floor[to] >= floor[f[1]])
		wrong(f[1] " must not include " to)
	if (f[1] == "core" && $2 ~ /base\/(log|clock)\.h/)
		wrong("core must not include " $2)
}
/^#include/ {
	for (library in home)
		if ($2 ~ library && FILENAME !~ home[library])
			wrong($2 " has another home")
	if (FILENAME ~ /^core\// && $2 ~ /^<(unistd|fcntl|signal|syslog|sys\/(ioctl|stat|wait))\.h/)
		wrong("core makes no system calls, but includes " $2)
}
END { exit bad }' $(find . -name "*.[ch]" | sed "s|^\./||")
