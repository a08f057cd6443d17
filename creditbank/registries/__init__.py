"""Registries that ship as data: the regions of Chongqing, loaded by `creditbank region load`."""
