"""Tables and their named queries, one file each; rows stay inside, values of the core come out."""
