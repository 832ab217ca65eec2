"""`soasap relay`: its parts in this process, the whole of it as processes."""
