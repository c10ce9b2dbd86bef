"""The pages, one file each: one with a `page` is a tab."""
