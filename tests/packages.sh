#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Installs what building, testing or the demo need on Debian 12, and makes the system user that
# lbxdp's children run as. Usage: tests/packages.sh build|demo|test|bench|vm. Does nothing, quickly, when all
# is there. nginx, Dovecot, OpenSMTPD, HAProxy and Prometheus are wanted as programs only: while apt works, a
# temporary policy-rc.d keeps their services from being started, and it is removed afterwards. (On a
# machine where one of them was installed before, nothing changes.)
set -eu

build="gcc make clang llvm libbpf-dev libxdp-dev libelf-dev libssl-dev libyaml-dev libmnl-dev
	libcap-dev libseccomp-dev zlib1g-dev libc6-dev bpftool pkg-config"
demo="ethtool iproute2 curl swaks nginx-light dovecot-imapd dovecot-pop3d opensmtpd openssl procps
	python3 util-linux iputils-ping"
bench="haproxy wrk nghttp2-client nftables"
test="libcmocka-dev clang-format clang-tidy libclang-rt-14-dev mandoc prometheus python3-pytest nftables
	iptables haproxy wrk sslscan nghttp2-client"
vm="qemu-system-x86 busybox-static cpio kmod xdp-tools ipvsadm"

case "${1:-}" in
build) wanted="$build" ;;
demo) wanted="$build $demo" ;;
test) wanted="$build $demo $test" ;;
bench) wanted="$build $demo $bench" ;;
vm) wanted="$build $demo $test $vm" ;;
*)
	echo "usage: $0 build|demo|test|bench|vm" >&2
	exit 2
	;;
esac

missing=
for p in $wanted; do
	case "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" in
	installed*) ;;
	*) missing="$missing $p" ;;
	esac
done

policy=/usr/sbin/policy-rc.d
install_missing() {
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q
	# shellcheck disable=SC2086 # a list of words
	apt-get install -q -y --no-install-recommends $missing
}

if [ -n "$missing" ]; then
	if [ "$(id -u)" != 0 ]; then
		echo "$0: missing:$missing; install them as root: sudo $0 $1" >&2
		exit 1
	fi
	echo "installing:$missing"
	install_missing </dev/null
fi

if [ "$1" != build ] && [ "$(id -u)" = 0 ] && ! getent passwd lbxdp >/dev/null; then
	useradd --system --user-group --no-create-home --home-dir /nonexistent \
		--shell /usr/sbin/nologin lbxdp
fi
