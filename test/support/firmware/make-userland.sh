#!/bin/bash
# Makes the userland of a 64-bit ARM board out of Debian's packages: a root file system in a file, with the kernel and the
# initrd that boot it on QEMU's virt machine. Its second stage runs under qemu-user; mounts stay in a name space of its own.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: make-userland.sh MIRROR FOLDER

Makes FOLDER/rootfs.ext4, FOLDER/vmlinuz and FOLDER/initrd.img from Debian bookworm for arm64. Takes 10 to 20 minutes; needs root,
debootstrap, qemu-user-static and e2fsprogs. FOLDER appears when everything in it is whole.
TEXT
}

case ${1-} in
  -h | --help) usage; exit 0 ;;
esac
[ $# -eq 2 ] || { usage >&2; exit 64; }

readonly MIRROR=$1 FOLDER=$2 WORK=$2.partial ROOT=$2.partial/root
readonly SIZE=3000M FORMAT=/proc/sys/fs/binfmt_misc ENTRY=bramble-aarch64

# What Raspberry Pi OS Lite has of what the first boot touches, and the packages of containers.
readonly PACKAGES=systemd-sysv,systemd-timesyncd,udev,dbus,kmod,iproute2,openssh-server,sudo,libpam-systemd,network-manager,ca-certificates,\
initramfs-tools,linux-image-cloud-arm64,docker.io,apparmor,nftables,conntrack,libatomic1,libstdc++6,zstd

# Everything below runs here, so that no mount of it is left to the machine.
if [ -z "${BRAMBLE_UNSHARED-}" ]; then
  BRAMBLE_UNSHARED=1 exec unshare --mount --propagation private -- "$0" "$@"
fi

say() { printf '%s\n' "$1" >&2; }

# F: the interpreter is opened now, so that it is found from inside of the root.
register_interpreter() {
  if chroot "$ROOT" /bin/true 2>/dev/null; then return; fi
  [ -e "$FORMAT/register" ] || mount -t binfmt_misc none "$FORMAT"
  local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":$ENTRY:M::$magic:$mask:/usr/bin/qemu-aarch64-static:OCF" >"$FORMAT/register"
  trap 'printf -- -1 >"$FORMAT/$ENTRY"' EXIT
}

# The initrd holds what finds the root file system on the virt machine: small, as each byte is emulated.
choose_modules() {
  mkdir -p "$ROOT/etc/initramfs-tools/conf.d" "$ROOT/usr/share/initramfs-tools/modules.d"
  printf 'MODULES=list\n' >"$ROOT/etc/initramfs-tools/conf.d/bramble"
  printf '%s\n' ext4 virtio_pci virtio_blk >"$ROOT/usr/share/initramfs-tools/modules.d/bramble"
}

# As on Raspberry Pi OS: both partitions are found by the disk's id, and nobody can log in before there is a user.
finish_root() {
  printf '%s\n' 'PARTUUID=4e639091-01  /boot/firmware  vfat  defaults,x-systemd.device-timeout=30min  0  2' \
    'PARTUUID=4e639091-02  /  ext4  defaults,noatime,x-systemd.device-timeout=30min  0  1' >"$ROOT/etc/fstab"
  mkdir -p "$ROOT/boot/firmware"
  printf 'raspberrypi\n' >"$ROOT/etc/hostname"
  printf '127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n' >"$ROOT/etc/hosts"
  : >"$ROOT/etc/machine-id"
  # A board looks after its system at leisure; while it is emulated that costs minutes of its start.
  rm -f "$ROOT"/etc/systemd/system/timers.target.wants/*
  rm -rf "$ROOT"/var/cache/apt/archives/*.deb "$ROOT"/var/lib/apt/lists/*
}

rm -rf "$WORK"
mkdir -p "$ROOT"
say 'unpacking packages'
debootstrap --foreign --arch=arm64 --variant=minbase "--include=$PACKAGES" bookworm "$ROOT" "$MIRROR"
choose_modules
register_interpreter
say 'configuring packages under qemu-user'
DEBIAN_FRONTEND=noninteractive chroot "$ROOT" /debootstrap/debootstrap --second-stage
finish_root
umount --recursive "$ROOT/proc" "$ROOT/sys" 2>/dev/null || true
say 'making the file system'
cp "$ROOT"/boot/vmlinuz-* "$WORK/vmlinuz"
cp "$ROOT"/boot/initrd.img-* "$WORK/initrd.img"
mke2fs -q -F -t ext4 -L rootfs -O '^64bit,^huge_file' -d "$ROOT" "$WORK/rootfs.ext4" "$SIZE"
rm -rf "$ROOT"
mv "$WORK" "$FOLDER"
say 'done'
