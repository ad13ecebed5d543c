"""MNIST: IDX bytes to arrays, fetching and caching, splits, a sheet of samples."""

from tenfold.data.idx import decode_idx, encode_idx
from tenfold.data.mnist import DataStatus, FileStatus, load_mnist, split_validation, status

__all__ = [
    "DataStatus",
    "FileStatus",
    "decode_idx",
    "encode_idx",
    "load_mnist",
    "split_validation",
    "status",
]
