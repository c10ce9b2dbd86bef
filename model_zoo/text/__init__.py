"""Language models: text to tokens and back, the token loop, and how surprised a model is."""
