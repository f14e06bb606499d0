#!/bin/bash
# First process of a machine of the test LAN, in namespaces of its own. It arranges what a fresh board has, says "ready",
# and lives until its standard input ends: when the tests die, however they die, every machine dies with them.
#
#   namespace-init.sh plain                  a machine without disks: the switch, a router, somebody on the LAN
#   namespace-init.sh host DIR NAME          a board: own /run, /var/lib/docker, /etc/docker, hostname, machine-id
set -eu
mount --make-rprivate /
mount -t proc proc /proc
ip link set lo up

# A sysfs that shows the devices of this network namespace; the cgroups are carried over, dockerd needs them.
cgroups=$(mktemp -d /tmp/bramble-lan-cg.XXXXXX)
mount --rbind /sys/fs/cgroup "$cgroups"
mount -t sysfs sysfs /sys
mount --rbind "$cgroups" /sys/fs/cgroup
umount -l "$cgroups"
rmdir "$cgroups"

if [ "$1" = host ]; then
  dir=$2
  hostname "$3"
  mkdir -p "$dir"/run "$dir"/lib-docker "$dir"/lib-bramble "$dir"/etc-docker /var/lib/docker /var/lib/bramble /etc/docker
  mount --bind "$dir/lib-docker" /var/lib/docker
  mount --bind "$dir/lib-bramble" /var/lib/bramble
  mount --bind "$dir/etc-docker" /etc/docker
  if [ -e /etc/machine-id ]; then
    [ -s "$dir/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$dir/machine-id"
    mount --bind "$dir/machine-id" /etc/machine-id
  fi
  # Seen from outside as DIR/run: the engine's socket is there.
  rm -rf "$dir/run"
  mkdir "$dir/run"
  mount --bind "$dir/run" /run
  mkdir -p /run/lock
  # A new namespace inherits 1; dockerd closes FORWARD only when it finds 0, as on a fresh board.
  echo 0 >/proc/sys/net/ipv4/ip_forward
fi

trap : TERM INT HUP
echo ready
while read -r _; do :; done
