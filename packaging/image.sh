#!/bin/sh
# Puts a program and what it is linked with into a folder that is to be the whole of an image: packaging/image.sh PROGRAM FOLDER
#
# The C library comes with it instead of being linked in. Linked in, it could not resolve names, since that part of it is loaded when
# it is needed; and another one, musl, would need a compiler of its own and gives memory out slowly.
set -eu
program=$1
image=$2
user=65532

mkdir -p "$image/usr/bin" "$image/etc/bitting" "$image/var/lib/bitting"
cp "$program" "$image/usr/bin/bitting"
strip --strip-debug "$image/usr/bin/bitting"
# Lines such as "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)", and the loader by its path alone.
ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r library; do
    mkdir -p "$image$(dirname "$library")"
    cp -L "$library" "$image$library"
done
echo "bitting:x:$user:$user::/var/lib/bitting:/nonexistent" >"$image/etc/passwd"
echo "bitting:x:$user:" >"$image/etc/group"
# Whoever runs it is nobody of the host; a new volume takes the owner of this folder.
chown "$user:$user" "$image/var/lib/bitting"
chmod 0700 "$image/var/lib/bitting"
