"""What pages are drawn with, each with its JavaScript and HTML."""
