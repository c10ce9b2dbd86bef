"""How the app looks: warm paper, dark ink, one accent; only fonts that the reader's system has."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

CSS = Path(__file__).with_name("style.css")

PERSIMMON = gr.themes.Color(
    name="persimmon",
    c50="#fff5ee", c100="#ffe7d8", c200="#ffcbad", c300="#ffa87a", c400="#fb874d",
    c500="#ea6526", c600="#c74a12", c700="#a33b0f", c800="#823011", c900="#692a12", c950="#391206",
)  # fmt: skip
STONE = gr.themes.Color(
    name="stone",
    c50="#faf9f6", c100="#f3f1ec", c200="#e5e1d9", c300="#d0cabf", c400="#a39b8f",
    c500="#776f65", c600="#59524a", c700="#403a34", c800="#2a2622", c900="#1d1a17", c950="#141210",
)  # fmt: skip
SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "Consolas", "monospace")

THEME = gr.themes.Base(
    primary_hue=PERSIMMON,
    secondary_hue=PERSIMMON,
    neutral_hue=STONE,
    radius_size=gr.themes.sizes.radius_lg,
    font=SANS,
    font_mono=MONO,
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    body_text_color="*neutral_900",
    body_text_color_dark="*neutral_100",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    background_fill_primary="white",
    background_fill_primary_dark="*neutral_900",
    background_fill_secondary="*neutral_100",
    background_fill_secondary_dark="*neutral_800",
    block_background_fill="white",
    block_background_fill_dark="*neutral_900",
    block_border_color="*neutral_200",
    block_border_color_dark="*neutral_800",
    border_color_primary="*neutral_200",
    border_color_primary_dark="*neutral_700",
    block_label_background_fill="transparent",
    block_label_background_fill_dark="transparent",
    block_label_border_width="0px",
    block_label_border_width_dark="0px",
    block_label_text_color="*neutral_600",
    block_label_text_color_dark="*neutral_400",
    block_title_text_color="*neutral_700",
    block_title_text_color_dark="*neutral_300",
    block_shadow="none",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_dark="*primary_600",
    button_primary_text_color="white",
    slider_color="*primary_600",
    slider_color_dark="*primary_500",
    color_accent="*primary_600",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
)
