"""How an ONNX file of this project comes to be: recipes that train, builders of graphs, checks and
quantisation.
"""

import model_zoo  # noqa: F401 - it switches telemetry off, so it comes before any other library
