"""Models behind the interfaces of other libraries."""
