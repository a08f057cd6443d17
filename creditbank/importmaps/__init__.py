"""How columns of files that institutions have are understood: data, read by creditbank.formats.row_mapping."""
