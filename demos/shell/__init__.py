"""What surrounds the pages: the server, the look, the words, and all that is private of Gradio."""
