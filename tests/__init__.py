"""The tests: a twin for each file of the package, and the helpers they share."""
