#!/bin/bash
# Stands for the programs of a board's system when the first boot is tested below a folder: called by the name of one, it
# writes down the call, lets the power fail at the call whose turn it is, and does to the board's files what the program does.
set -euo pipefail

name=${0##*/}
printf '%s %s\n' "$name" "$*" >>"$BOARD/calls"

if [ -s "$BOARD/cut-at" ]; then
  left=$(($(cat "$BOARD/cut-at") - 1))
  printf '%s' "$left" >"$BOARD/cut-at"
  # Everything that runs on the board: it is a process group of its own.
  if [ "$left" -le 0 ]; then kill -KILL 0; fi
fi

add_program() { ln -sf "$(readlink -f "$0")" "$BOARD/bin/$1"; }
add_docker() { add_program dockerd; add_program nft; add_program apparmor_parser; }
lacks() { grep -qx "$1" "$BOARD/lacks" 2>/dev/null; }

case $name in
  docker) cat "${@: -1}" >>"$BOARD/loaded-images" ;;
  getent)
    user=$(cat "$BOARD/users")
    if [ -z "$user" ] || { [ "$2" != 1000 ] && [ "$2" != "$user" ]; }; then exit 2; fi
    printf '%s:x:1000:1000::%s:/bin/bash\n' "$user" "$BOARD/root/home/$user" ;;
  useradd | usermod)
    before=$(cat "$BOARD/users")
    mkdir -p "$BOARD/root/home"
    if [ -d "$BOARD/root/home/$before" ] && [ -n "$before" ]; then mv "$BOARD/root/home/$before" "$BOARD/root/home/ada"; fi
    mkdir -p "$BOARD/root/home/ada"
    printf ada >"$BOARD/users" ;;
  install)
    # Nobody of the board's users is one of this machine.
    words=()
    while [ $# -gt 0 ]; do
      case $1 in -o | -g) shift ;; *) words+=("$1") ;; esac
      shift
    done
    /usr/bin/install "${words[@]}" ;;
  getconf) if lacks 64-bit; then echo 32; else echo 64; fi ;;
  ip) if ! lacks network; then echo 'default via 192.168.1.1 dev eth0'; fi ;;
  df)
    free=5000
    if lacks room; then free=120; fi
    printf 'Filesystem 1M-blocks Used Available Capacity Mounted\n/dev/root 8000 1 %s 1%% /\n' "$free" ;;
  date)
    case "$*" in
      +%s) cat "$BOARD/clock" ;;
      '-u -s @'*) printf '%s\n' "${3#@}" >"$BOARD/clock" ;;
      *) echo 'at some time' ;;
    esac ;;
  apt-get)
    case "$*" in
      *install*.deb) add_docker ;;
      *install*docker.io*) if lacks packages; then exit 100; fi; add_docker ;;
      *update*) if lacks packages; then exit 100; fi ;;
      *install*) exit 100 ;;
    esac ;;
  systemctl)
    data=$BOARD/root/var/lib/bramble
    case "$*" in
      *bramble-master.service*)
        mkdir -p "$data"
        echo kubeconfig >"$data/admin.kubeconfig" ;;
      restart*bramble-agent.service*)
        mkdir -p "$data/node/identity"
        if lacks master; then exit 0; fi
        if lacks approval; then mkdir -p "$data/node/identity"; echo 'bramble node approve shed' >"$data/node/identity/join-waiting"; exit 0; fi
        if [ "$(cat "$data/join-token" 2>/dev/null)" = right-token ] || [ -f "$data/node/identity/node.pem" ]; then
          rm -f "$data/node/identity/join-problem"
          echo certificate >"$data/node/identity/node.pem"
        else
          echo 'the master does not accept this join token: it is unknown there or has expired' >"$data/node/identity/join-problem"
        fi ;;
      reboot) : >"$BOARD/rebooted" ;;
    esac ;;
esac
