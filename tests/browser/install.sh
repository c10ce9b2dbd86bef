#!/bin/sh
# Make sure that the browser tests find a Chromium: CHROMIUM's, the system's, or apt's.
set -eu
if [ -x "${CHROMIUM:-}" ] || command -v chromium >/dev/null; then exit 0; fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
  echo "The browser tests need Chromium: install it, or name one with CHROMIUM=/path/to/chrome" >&2
  exit 1
fi
