"""Boxes on a page: combs, tables, grids, frames and circles, and the cells they hold."""
