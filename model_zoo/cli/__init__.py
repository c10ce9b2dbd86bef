"""The command line: its verbs, its tables, and what INPUT and --set mean."""
