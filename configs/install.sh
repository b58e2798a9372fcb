#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# install.sh install|uninstall DESTDIR PREFIX BUILD_DIR. The configuration is made room for and
# never touched.
set -eu

usage()
{
	echo "usage: $0 install|uninstall DESTDIR PREFIX BUILD_DIR" >&2
	exit 2
}

[ $# -eq 4 ] || usage
action=$1 destdir=$2 prefix=$3 build=$4
here=$(dirname "$0")
root=$destdir$prefix

binary=$root/sbin/lbxdp
man8=$root/share/man/man8/lbxdp.8
man5=$root/share/man/man5/lbxdp.yaml.5
completion=$root/share/bash-completion/completions/lbxdp
unit=$root/lib/systemd/system/lbxdp.service
doc=$root/share/doc/lbxdp

# On a packager's DESTDIR, or without the right, the user is someone else's business.
make_user()
{
	[ -z "$destdir" ] && [ "$(id -u)" -eq 0 ] || return 0
	getent passwd lbxdp >/dev/null && return 0
	useradd --system --user-group --home-dir /nonexistent --no-create-home \
		--shell /usr/sbin/nologin --comment "lbxdp probe and web" lbxdp
}

reload_systemd()
{
	[ -z "$destdir" ] && [ -d /run/systemd/system ] || return 0
	systemctl daemon-reload
}

do_install()
{
	install -D -m 0755 "$build/lbxdp" "$binary"
	install -D -m 0644 "$here/../docs/lbxdp.8" "$man8"
	install -D -m 0644 "$build/lbxdp.yaml.5" "$man5"
	install -D -m 0644 "$here/completion/lbxdp.bash" "$completion"
	install -d "$(dirname "$unit")"
	sed "s|@PREFIX@|$prefix|g" "$here/systemd/lbxdp.service" >"$unit"
	chmod 0644 "$unit"
	install -d "$doc/examples" "$doc/prometheus"
	install -m 0644 "$here"/../docs/*.md "$doc"
	install -m 0644 "$here"/*.yaml "$doc/examples"
	install -m 0644 "$here"/prometheus/*.yml "$doc/prometheus"
	install -d -m 0755 "$destdir/etc/lbxdp"
	make_user
	reload_systemd
}

do_uninstall()
{
	rm -f "$binary" "$man8" "$man5" "$completion" "$unit"
	rm -rf "$doc"
	rmdir "$destdir/etc/lbxdp" 2>/dev/null || true # stays when there is a configuration in it
	reload_systemd
}

case $action in
install) do_install ;;
uninstall) do_uninstall ;;
*) usage ;;
esac
