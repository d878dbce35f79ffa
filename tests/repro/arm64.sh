#!/bin/sh
# arm64.sh: headers and libraries of Debian's arm64 packages, for a cross build of qatop and for
# running it with qemu-user.
#   usage: arm64.sh FOLDER      FOLDER becomes the sysroot; FOLDER.apt keeps apt-get's output
# Needs apt-get, dpkg-deb and a network, but not root: apt-get uses lists of its own and does not
# change the system's packages or architectures.
set -eu
packages='libc6-dev libncurses-dev libpng-dev libjpeg-dev zlib1g-dev libzip-dev libhdf5-dev
    libjansson-dev libmd-dev libcmocka-dev'

sysroot=$1
apt=$1.apt
# Written last, so that only a complete sysroot is reused.
stamp=$sysroot/packages
[ "$(cat "$stamp" 2>/dev/null)" = "$packages" ] && exit 0
rm -rf "$sysroot" "$apt"
mkdir -p "$sysroot" "$apt/lists/partial" "$apt/archives/partial"
sysroot=$(cd "$sysroot" && pwd)
apt=$(cd "$apt" && pwd)
: >"$apt/status"
cat >"$apt/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
END
export APT_CONFIG="$apt/apt.conf"
apt-get update >"$apt/log" 2>&1
# shellcheck disable=SC2086
apt-get install -y --download-only $packages >>"$apt/log" 2>&1
for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$sysroot"; done
# Absolute links would leave the sysroot.
find "$sysroot" -type l -lname '/*' | while read -r link; do
    ln -sfrn "$sysroot$(readlink "$link")" "$link"
done
# On an installed system this is a link that the package's scripts make.
cd "$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig"
[ -e hdf5.pc ] || ln -s hdf5-serial.pc hdf5.pc
echo "$packages" >"$stamp"
rm -rf "$apt/archives" "$apt/lists"
