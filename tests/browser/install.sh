#!/bin/sh
# Make sure that a Chromium is there for the browser tests: the system's own, else apt's, else playwright's.
set -eu
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
  .venv/bin/python -m playwright install chromium
fi
