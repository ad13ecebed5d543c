"""Very many pictures: divided into chunks, each read and written as a part of the output."""
