#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# boot.sh DIR SECONDS COMMAND...: boots the kernel of prepare.sh's DIR in an emulated machine over
# this machine's file tree, runs COMMAND there as root in the same folder, prints what it prints, and
# ends with its status; 125 when it did not come to an end in time. Nothing that happens inside
# reaches this machine: what it writes stays in its memory. CPUS (2), THREADS (multi, single),
# QEMU_EXTRA and KERNEL_EXTRA, options for qemu and the kernel, change the machine. Its processor
# says that string instructions are slow, for emulated they are: the kernel then copies by words.
set -eu

dir=$(readlink -f "$1") seconds=$2
shift 2
release=$(ls "$dir/root/lib/modules")
log=$(mktemp) job=$(mktemp "$dir/job.XXXXXX")
trap 'rm -f "$log" "$job"' EXIT
printf 'cd %s && exec %s\n' "$PWD" "$*" >"$job"

# shellcheck disable=SC2086 # a list of options
timeout "$seconds" qemu-system-x86_64 -accel tcg,thread="${THREADS:-multi}" -machine q35 -cpu max,-erms,-fsrm,-la57 \
	-m 4096 -smp "${CPUS:-2}" -nographic -no-reboot -nic none ${QEMU_EXTRA:-} \
	-kernel "$dir/root/boot/vmlinuz-$release" -initrd "$dir/initramfs.gz" \
	-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
	-append "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off ${KERNEL_EXTRA:-} lbxdp.script=$job lbxdp.modules=$dir/root/lib/modules" \
	</dev/null 2>&1 | stdbuf -oL tr -d '\r' |
	stdbuf -oL sed -e '1,/MACHINE-BEGINS/d' -e '/^MACHINE-ENDS/q' | tee "$log" | grep --line-buffered -v '^MACHINE-ENDS' || true

status=$(sed -n 's/^MACHINE-ENDS \([0-9]*\)$/\1/p' "$log")
if [ -z "$status" ]; then
	echo "boot.sh: the machine did not come to an end within $seconds s" >&2
	exit 125
fi
exit "$status"
