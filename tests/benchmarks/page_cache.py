"""What the benchmarks do before they time anything that reads a large file."""


def warm_page_cache(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
