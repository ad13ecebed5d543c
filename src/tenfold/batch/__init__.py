"""Very many pictures: cut into chunks, read, written as Parquet, a part for each chunk."""
