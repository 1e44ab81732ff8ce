#!/usr/bin/env bash
# Makes sure that there are a Chromium and a Chinese font for the browser tests.
set -euo pipefail
chromium=${CHROMIUM:-/usr/bin/chromium}
missing=()
[ -x "$chromium" ] || missing+=(chromium)
fc-list :lang=zh 2>/dev/null | grep -q . || missing+=(fonts-droid-fallback fontconfig)
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "missing for the browser tests: ${missing[*]} (Debian packages), or name another Chromium in CHROMIUM" >&2
  exit 1
fi
