"""How an ONNX file of this project comes to be: recipes that train, builders of graphs, checks and
quantisation.
"""
