"""Sessions of onnxruntime: where they run, how fast, and what decodes with them."""
