#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# prepare.sh DIR: a Debian kernel and an initramfs for boot.sh. The kernel is the one that
# linux-image-amd64 depends on (KERNEL=package chooses another); its package is unpacked, never
# installed. Does nothing, quickly, when it is there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
package=${KERNEL:-$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: *\(linux-image-.*\)/\1/p' | head -n 1)}
if [ "$(cat package 2>/dev/null)" != "$package" ]; then
	rm -rf root ./*.deb package
	apt-get download -q "$package"
	dpkg -x ./"$package"_*.deb root
	rm -f ./*.deb
	depmod -b "$PWD/root" "$(ls root/lib/modules)"
	echo "$package" >package
fi
[ ! -e initramfs.gz ] || [ "$here/init" -nt initramfs.gz ] || [ package -nt initramfs.gz ] || exit 0

# What it takes to reach the host's files; everything else comes from there.
release=$(ls root/lib/modules)
rm -rf initramfs
mkdir -p initramfs/bin initramfs/proc initramfs/sys initramfs/dev initramfs/modules \
	initramfs/host initramfs/memory initramfs/new
cp /bin/busybox initramfs/bin/busybox
cp "$here/init" initramfs/init
chmod 755 initramfs/init
for module in virtio_pci 9pnet_virtio 9p overlay; do
	modprobe -d "$PWD/root" -S "$release" --show-depends "$module"
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r file; do
	cp "$file" initramfs/modules/
	basename "$file" >>initramfs/modules/order
done
(cd initramfs && find . | cpio --quiet -o -H newc | gzip -1) >initramfs.gz
