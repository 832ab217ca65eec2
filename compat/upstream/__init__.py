"""What release 1.0.3 promised, recorded from the package itself, and whether ours still keeps it."""
