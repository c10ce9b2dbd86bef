#!/bin/sh
# Make sure that the tests of the other browsers find Firefox, WebKit and a screen for it: the
# system's, or apt's; and the Chinese locale, by which WebKit speaks of its reader's language.
set -eu
have() { command -v "$1" >/dev/null; }
if { have firefox-esr || have firefox; } && have WebKitWebDriver && have Xvfb &&
  locale -a 2>/dev/null | grep -qi '^zh_CN.utf-\{0,1\}8$'; then exit 0; fi
if have apt-get && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends firefox-esr webkit2gtk-driver xvfb locales >/dev/null
  localedef -i zh_CN -f UTF-8 zh_CN.UTF-8
else
  echo "These tests need firefox-esr, WebKitWebDriver, Xvfb and the locale zh_CN.UTF-8: install them" >&2
  exit 1
fi
