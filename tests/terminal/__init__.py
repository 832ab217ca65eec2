"""`soasap get`, `watch` and `doctor`: their parts in this process, the whole of each as a process of its own."""
