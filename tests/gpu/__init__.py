"""Tests on a GPU: that of the machine, else Chromium's software GPU, right but very slow."""
