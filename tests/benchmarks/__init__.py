"""
How fast, how large, and beside whom: figures, reported side by side.

::

    python tests/benchmarks/run.py                        everything, with release 1.0.3 and the peers
    python tests/benchmarks/run.py --only read_path       one subject
    python tests/benchmarks/run.py --quick --rounds 1     ours alone, small sizes, no network: does the harness work?

Law: no absolute time is asserted, here or elsewhere. Contenders are measured in turns in one run on one machine, each
in processes of its own, and what counts is their ratio. A subject is one file with a function `measure`; files that
end in `_process` run inside the processes that are measured.
"""
