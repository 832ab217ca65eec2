"""
Fleet arithmetic: ten thousand clients in bad weather, with the real delays and no network.

`python -m tests.fleet` prints the figures as a table, beside those of release 1.0.3; `test_fleet.py` asserts what the
delays promise.
"""
