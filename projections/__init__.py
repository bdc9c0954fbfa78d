"""The views: one SQL file each, and the runner that advances them along the log."""
