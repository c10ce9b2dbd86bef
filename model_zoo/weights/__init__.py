"""Where weights come from, and the ONNX files that are made of them."""
