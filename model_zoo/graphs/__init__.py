"""Builders: from a publisher's tensors to one ONNX file, with numpy and onnx alone, never torch."""
