#!/bin/sh
# Make sure that the browser tests find a Chromium: CHROMIUM's, the system's, or apt's; and that
# those of WebGPU find the Vulkan loader for its software GPU.
set -eu
if [ "$(uname)" != Linux ] || ldconfig -p 2>/dev/null | grep -q libvulkan.so.1; then
  if [ -x "${CHROMIUM:-}" ] || command -v chromium >/dev/null; then exit 0; fi
fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium libvulkan1 >/dev/null
else
  echo "The tests need Chromium and the Vulkan loader (libvulkan1): install them, or name one with CHROMIUM=/path/to/chrome" >&2
  exit 1
fi
