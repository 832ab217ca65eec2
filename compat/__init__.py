"""How soasap behaves beside real servers, and beside its own released predecessor."""
