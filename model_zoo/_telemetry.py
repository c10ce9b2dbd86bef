"""Switch off the reports that libraries send of themselves, before any of them is imported."""

from __future__ import annotations

import os
import sys
import warnings

# Each is read once, as its library is imported.
SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: device, system and path of the interpreter
    "GRADIO_ANALYTICS_ENABLED": "False",  # also asks for Gradio's newest version
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, transformers, datasets
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets
    "DO_NOT_TRACK": "1",  # what further libraries agreed upon
}


def switch_off() -> None:
    """Switch all of them off; warns where onnxruntime was imported with its reports on."""
    too_late = "onnxruntime" in sys.modules and not os.environ.get("ORT_DISABLE_TELEMETRY")
    os.environ.update(SWITCHES)
    if too_late:
        sys.modules["onnxruntime"].disable_telemetry_events()
        warnings.warn(
            "onnxruntime was imported before model_zoo, with its telemetry on: import model_zoo "
            "first, or set ORT_DISABLE_TELEMETRY=1.",
            stacklevel=3,
        )
